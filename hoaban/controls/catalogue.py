"""The catalogue as a value, and what it asks of a host."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from hoaban.controls.model import Control, Family, Kind, Setting, Status
from hoaban.errors import HoabanError, Location
from hoaban.model.document import read_document
from hoaban.model.problems import near, raise_all
from hoaban.model.validation import validate

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

FOLDER = Path(__file__).parent / "catalogue"
EDITION = "CIS Debian Linux 12 Benchmark v1.1.0"


@dataclass(frozen=True, slots=True)
class Catalogue:
    """All families, in the order of their files."""

    families: tuple[Family, ...]

    @property
    def controls(self) -> list[Control]:
        """All controls."""
        return [control for family in self.families for control in family.controls]

    def control(self, identifier: str) -> Control:
        """A control by its identifier; an error that names similar ones when there is none."""
        found = {control.id: control for control in self.controls}
        if identifier not in found:
            raise HoabanError(
                f"there is no control `{identifier}`",
                mend=near(identifier, found) or "docs/controls/README.md lists them",
            )
        return found[identifier]

    def selected(self, level: int) -> list[Control]:
        """Controls that a security level asks for."""
        return [control for control in self.controls if control.level <= level]

    def settings(
        self, level: int, services: Sequence[str] = (), waived: Iterable[str] = ()
    ) -> Iterator[tuple[Control, Setting]]:
        """What must be so on a host of a level, each with its control.

        Left out is what the host's services exempt it from, and what is waived.
        """
        left_out = {self.control(identifier).id for identifier in waived}
        for control in self.selected(level):
            if control.id not in left_out and not control.spares([*services]):
                yield from ((control, setting) for setting in control.settings)


def read(folder: Path = FOLDER) -> Catalogue:
    """The catalogue of a folder; raises all faults of all files, with line, key and mend."""
    families: list[Family] = []
    errors: list[HoabanError] = []
    for path in sorted(folder.glob("*.yml")):
        try:
            families.append(validate(read_document(path, f"{folder.name}/{path.name}"), Family))
        except HoabanError as error:
            errors.append(error)
    raise_all([*errors, *_twice(families)])
    return Catalogue(tuple(families))


@cache
def catalogue() -> Catalogue:
    """The toolkit's own catalogue."""
    return read()


def _twice(families: Sequence[Family]) -> Iterator[HoabanError]:
    """Two controls of one name, or two that set one thing: the last would win, unseen."""
    names: set[str] = set()
    owners: dict[tuple[Kind, str], str] = {}
    for control in (control for family in families for control in family.controls):
        where = Location(file=f"catalogue, control {control.id}")
        if control.id in names:
            yield HoabanError(
                f"the control `{control.id}` is there twice", where=where, mend="rename one"
            )
        names.add(control.id)
        for setting in control.settings:
            owner = owners.setdefault((setting.kind, setting.key), control.id)
            if owner != control.id:
                yield HoabanError(
                    f"{setting.kind} {setting.key} belongs to `{owner}` already",
                    where=where,
                    mend="keep it in one control",
                )


def enforced_by(role: str, pairs: Iterable[tuple[Control, Setting]]) -> list[Setting]:
    """Settings of controls that a role enforces."""
    return [
        setting
        for control, setting in pairs
        if control.by == role and control.status is Status.ENFORCED
    ]
