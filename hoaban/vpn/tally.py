"""Sums up a hub's measurements of a month; runs on the hub, with Python's own library alone.

Argument: the file. Output: JSON, by circuit the minutes that were measured and those with an answer
(bits in hexadecimal, the month's first minute first), packets sent and received, and the sum of the
times of those that came back. A month of 99 circuits is half a gigabyte on a hub, and one megabyte
so. A line that was cut off, by a full disk or a crash, is left out.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

MINUTES = 31 * 24 * 60


def minute_of(time: str) -> int:
    """The minute within its month of a time such as 2026-11-22T23:00:05Z."""
    day, hour, minute = int(time[8:10]), int(time[11:13]), int(time[14:16])
    return ((day - 1) * 24 + hour) * 60 + minute


def tally(lines: Iterable[str]) -> dict[str, dict[str, Any]]:
    """The sums by circuit."""
    sums: dict[str, dict[str, Any]] = {}
    for line in lines:
        try:
            record = json.loads(line)
            minute = minute_of(record["time"])
            link, sent, received = record["link"], int(record["sent"]), int(record["received"])
            milliseconds = float(record["rtt_avg_ms"] or 0.0) * received
        except (ValueError, KeyError, TypeError):
            continue
        if not 0 <= minute < MINUTES:
            continue
        found = sums.setdefault(
            link,
            {
                "measured": bytearray(MINUTES // 8),
                "up": bytearray(MINUTES // 8),
                "sent": 0,
                "received": 0,
                "milliseconds": 0.0,
            },
        )
        place, bit = minute // 8, 0x80 >> minute % 8
        found["measured"][place] |= bit
        if received:
            found["up"][place] |= bit
        found["sent"] += sent
        found["received"] += received
        found["milliseconds"] += milliseconds
    for found in sums.values():
        found |= {key: found[key].hex() for key in ("measured", "up")}
    return sums


if __name__ == "__main__":
    with Path(sys.argv[1]).open(encoding="utf-8") as stream:
        print(json.dumps(tally(stream)))  # noqa: T201
