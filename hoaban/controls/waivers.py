"""Waivers: ``inventory/waivers.yml`` says which control is not kept where, why, and until when."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Annotated, Final

from pydantic import Field, StringConstraints

from hoaban.controls.catalogue import Catalogue, catalogue
from hoaban.controls.model import ControlId, Status
from hoaban.model.document import read_document
from hoaban.model.faults import fault
from hoaban.model.problems import near, raise_all
from hoaban.model.types import Model, Slug, Text
from hoaban.model.validation import validate

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from pathlib import Path

    from hoaban.errors import HoabanError
    from hoaban.model.document import Document

FILE: Final = "waivers.yml"
PROVINCE: Final = "province"
"""What a waiver calls the province's own hosts, as Ansible's groups do."""
LONGEST_DAYS: Final = 366


class Waiver(Model):
    """One control that is not kept on some hosts, for a time."""

    control: ControlId
    agency: Slug
    """Whose hosts: an agency's slug, or ``province`` for the province's own."""
    hosts: Annotated[list[str], Field(min_length=1)] | None = None
    """Names of hosts; all of the agency's when absent."""
    reason: Text
    owner: Annotated[str, StringConstraints(min_length=2)]
    """Who answers for it."""
    granted: date
    expires: date
    """Last day on which it holds; at most a year after it was granted."""

    def covers(self, agency: str | None, host: str) -> bool:
        """Whether it is about a host."""
        return self.agency == (agency or PROVINCE) and (self.hosts is None or host in self.hosts)

    def expired(self, today: date) -> bool:
        """Whether its last day is over."""
        return today > self.expires


class WaiverFile(Model):
    """``inventory/waivers.yml``."""

    waivers: list[Waiver]


@dataclass(frozen=True, slots=True)
class Waivers:
    """All waivers of an inventory."""

    entries: tuple[Waiver, ...] = ()

    def of(self, agency: str | None, host: str) -> dict[str, Waiver]:
        """Waivers that are about a host, by control; of two the one that holds longest."""
        found: dict[str, Waiver] = {}
        for waiver in sorted(self.entries, key=lambda one: one.expires):
            if waiver.covers(agency, host):
                found[waiver.control] = waiver
        return found

    def expired(self, today: date) -> list[Waiver]:
        """Those that hold no more."""
        return [waiver for waiver in self.entries if waiver.expired(today)]


def read(
    inventory: Path, agencies: Collection[str] | None = None, source: Catalogue | None = None
) -> Waivers:
    """Waivers of an inventory folder; none when there is no file.

    With ``agencies`` their slugs are known too. Raises all faults at once, each with file, line,
    key and mend. An expired waiver is no fault: the check ``hardening`` fails by it.
    """
    path = inventory / FILE
    if not path.exists():
        return Waivers()
    document = read_document(path, f"{inventory.name}/{FILE}")
    entries = validate(document, WaiverFile).waivers
    raise_all([*_faults(entries, agencies, source or catalogue(), document)])
    return Waivers(tuple(entries))


def _faults(
    entries: list[Waiver],
    agencies: Collection[str] | None,
    source: Catalogue,
    document: Document,
) -> Iterator[HoabanError]:
    known = {control.id: control for control in source.controls}
    for index, waiver in enumerate(entries):
        at = ("waivers", index)
        if waiver.control not in known:
            yield fault(
                document,
                (*at, "control"),
                f"there is no control `{waiver.control}`",
                near(waiver.control, known) or "docs/controls/README.md lists them",
            )
        elif known[waiver.control].status is Status.NOT_APPLICABLE:
            yield fault(
                document,
                (*at, "control"),
                f"`{waiver.control}` is not applicable, so there is nothing to waive",
                "delete the waiver",
            )
        if agencies is not None and waiver.agency not in {*agencies, PROVINCE}:
            yield fault(
                document,
                (*at, "agency"),
                f"there is no agency `{waiver.agency}`",
                near(waiver.agency, agencies) or f"an agency's slug, or `{PROVINCE}`",
            )
        days = (waiver.expires - waiver.granted).days
        if not 0 <= days <= LONGEST_DAYS:
            yield fault(
                document,
                (*at, "expires"),
                f"it would hold {days} days" if days > 0 else "it would end before it was granted",
                "grant it for a year at most, and grant it again if it is still needed",
            )
