#!/bin/sh
# What may go wrong on the way, seen from the client: each fails clearly, and the next run is fine.
set -eux
failed() { # MESSAGE COMMAND…
    message=$1
    shift
    if "$@" 2>/root/said; then
        echo "this should have failed: $*"
        exit 1
    fi
    cat /root/said
    grep -q "$message" /root/said
    hoaban-backup status | grep -q '"outcome": "failed"'
}
whole() { # Every snapshot that there was is still there, and the newest restores.
    rm -rf /srv/restored
    hoaban-backup restore --to /srv/restored >/dev/null
    cmp /srv/data/blob /srv/restored/srv/data/blob
}
underway() { # Once the run that was just begun is sending.
    for _ in $(seq 6000); do
        process=$(pgrep -f '^restic backup' || true)
        if [ -n "$process" ] && [ "$(sed -n 's/^rchar: //p' "/proc/$process/io")" -gt 8000000 ]; then return; fi
        sleep 0.01
    done
    echo "no backup under way"
    exit 1
}
killed() { # UNIT: kills it, and waits until systemd knows.
    systemctl kill --signal=KILL "$1"
    for _ in $(seq 600); do
        if [ "$(systemctl is-failed "$1")" = failed ]; then return; fi
        sleep 0.1
    done
    exit 1
}
count() { hoaban-backup list | wc -l; }

if [ "$1" = full ]; then
    before=$(count)
    head -c 20000000 /dev/urandom >/srv/data/more
    failed 'the volume of the backup host is full' hoaban-backup run --time-limit 100
    test "$(count)" = "$before"
    whole
    exit
fi

hoaban-backup run --time-limit 60 # there is room again
whole

before=$(count)
ip route add blackhole 10.231.28.11/32
failed 'the backup host 10.231.28.11:8000' hoaban-backup run
ip route del blackhole 10.231.28.11/32
head -c 100000000 /dev/urandom >/srv/data/more
hoaban-backup run --time-limit 8 2>/root/cut &
run=$!
underway
ip route add blackhole 10.231.28.11/32
if wait "$run"; then exit 1; fi
ip route del blackhole 10.231.28.11/32
cat /root/cut
grep -q 'stopped after 8 s' /root/cut
test "$(count)" = "$before"

head -c 100000000 /dev/urandom >/srv/data/more
systemctl start --no-block hoaban-backup.service
underway
killed hoaban-backup.service
test "$(count)" = "$before"
rm /srv/data/more
systemctl start hoaban-backup.service
test "$(count)" = $((before + 1))
whole
