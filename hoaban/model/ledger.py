"""The address ledger: which index each agency, site, zone and host got, once and for ever.

Pure values. An entry whose agency, site or host has left the inventory stays as a tombstone: its
index is given to nobody else, and the same name gets it again when it comes back. Only
:func:`release` frees it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from hoaban.model.types import Model, ProvinceZone, Slug, Zone

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from hoaban.model.spec import AgencySpec, ProvinceSpec

Index = Annotated[int, Field(ge=0)]


class Base(Model):
    """First addresses of a pool, as they were when the first index was given."""

    ipv4: IPv4Address
    ipv6: IPv6Address


class Bases(Model):
    """Where the indexes count from. A pool that moves would renumber everybody."""

    province: Base
    agencies: Base
    sites: Base


class ZoneEntry(Model):
    """A zone of the province: its network's index, and its hosts' offsets."""

    index: Index
    hosts: dict[Slug, Index] = {}


class AgencyEntry(Model):
    """An agency: its block's index, its sites' indexes and its hosts' offsets in their zones.

    A host's key is ``<system>-<number>``.
    """

    block: Index
    sites: dict[Slug, Index] = {}
    hosts: dict[Zone, dict[str, Index]] = {}


class Ledger(Model):
    """``inventory/addresses.yml``."""

    version: Literal[1] = 1
    bases: Bases | None = None
    province: dict[ProvinceZone, ZoneEntry] = {}
    agencies: dict[Slug, AgencyEntry] = {}


@dataclass(frozen=True, order=True, slots=True)
class Key:
    """One thing that needs an index.

    ``kind`` is ``zone`` or ``province-host`` (owner: the zone), ``agency`` (owner: the agency),
    ``site`` or ``host`` (owner: the agency; ``zone`` for hosts).
    """

    kind: Literal["zone", "province-host", "agency", "site", "host"]
    owner: str
    name: str = ""
    zone: str = ""

    def __str__(self) -> str:
        match self.kind:
            case "zone":
                return f"zone `{self.owner}` of the province"
            case "province-host":
                return f"host `{self.name}` of the province"
            case "agency":
                return f"agency `{self.owner}`"
            case "site":
                return f"site `{self.name}` of agency `{self.owner}`"
            case "host":
                return f"host `{self.owner}-{self.name}` in zone `{self.zone}`"


def host_key(system: str, number: int) -> str:
    """A host's key in its agency's zone."""
    return f"{system}-{number}"


def needed(province: ProvinceSpec, agencies: Mapping[str, AgencySpec]) -> Iterator[Key]:
    """Everything that needs an index, in the order in which indexes are given.

    All zones of the province have their place from the start, also those without a host yet.
    """
    for zone in ProvinceZone:
        yield Key("zone", zone.value)
    for name, host in province.hosts.items():
        yield Key("province-host", host.zone.value, name)
    for slug in sorted(agencies):
        agency = agencies[slug]
        yield Key("agency", slug)
        for site in agency.sites:
            yield Key("site", slug, site.slug)
        for system in agency.systems:
            for tier_zone in Zone:
                tier = system.tiers.get(tier_zone)
                for number in range(1, tier.count + 1) if tier else ():
                    yield Key("host", slug, host_key(system.slug, number), tier_zone.value)


@dataclass(slots=True)
class Book:
    """A ledger as one flat table, which is easier to reason about than the file's nesting."""

    indexes: dict[Key, int] = field(default_factory=dict)

    @classmethod
    def open(cls, ledger: Ledger) -> Book:
        """The table of a ledger."""
        book = cls()
        for zone, entry in ledger.province.items():
            book.indexes[Key("zone", zone.value)] = entry.index
            for name, offset in entry.hosts.items():
                book.indexes[Key("province-host", zone.value, name)] = offset
        for slug, agency in ledger.agencies.items():
            book.indexes[Key("agency", slug)] = agency.block
            for site, index in agency.sites.items():
                book.indexes[Key("site", slug, site)] = index
            for tier_zone, hosts in agency.hosts.items():
                for name, offset in hosts.items():
                    book.indexes[Key("host", slug, name, tier_zone.value)] = offset
        return book

    @staticmethod
    def space(key: Key) -> tuple[str, str, str]:
        """What a key's index must be unique in: a pool, or a network."""
        match key.kind:
            case "province-host":
                return ("host", key.owner, "")
            case "host":
                return ("host", key.owner, key.zone)
            case kind:
                return (kind, "", "")

    def taken(self) -> dict[tuple[str, str, str], dict[int, Key]]:
        """Indexes in use by space; tombstones are in use."""
        taken: dict[tuple[str, str, str], dict[int, Key]] = {}
        for key, index in self.indexes.items():
            taken.setdefault(self.space(key), {})[index] = key
        return taken
