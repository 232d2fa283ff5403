"""An agency's data, lost and brought back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.e2e.conftest import QUOTA_GB
from tests.e2e.test_1_first_light import DATA, WEB

if TYPE_CHECKING:
    from tests.e2e.conftest import Estate

pytestmark = pytest.mark.e2e

SUMS = "cd /srv/db && sudo find hồ-sơ -type f -exec sha256sum {} + | sort"


def test_data_that_was_destroyed_comes_back_as_it_was(estate: Estate) -> None:
    estate.on(
        DATA,
        "sudo mkdir -p /srv/db/hồ-sơ && for n in $(seq 40); do "
        "head -c $((n * 4096)) /dev/urandom | sudo tee /srv/db/hồ-sơ/$n >/dev/null; done",
    )
    before = estate.on(DATA, SUMS)
    assert before.count("\n") >= 40
    estate.hoaban("backup", "run", DATA)
    estate.on(DATA, 'sudo find /srv/db -mindepth 1 -delete; test -z "$(ls -A /srv/db)"')
    estate.hoaban("backup", "restore", DATA, "--path", "/srv/db", "--yes")
    assert estate.on(DATA, SUMS) == before


STORE = "/srv/backup/restic"
# As its program does: a piece under the name of its SHA-256, by the host's own account.
ADD = (
    "sudo bash -c 'cd /etc/hoaban-backup; set -a; . ./client.env; . ./account.env; umask 077; "
    "head -c 4000000 /dev/urandom > /tmp/piece; "
    "name=$(sha256sum < /tmp/piece | cut -c -64); "
    "url=${RESTIC_REPOSITORY#rest:}; "
    'echo "user = $RESTIC_REST_USERNAME:$RESTIC_REST_PASSWORD" | curl -sK - '
    "--cacert server.crt -o /dev/null -w %{http_code} --data-binary @/tmp/piece "
    "${url}data/$name'"
)


# What is left of the quota, to the last MiB: how much that was, and what the volume has left.
FILL = (
    "n=0; for size in 1024 512 256 128 64 32 16 8 4 2 1; do "
    "sudo fallocate -o ${n}M -l ${size}M ROOM 2>/dev/null && n=$((n + size)); done; "
    f"echo $n; df --output=avail -m {STORE} | tail -1"
)


def test_who_fills_his_quota_stops_nobody_else(estate: Estate) -> None:
    room = f"{STORE}/{DATA}/data/room"
    try:
        taken, left = estate.on("backup-1", FILL.replace("ROOM", room)).split()
        assert 900 < int(taken) < 1024 * QUOTA_GB
        assert int(left) > 500, "the volume has room"
        assert estate.on(DATA, ADD) in {"500", "507"}
        assert estate.on(WEB, ADD) == "200"
    finally:
        estate.on("backup-1", f"sudo rm -f {room}")
    assert estate.on(DATA, ADD) == "200"
