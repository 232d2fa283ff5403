"""What an upgrade changed, from what dpkg and apt say. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from hoaban.model.types import Model

if TYPE_CHECKING:
    from collections.abc import Mapping

_INST: Final = re.compile(r"^Inst (\S+) (?:\[(\S+)\] )?\((\S+) ", re.MULTILINE)


class Change(Model):
    """One package; ``old`` is null where it is new, ``new`` where it is gone."""

    package: str
    old: str | None
    new: str | None


def installed(listing: str) -> dict[str, str]:
    """Versions by package, of a listing that has a line of name, version and status for each."""
    rows = (line.split() for line in listing.splitlines())
    return {row[0]: row[1] for row in rows if len(row) == 3 and row[2] == "installed"}  # noqa: PLR2004


def changes(before: Mapping[str, str], after: Mapping[str, str]) -> list[Change]:
    """What is another version, new or gone, by name."""
    return [
        Change(package=name, old=before.get(name), new=after.get(name))
        for name in sorted({*before, *after})
        if before.get(name) != after.get(name)
    ]


def simulated(words: str) -> list[Change]:
    """What ``apt-get --simulate`` would install (apt-get(8)), by name."""
    found = (match.groups() for match in _INST.finditer(words))
    rows = [Change(package=name, old=old, new=new) for name, old, new in found]
    return sorted(rows, key=lambda change: change.package)
