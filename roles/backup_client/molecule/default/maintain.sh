#!/bin/sh
# Maintains the store: what is old goes, what is only said to be old stays; killed, and again.
set -eux
cd /srv/backup/restic/backup-client
state=/var/lib/hoaban-backup/clients/backup-client.json
value() { python3 -c "import json, sys; print(json.load(open('$state'))$1)"; }
count() { find snapshots -type f | wc -l; }
killed() { # UNIT: kills it, and waits until systemd knows.
    systemctl kill --signal=KILL "$1"
    for _ in $(seq 600); do
        if [ "$(systemctl is-failed "$1")" = failed ]; then return; fi
        sleep 0.1
    done
    exit 1
}
test "$(stat -c %U:%a config)" = restic-rest-server:600
# The youngest snapshot came in just now, and was made when it says.
youngest=$(ls -t snapshots | head -1)
touch -d '2002-02-02' "snapshots/$youngest"
before=$(count)
packs=$(du -s data | cut -f1)

# Killed while it prunes; the lock that it leaves is gone with it.
systemctl start --no-block hoaban-backup-maintain.service
for _ in $(seq 3000); do
    if pgrep -f '^restic prune' >/dev/null && [ -n "$(find locks -type f)" ]; then break; fi
    sleep 0.01
done
killed hoaban-backup-maintain.service
for _ in $(seq 120); do
    if [ -z "$(find locks -type f)" ]; then break; fi
    sleep 0.5
done
test -z "$(find locks -type f)"

systemctl start hoaban-backup-maintain.service
test "$(value "['outcome']")" = done
test "$(value "['check']['part']")" -ge 1
test "$(count)" = $((before - 1))
test ! -e "snapshots/$youngest"
test "$(du -s data | cut -f1)" -lt "$packs"
test "$(find data -type f ! -user restic-rest-server | wc -l)" = 0
test "$(stat -c %s /srv/backup/reserve/room)" = 67108864
hoaban-backup-host list | grep -q '"over_quota": false'
# Neither keys nor accounts are to be seen by the server.
server=$(systemctl show --value -p MainPID restic-rest-server)
test "$(tr '\0' ' ' <"/proc/$server/environ" | grep -c CREDENTIALS_DIRECTORY)" = 1
if nsenter --mount --target "$server" runuser -u restic-rest-server -- ls /etc/hoaban-backup /var/lib/hoaban-backup 2>/dev/null; then exit 1; fi
if journalctl -q --no-pager | grep -qF -e "$(cat /etc/hoaban-backup/keys/backup-client)"; then exit 1; fi
