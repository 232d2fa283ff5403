"""Ansible filter for the time that a host has in the maintenance window."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_TIME = re.compile(r"([01]\d|2[0-3]):([0-5]\d)")
_DAY = 24 * 60


def update_times(start: str, minutes: int, slot: int, slot_minutes: int) -> dict[str, str]:
    """When the host in place ``slot`` of its group installs and reboots, as ``HH:MM:SS``.

    Places are as long as ``slot_minutes`` and come one after the other from ``start``; all must
    lie in a window of ``minutes`` that ends on the same day. Raises :class:`ValueError` where they
    do not: two hosts of a group at one time is what this is to prevent.
    """
    match = _TIME.fullmatch(start)
    if match is None:
        raise ValueError(f"base_update_start {start!r} is no time of day, such as 00:30")
    opens = int(match.group(1)) * 60 + int(match.group(2))
    if slot < 0 or slot_minutes < 1 or opens + minutes > _DAY:
        raise ValueError(
            f"a window of {minutes} minutes from {start} must end on the same day, in places of a "
            "minute at least, counted from 0"
        )
    if (slot + 1) * slot_minutes > minutes:
        raise ValueError(
            f"the window of {minutes} minutes has {minutes // slot_minutes} places of "
            f"{slot_minutes}, and this host is number {slot + 1} of its group: make "
            "base_update_minutes longer or base_update_slot_minutes shorter"
        )
    begins = (opens + slot * slot_minutes) * 60
    return {"install": _clock(begins), "reboot": _clock(begins + slot_minutes * 45)}


def _clock(seconds: int) -> str:
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"


class FilterModule:
    """The filter, by the name that expressions use."""

    def filters(self) -> dict[str, Callable[..., dict[str, str]]]:
        """Ansible asks for this."""
        return {"update_times": update_times}
