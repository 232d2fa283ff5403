#!/bin/sh
# The store is lost, with all that the client had there; the copy has it.
set -eu
restored() { # Compares what was restored with what was backed up.
    (cd /srv/restored/srv/data && sha256sum --quiet --check /root/before)
    rm -rf /srv/restored
}
rm -rf /srv/backup/restic/so-y-te /srv/data
# At once, without this host: what was sealed opens the copy.
env -i PATH="$PATH" RESTIC_CACERT=/etc/hoaban-backup/copies/standby/server.crt sh -eu <<END
set -a
$ESCROW
RESTIC_REPOSITORY=\${RESTIC_REPOSITORY}so-y-te/
restic --quiet --no-cache restore latest --no-lock --target /srv/restored
END
restored
# Or for good: converging the client makes it a new repository, which is filled from the copy.
export RESTIC_PASSWORD='a key that the server never sees' RESTIC_REPOSITORY=/srv/backup/restic/so-y-te
restic --quiet init
restic --quiet key add --new-password-file /etc/hoaban-backup/keys/so-y-te
chown -R restic-rest-server: "$RESTIC_REPOSITORY"
# By a host that was built anew, which has made itself another password.
echo 'another one' >/etc/hoaban-backup/copies/standby/password
hoaban-backup-host fetch so-y-te
export RESTIC_REPOSITORY=rest:https://so-y-te:one@10.231.12.11:8000/so-y-te RESTIC_CACERT=/root/server.crt
restic --quiet restore latest --target /srv/restored
restored
# What came back is known for what it is, on either side.
systemctl start hoaban-backup-copy.service
grep -q '"added": 0' /var/lib/hoaban-backup/copies/standby/so-y-te.json
grep -q '"late": false' /var/lib/hoaban-backup/copies/standby/so-y-te.json
if hoaban-backup-host fetch nobody; then exit 1; fi
