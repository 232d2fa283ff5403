"""Turns the output of a program that failed into one message with its mend."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from hoaban.errors import HoabanError, Location

if TYPE_CHECKING:
    from pathlib import Path

_TAIL_LINES = 15
_SECRET = re.compile(r"(?<=://)[^/@\s]+@")

_DISK_FULL = re.compile(
    r"No space left on device|not enough free space|Disk quota exceeded", re.IGNORECASE
)
_NO_MIRROR = re.compile(
    r"Temporary failure resolving|Could not resolve|Could not connect|Connection (?:refused|timed"
    r" out|failed)|Network is unreachable|Unable to connect|Failed to fetch|does not have a Release"
    r" file",
    re.IGNORECASE,
)
_NO_PACKAGE = re.compile(r"Unable to locate package (\S+)|Package '(\S+)' has no installation")


def explain(what: str, output: str, folder: Path) -> HoabanError:
    """The error behind ``output`` of a program that worked in ``folder``."""
    lines = [line for line in _SECRET.sub("", output).splitlines() if line.strip()]
    detail = "\n".join(lines[-_TAIL_LINES:])
    where = Location(file=str(folder))
    if _DISK_FULL.search(output):
        return HoabanError(
            "the disk is full",
            where=where,
            mend="free some space, or set HOABAN_IMAGE_DIR to a folder on another disk",
            detail=detail,
        )
    if _NO_MIRROR.search(output):
        return HoabanError(
            "the package mirror cannot be reached, or does not carry this release of Debian",
            mend="see that apt works on this machine (apt-get update), and that its mirror carries"
            " Debian 13 (trixie, trixie-updates, trixie-security)",
            detail=detail,
        )
    missing = _NO_PACKAGE.search(output)
    if missing:
        name = missing.group(1) or missing.group(2)
        return HoabanError(
            f"there is no package {name} in Debian 13",
            mend="correct its name in the recipe's packages.txt, or in a role's list of packages",
            detail=detail,
        )
    return HoabanError(
        what, where=where, mend="see the output, mend its cause, and build again", detail=detail
    )
