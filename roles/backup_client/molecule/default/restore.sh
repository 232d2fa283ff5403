#!/bin/sh
# Backs up files and a database, restores both elsewhere, and compares.
set -eu
mkdir -p "/srv/data/Hồ sơ"
head -c 30000000 /dev/urandom >/srv/data/blob
echo 'Sơn La' >"/srv/data/Hồ sơ/tệp có dấu"
ln -s blob /srv/data/link
: >/srv/data/empty
chown games:games /srv/data/empty
systemctl start postgresql
postgres() { runuser -u postgres -- "$@"; }
cd /
postgres createuser clerk
postgres createdb -O clerk 'hồ sơ'
postgres psql -qXd 'hồ sơ' <<'END'
create table files (id int primary key, title text);
insert into files select n, 'hồ sơ số ' || n from generate_series(1, 5000) as n;
create table "Người dân" (name text);
insert into "Người dân" values ('An'), ('Bình');
END

systemctl start hoaban-backup.service
test "$(cat /run/outcome)" = done
status=$(hoaban-backup status)
echo "$status" | grep -q '"rpo_met": true'
echo "$status" | grep -q '"outcome": "done"'
systemctl start hoaban-backup-alarm.service

rm -rf /srv/restored
hoaban-backup restore --to /srv/restored
diff -r --no-dereference /srv/data /srv/restored/srv/data
(cd /srv/data && find . -type f -exec sha256sum {} + | sort) >/root/before
(cd /srv/restored/srv/data && sha256sum --quiet --check /root/before)
test "$(stat -c '%U %s' /srv/restored/srv/data/empty)" = 'games 0'
test "$(readlink /srv/restored/srv/data/link)" = blob
rm -rf /srv/part
hoaban-backup restore --to /srv/part --path '/srv/data/Hồ sơ' --at "$(date --rfc-3339=seconds | tr ' ' T)"
test "$(find /srv/part -type f | wc -l)" = 1
if hoaban-backup restore --to /srv/part --path /srv/none; then exit 1; fi
if hoaban-backup restore --to /srv/part --at 2001-01-01T00:00:00Z; then exit 1; fi

# The database, into a fresh one; its rows against those that were counted with the dump.
set -- /srv/restored/srv/data/.dumps/postgresql/*-main
test -d "$1"
grep -q 'CREATE ROLE clerk' "$1/globals.sql"
postgres createdb restored
postgres pg_restore --exit-on-error -d restored <"$1/h%E1%BB%93 s%C6%A1.dump"
python3 - "$1/counts.json" <<'END'
import json, subprocess, sys
counted = json.load(open(sys.argv[1]))["hồ sơ"]
assert counted == {"public.files": 5000, 'public."Người dân"': 2}, counted
for table, rows in counted.items():
    out = subprocess.run(
        ["runuser", "-u", "postgres", "--", "psql", "-XAtqd", "restored", "-c", f"select count(*) from {table}"],
        capture_output=True, text=True, check=True,
    ).stdout
    assert int(out) == rows, (table, out)
END
postgres dropdb restored
# A database that can't be dumped fails the run, and its files are kept all the same.
pg_ctlcluster "$(ls /etc/postgresql)" main stop
if hoaban-backup run; then exit 1; fi
hoaban-backup status | grep -q 'is down'
if systemctl start hoaban-backup-alarm.service; then exit 1; fi
pg_ctlcluster "$(ls /etc/postgresql)" main start
hoaban-backup run
systemctl start hoaban-backup-alarm.service
# No secret in what was logged or is to be seen of the state.
for secret in "$(cat /etc/hoaban-backup/password)" "$(sed -n 's/^RESTIC_REST_PASSWORD=//p' /etc/hoaban-backup/account.env)"; do
    test ${#secret} -gt 40
    if journalctl -q --no-pager | grep -F -e "$secret"; then exit 1; fi
    if grep -rF -e "$secret" /var/lib/hoaban-backup/client.json /etc/systemd /usr/local/sbin; then exit 1; fi
done
test -z "$(find /etc/hoaban-backup -type f -perm /077 ! -name server.crt ! -path '*.d/*')"
