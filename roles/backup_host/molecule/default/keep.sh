#!/bin/sh
# What another backup host has copied here is maintained like any client's.
set -eux
state=/var/lib/hoaban-backup/clients/backup-host/so-y-te.json
test "$(stat -c %U:%a /srv/backup/restic/backup-host/so-y-te/config)" = restic-rest-server:600
systemctl start hoaban-backup-maintain.service
grep -q '"outcome": "done"' $state
grep -q '"snapshots": 1' $state
hoaban-backup-host list | grep -q '"client": "backup-host/so-y-te"'
# Whoever is root here restores without the host that made the copies.
restic --quiet --no-cache -r /srv/backup/restic/backup-host/so-y-te \
    --password-file /etc/hoaban-backup/keys/backup-host restore latest --no-lock --target /srv/restored
test "$(cat '/srv/restored/srv/data/tệp có dấu')" = 'Sơn La'
test "$(stat -c %s /srv/restored/srv/data/blob)" = 3000000
