#!/bin/sh
# Cuts the host off, without a farewell to anybody.
exec nft -f - <<EOF
table inet cut {
  chain in { type filter hook input priority -300; policy drop; }
  chain out { type filter hook output priority -300; policy drop; }
}
EOF
