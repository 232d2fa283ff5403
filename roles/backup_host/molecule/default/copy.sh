#!/bin/sh
# Copies a client's backups, and what somebody who has this host and its secrets can't do there.
set -eux
state=/var/lib/hoaban-backup/copies/standby/so-y-te.json
value() { python3 -c "import json, sys; print(json.load(open('$1'))$2)"; }
# The client lets the host in, as its role does.
export RESTIC_REPOSITORY=/srv/backup/restic/so-y-te
client() { RESTIC_PASSWORD='a key that the server never sees' restic --quiet "$@"; }
client key add --new-password-file /etc/hoaban-backup/keys/so-y-te
chown -R restic-rest-server: "$RESTIC_REPOSITORY"
(cd /srv/data && find . -type f -exec sha256sum {} + | sort -k 2) >/root/before

systemctl start hoaban-backup-copy.service
test "$(value $state "['outcome']")" = done
test "$(value $state "['added']")" = 1
test "$(value $state "['late']")" = False
test "$(value $state "['hours']")" = 48
hoaban-backup-host list | grep -q '"copied": "'
set -a
. /etc/hoaban-backup/copies/standby/account.env
RESTIC_REPOSITORY=rest:https://10.231.12.12:8000/backup-host/so-y-te/
RESTIC_PASSWORD_FILE=/etc/hoaban-backup/copies/standby/password
RESTIC_CACERT=/etc/hoaban-backup/copies/standby/server.crt
set +a
restic forget --unsafe-allow-remove-all latest >/root/said 2>&1 || true
grep -q '403 Forbidden' /root/said
test "$(restic snapshots --json --no-lock | grep -o '"original"' | wc -l)" = 1
python3 - <<'END'
import base64, json, os, ssl, urllib.error, urllib.request
address = os.environ["RESTIC_REPOSITORY"].removeprefix("rest:")
context = ssl.create_default_context(cafile=os.environ["RESTIC_CACERT"])
secret = base64.b64encode(
    f"{os.environ['RESTIC_REST_USERNAME']}:{os.environ['RESTIC_REST_PASSWORD']}".encode()
).decode()

def status(method, url):
    request = urllib.request.Request(url, method=method, data=b"x" if method == "POST" else None)
    request.add_header("Authorization", f"Basic {secret}")
    request.add_header("Accept", "application/vnd.x.restic.rest.v2")
    try:
        with urllib.request.urlopen(request, context=context) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, b""

for kind, least in (("data", 1), ("snapshots", 1), ("index", 1), ("keys", 2)):
    found = json.loads(status("GET", address + f"{kind}/")[1])
    assert len(found) >= least, (kind, found)
    for one in found:
        assert status("DELETE", address + f"{kind}/{one['name']}")[0] == 403, kind
        assert status("POST", address + f"{kind}/{one['name']}")[0] in (400, 403), kind
for method in ("DELETE", "POST"):
    assert status(method, address + "config")[0] == 403
assert status("DELETE", address)[0] in (403, 405)
root = address.removesuffix("backup-host/so-y-te/")
assert status("GET", root + "so-y-te/config")[0] == 401
END
# No secret in what was logged.
for file in password key; do
    if journalctl -q --no-pager | grep -qF -f /etc/hoaban-backup/copies/standby/$file; then exit 1; fi
done
if journalctl -q --no-pager | grep -F "$RESTIC_REST_PASSWORD"; then exit 1; fi

# Nobody answers: the unit fails, and says whom it could not reach.
ip route add blackhole 10.231.12.12/32
if systemctl start hoaban-backup-copy.service; then exit 1; fi
ip route del blackhole 10.231.12.12/32
grep -q '10.231.12.12:8000' /var/lib/hoaban-backup/copies/standby.json
# A copy that is older than it may be.
python3 - $state <<'END'
import json, sys
state = json.load(open(sys.argv[1]))
state["copied"] = None
state["since"] = "2026-01-01T00:00:00+00:00"
json.dump(state, open(sys.argv[1], "w"))
END
mv /etc/hoaban-backup/keys/so-y-te /root/key
echo wrong >/etc/hoaban-backup/keys/so-y-te
if systemctl start hoaban-backup-copy.service; then exit 1; fi
mv /root/key /etc/hoaban-backup/keys/so-y-te
grep -q '"late": true' $state
