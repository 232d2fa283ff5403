"""Logs of the lab's programs."""

from __future__ import annotations

import os
import time
from collections import deque
from typing import TYPE_CHECKING

from hoaban.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from hoaban.lab.layout import Layout

_POLL_SECONDS = 0.3


def names(layout: Layout) -> list[str]:
    """Programs that have a log, by name."""
    return sorted(path.stem for path in layout.logs.glob("*.log"))


def tail(layout: Layout, program: str, lines: int = 15) -> str:
    """The last lines of a program's log; empty when there is none."""
    try:
        return "\n".join(_last(layout.log_of(program), lines))
    except FileNotFoundError:
        return ""


def read(
    layout: Layout, program: str | None, lines: int, *, follow: bool
) -> Iterator[tuple[str, str]]:
    """Pairs of program and line: the last ``lines`` of each log, then new ones as they come."""
    known = names(layout)
    if program is not None and program not in known:
        raise UsageError(
            f"no program of the lab has the name {program}",
            mend=f"give one of: {', '.join(known)}" if known else "bring the lab up: hoaban lab up",
        )
    programs = known if program is None else [program]
    places = {name: _Follower(layout.log_of(name)) for name in programs}
    for name in programs:
        for line in _last(layout.log_of(name), lines):
            yield name, line
    while follow:
        for name, place in places.items():
            for line in place.new():
                yield name, line
        time.sleep(_POLL_SECONDS)


class _Follower:
    """Reads what is added to a file, also when the supervisor begins a new one in its place."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = path.open(encoding="utf-8", errors="replace")
        self._file.seek(0, 2)
        self._part = ""

    def new(self) -> Iterator[str]:
        """Lines that were completed since the last call."""
        yield from self._lines()
        try:
            renewed = self._path.stat().st_ino != self._inode()
        except FileNotFoundError:
            return
        if renewed:
            self._file.close()
            self._file = self._path.open(encoding="utf-8", errors="replace")
            yield from self._lines()

    def _inode(self) -> int:
        return os.fstat(self._file.fileno()).st_ino

    def _lines(self) -> Iterator[str]:
        *whole, self._part = (self._part + self._file.read()).split("\n")
        yield from whole


def _last(path: Path, lines: int) -> list[str]:
    with path.open(encoding="utf-8", errors="replace") as stream:
        return [line.rstrip("\n") for line in deque(stream, lines)]
