"""Each host of a group has a time of its own in the maintenance window."""

from __future__ import annotations

import pytest

from hoaban.plugins.filter.updates import update_times


def test_places_follow_each_other() -> None:
    assert update_times("00:30", 240, 0, 20) == {"install": "00:30:00", "reboot": "00:45:00"}
    assert update_times("00:30", 240, 11, 20) == {"install": "04:10:00", "reboot": "04:25:00"}


def test_no_two_hosts_install_or_reboot_together() -> None:
    times = [update_times("22:00", 120, slot, 7) for slot in range(17)]
    everything = sorted(time for one in times for time in one.values())
    assert len(set(everything)) == 34
    assert everything == [time for one in times for time in (one["install"], one["reboot"])]
    assert everything[-1] < "24:00:00"


@pytest.mark.parametrize(
    ("start", "minutes", "slot", "length", "words"),
    [
        ("24:00", 60, 0, 20, "no time of day"),
        ("0:30", 60, 0, 20, "no time of day"),
        ("23:30", 60, 0, 20, "must end on the same day"),
        ("00:30", 60, -1, 20, "must end on the same day"),
        ("00:30", 60, 0, 0, "must end on the same day"),
        ("00:30", 60, 3, 20, "has 3 places of 20, and this host is number 4 of its group"),
    ],
)
def test_a_place_that_there_is_not(
    start: str, minutes: int, slot: int, length: int, words: str
) -> None:
    with pytest.raises(ValueError, match=words):
        update_times(start, minutes, slot, length)
