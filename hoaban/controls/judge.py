"""What was found on a host, compared with what its controls ask."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from hoaban.controls.catalogue import Catalogue, catalogue
from hoaban.controls.model import Control, Kind, Setting

if TYPE_CHECKING:
    from collections.abc import Sequence

UNREAD: Final = "!"
"""How the agent begins what it could not read."""
_FIXED: Final = {
    Kind.MODULE: "barred",
    Kind.PAM: "set",
    Kind.PACKAGE_ABSENT: "absent",
}


@dataclass(frozen=True, slots=True)
class Fault:
    """A setting that is not as its control asks."""

    control: Control
    setting: Setting
    wanted: str
    found: str | None

    def __str__(self) -> str:
        found = "absent" if self.found is None else " ".join(self.found.split())
        if self.setting.kind is Kind.FILE and self.found is not None and not self.unread:
            return f"{self.setting.key} has another content"
        wanted = " ".join(self.wanted.split())
        return f"{self.setting.kind} {self.setting.key} is {found[:80]}, not {wanted[:80]}"

    @property
    def unread(self) -> bool:
        """Whether nothing is known, since it could not be read."""
        return self.found is not None and self.found.startswith(UNREAD)


def questions(
    level: int, services: Sequence[str] = (), source: Catalogue | None = None
) -> list[tuple[Control, Setting]]:
    """What to ask a host for: everything that its level selects, waived or not."""
    return [*(source or catalogue()).settings(level, services)]


def wanted(setting: Setting, level: int) -> str:
    """What the agent tells of a setting that is right at a level."""
    return _FIXED.get(setting.kind, setting.at(level))


def faults(
    level: int, asked: Sequence[tuple[Control, Setting]], found: Sequence[str | None]
) -> list[Fault]:
    """Settings that are not as they should be. ``found`` is in the order of ``asked``."""
    wrong = []
    for (control, setting), value in zip(asked, found, strict=True):
        right = wanted(setting, level)
        if not _fits(setting.kind, right, value):
            wrong.append(Fault(control, setting, right, value))
    return wrong


def _fits(kind: Kind, wanted: str, found: str | None) -> bool:
    if kind is Kind.MODE:
        return found is None or _no_more(wanted, found)
    if kind is Kind.FILE and found is not None:
        return found.strip() == wanted.strip()
    return found == wanted


def _no_more(wanted: str, found: str) -> bool:
    """Whether a mode grants no more than another, with owner and group the same."""
    if found.startswith(UNREAD):
        return False
    (most, *owners), (mode, *real) = wanted.split(), found.split()
    return owners == real and not int(mode, 8) & ~int(most, 8)
