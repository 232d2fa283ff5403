#!/bin/sh
# A third copy: what it is worth, and that the volume is unmounted whatever happens.
set -eu
state=/var/lib/hoaban-backup/offline/offline-1.json
disk=/srv/disks/offline-1
client="d['clients']['backup-host/so-y-te']"
holds() { python3 -c "import json; d = json.load(open('$state')); assert $1, d"; }
free() { # Nothing is mounted, and nothing was written where nothing is.
    if mountpoint -q /srv/offline; then exit 1; fi
    test -z "$(ls -A /srv/offline)"
}
install -d -o restic-rest-server -g restic-rest-server -m 700 $disk
hoaban-backup-host offline offline-1
free
holds "d['outcome'] == 'done' and $client['added'] == 1 and $client['read_back']['files'] >= 3"

# As its leaflet says, with what was sealed and what is on the volume.
grep -q 'restore latest' $disk/README.txt
grep -q 'BEGIN AGE ENCRYPTED FILE' $disk/access.age
env -i PATH="$PATH" sh -eu <<END
set -a
$ESCROW
restic --quiet --no-cache -r $disk/restic/backup-host/so-y-te restore latest --no-lock --target /srv/offline-restored
END
test "$(cat '/srv/offline-restored/srv/data/tệp có dấu')" = 'Sơn La'
test "$(stat -c %s /srv/offline-restored/srv/data/blob)" = 3000000
# Keys of the store don't open it.
if restic --quiet --no-cache -r $disk/restic/backup-host/so-y-te --no-lock cat config \
    --password-file /etc/hoaban-backup/keys/backup-host 2>/dev/null; then exit 1; fi

# A bit turns over: found when its part is read, one of four.
pack=$(find $disk/restic/backup-host/so-y-te/data -type f -size +500k | head -n 1)
part=$(python3 -c "print(int('$(basename "$pack")'[:2], 16) % 4 + 1)")
python3 - "$pack" $state "$part" <<'END'
import json, sys
pack, state, part = sys.argv[1:]
with open(pack, "r+b") as stream:
    stream.seek(1000)
    byte = stream.read(1)
    stream.seek(1000)
    stream.write(bytes([byte[0] ^ 1]))
told = json.load(open(state))
told["clients"]["backup-host/so-y-te"]["check"]["part"] = (int(part) - 2) % 4 + 1
json.dump(told, open(state, "w"))
END
if hoaban-backup-host offline offline-1; then exit 1; fi
free
holds "d['outcome'] == 'failed' and $client['check']['damaged'] == [$part]"

# Killed, and there is no volume: unmounted, and not taken for a copy.
systemctl start --no-block hoaban-backup-offline@offline-1.service
until mountpoint -q /srv/offline; do sleep 0.1; done
systemctl kill --signal=KILL hoaban-backup-offline@offline-1.service
hoaban-backup-host release
free
holds "d['outcome'] != 'done'"
if hoaban-backup-host offline offline-2; then exit 1; fi
free
