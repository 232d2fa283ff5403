#!/bin/sh
# One bit of the store turns over.
set -eux
cd /srv/backup/restic/backup-client
state=/var/lib/hoaban-backup/clients/backup-client.json
value() { python3 -c "import json, sys; print(json.load(open('$state'))$1)"; }
pack=$(find data -type f -size +1000k | head -1)
flip() {
    python3 - "$pack" <<'END'
import sys
with open(sys.argv[1], "r+b") as file:
    file.seek(500_000)
    byte = file.read(1)[0]
    file.seek(500_000)
    file.write(bytes([byte ^ 4]))
END
}
# The turn of the part that the pack is in would come within 30 days: let it come now.
part=$((0x$(basename "$pack" | cut -c1-2) % 30 + 1))
python3 - "$state" "$part" <<'END'
import json, sys
path, part = sys.argv[1], int(sys.argv[2])
state = json.load(open(path))
state["check"]["part"] = (part - 2) % 30 + 1
json.dump(state, open(path, "w"))
END
flip
if systemctl start hoaban-backup-maintain.service; then exit 1; fi
test "$(value "['outcome']")" = failed
test "$(value "['check']['damaged']")" = "[$part]"
grep -q '"outcome": "failed"' /var/lib/hoaban-backup/host.json
if systemctl start hoaban-backup-maintain.service; then exit 1; fi
test "$(value "['kept_whole']")" = True
flip
systemctl start hoaban-backup-maintain.service
test "$(value "['check']['damaged']")" = '[]'
systemctl start hoaban-backup-maintain.service
test "$(value "['outcome']")" = done
