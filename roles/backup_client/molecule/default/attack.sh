#!/bin/sh
# What somebody who has this client and its secrets can't do.
set -eu
set -a
. /etc/hoaban-backup/client.env
. /etc/hoaban-backup/account.env
set +a
before=$(hoaban-backup list --json)
refused() {
    if "$@" >/root/said 2>&1; then
        echo "this was let through: $*"
        exit 1
    fi
}
# restic says so, and ends as if all were well: what counts is what is still there afterwards.
restic forget --keep-last 1 --unsafe-allow-remove-all >/root/said 2>&1 || true
grep -q '403 Forbidden' /root/said
restic prune >/root/said 2>&1 || true
test "$before" = "$(hoaban-backup list --json)"
# As the protocol has it, without restic's manners.
python3 - <<'END'
import base64, os, ssl, urllib.error, urllib.request

address = os.environ["RESTIC_REPOSITORY"].removeprefix("rest:")
context = ssl.create_default_context(cafile=os.environ["RESTIC_CACERT"])

def status(method, path, name=os.environ["RESTIC_REST_USERNAME"], word=os.environ["RESTIC_REST_PASSWORD"], base=address):
    request = urllib.request.Request(base + path, method=method, data=b"x" if method == "POST" else None)
    secret = base64.b64encode(f"{name}:{word}".encode()).decode()
    request.add_header("Authorization", f"Basic {secret}")
    request.add_header("Accept", "application/vnd.x.restic.rest.v2")
    try:
        with urllib.request.urlopen(request, context=context) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, b""

import json
packs = json.loads(status("GET", "data/")[1])
snapshots = json.loads(status("GET", "snapshots/")[1])
keys = json.loads(status("GET", "keys/")[1])
assert packs and snapshots and len(keys) == 2, (len(packs), len(snapshots), len(keys))
for kind, entries in (("data", packs), ("snapshots", snapshots), ("keys", keys)):
    assert status("DELETE", f"{kind}/{entries[0]['name']}")[0] == 403, kind
    assert status("POST", f"{kind}/{entries[0]['name']}")[0] in (400, 403), kind
assert status("DELETE", "config")[0] == 403
assert status("POST", "config")[0] == 403
assert status("DELETE", "")[0] in (403, 405)
other = address.replace("/backup-client/", "/xa-long-sap/")
assert status("GET", "config", base=other)[0] == 401
assert status("POST", "?create=true", base=other)[0] == 401
assert status("GET", "config", base=address + "../xa-long-sap/")[0] in (400, 401, 404)
assert status("GET", "config", word="wrong")[0] == 401
END
# A repository's password that is another's.
mkdir -p /root/wrong
cp -r /etc/hoaban-backup/. /root/wrong
echo wrong >/root/wrong/password
refused hoaban-backup --config /root/wrong list
grep -q 'does not open its repository' /root/said
# A server that is not the one whose certificate is pinned.
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -noenc -subj /CN=x \
    -keyout /root/x.key -out /root/wrong/server.crt 2>/dev/null
cp /etc/hoaban-backup/password /root/wrong/password
refused hoaban-backup --config /root/wrong run
grep -q 'certificate verify failed' /root/said
hoaban-backup run
test "$before" = "$(hoaban-backup list --json | python3 -c 'import json, sys; print(json.dumps(json.load(sys.stdin)[:-1], indent=2, ensure_ascii=False))')"

# Lie about the time: years ahead, and years ago.
ahead=$(date -d '+10 years' '+%F %T')
restic backup --quiet --host backup-client --time "$ahead" /srv/data /srv/data/.dumps
restic backup --quiet --host backup-client --time '2001-01-01 00:00:00' /srv/data /srv/data/.dumps
# What is truly old; the store sees to it that its own clock says so, too.
head -c 20000000 /dev/urandom >/srv/data/former
restic backup --quiet --host backup-client --time '2002-02-02 00:00:00' /srv/data /srv/data/.dumps
rm /srv/data/former
