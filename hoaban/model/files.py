"""Find and read the files of an inventory; every fault of every file in one pass."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

from pydantic import BaseModel

from hoaban.errors import HoabanError, Location
from hoaban.model.document import Document, read_document
from hoaban.model.ledger import Ledger
from hoaban.model.links import Links
from hoaban.model.spec import AgencySpec, ProvinceSpec
from hoaban.model.validation import validate

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

M = TypeVar("M", bound=BaseModel)
PROVINCE, AGENCIES, LEDGER, LINKS = "province.yml", "agencies", "addresses.yml", "links.yml"


@dataclass(frozen=True, slots=True)
class Sourced(Generic[M]):
    """A valid model and the document that it was read from, for errors found later."""

    document: Document
    value: M


@dataclass(frozen=True, slots=True)
class Files:
    """The files of an inventory, each valid in itself."""

    province: Sourced[ProvinceSpec]
    agencies: Mapping[str, Sourced[AgencySpec]]
    ledger: Sourced[Ledger] | None
    """None before the first address is given."""
    broken: frozenset[str] = frozenset()
    """Slugs of agencies whose files have faults: they are there, but nothing is known of them."""
    links: Sourced[Links] | None = None
    """None in a province whose sites have no circuits yet."""

    def specs(self) -> dict[str, AgencySpec]:
        """Agencies by slug, in alphabetical order."""
        return {slug: source.value for slug, source in sorted(self.agencies.items())}


class Reader:
    """Reads what can be read, and keeps the faults of the rest."""

    def __init__(self, inventory: Path) -> None:
        self.inventory = inventory
        self.errors: list[HoabanError] = []
        self.broken: set[str] = set()
        self.province = self._required(PROVINCE, ProvinceSpec)
        self.agencies = self._agencies()
        self.ledger = self._read(LEDGER, Ledger) if (inventory / LEDGER).exists() else None
        self.links = self._read(LINKS, Links) if (inventory / LINKS).exists() else None

    def files(self) -> Files | None:
        """The files that are valid in themselves; None without a valid province."""
        if self.province is None:
            return None
        broken = frozenset(self.broken)
        return Files(self.province, self.agencies, self.ledger, broken, self.links)

    def _read(self, relative: str, model: type[M]) -> Sourced[M] | None:
        try:
            document = read_document(self.inventory / relative, f"{self.inventory.name}/{relative}")
            return Sourced(document, validate(document, model))
        except HoabanError as error:
            self.errors.append(error)
            return None

    def _required(self, relative: str, model: type[M]) -> Sourced[M] | None:
        if (self.inventory / relative).exists():
            return self._read(relative, model)
        self.errors.append(
            HoabanError(
                f"there is no {relative} in {self.inventory}",
                where=Location(file=f"{self.inventory.name}/{relative}"),
                mend="make an inventory: hoaban init DIRECTORY",
            )
        )
        return None

    def _agencies(self) -> dict[str, Sourced[AgencySpec]]:
        read: list[tuple[str, Sourced[AgencySpec]]] = []
        folder = self.inventory / AGENCIES
        for path in sorted(folder.iterdir()) if folder.is_dir() else ():
            relative = f"{AGENCIES}/{path.name}"
            if path.name.startswith(".") or path.name.endswith("~"):
                continue  # what editors leave
            if path.suffix != ".yml":
                self._refuse(relative, "is not read: agencies are files *.yml", "rename or move it")
                continue
            source = self._read(relative, AgencySpec)
            if source is None:
                self.broken.add(path.stem)
                continue
            read.append((path.stem, source))
        return self._by_slug(read)

    def _by_slug(
        self, read: list[tuple[str, Sourced[AgencySpec]]]
    ) -> dict[str, Sourced[AgencySpec]]:
        """Agencies by slug. Of two with one slug, the file of that name is the right one."""
        found: dict[str, Sourced[AgencySpec]] = {}
        for stem, source in sorted(read, key=lambda one: one[0] != one[1].value.slug):
            slug, relative = source.value.slug, f"{AGENCIES}/{stem}.yml"
            line = source.document.line(("slug",))
            if slug in found:
                other = found[slug].document.name
                self._refuse(
                    relative,
                    f"the agency `{slug}` is in {other} already",
                    "give each agency a slug of its own, equal to its file's name",
                    line,
                )
                continue
            found[slug] = source
            if stem != slug:
                self._refuse(
                    relative,
                    f"the file is named {stem}, but the agency's slug is `{slug}`",
                    f"rename the file to {slug}.yml, or write `slug: {stem}`",
                    line,
                )
        return found

    def _refuse(self, relative: str, what: str, mend: str, line: int | None = None) -> None:
        where = Location(
            file=f"{self.inventory.name}/{relative}", line=line, key="slug" if line else None
        )
        self.errors.append(HoabanError(what, where=where, mend=mend))
