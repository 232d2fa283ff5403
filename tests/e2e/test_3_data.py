"""An agency's data, lost and brought back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.e2e.test_1_first_light import DATA

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
