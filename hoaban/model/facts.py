"""What naming, rules and plans are worked out from: the files, and the address plan over them."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

from hoaban.model import rules
from hoaban.model.ledger import host_key
from hoaban.model.links import Links
from hoaban.model.matrix import Matrix
from hoaban.model.spec import ProvinceService

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from hoaban.model.addresses import AddressPlan
    from hoaban.model.spec import AgencySpec, ProvinceSpec, System
    from hoaban.model.types import IPNetwork, Zone

Address = IPv4Address | IPv6Address


class Member(NamedTuple):
    """One server of a tier: its name and its two addresses."""

    name: str
    key: str
    ipv4: IPv4Address
    ipv6: IPv6Address


class Endpoint(NamedTuple):
    """An address and a port."""

    address: Address
    port: int


def host_name(agency: str, system: str, zone: Zone, number: int) -> str:
    """Name of a server of an agency, unique in the province."""
    return f"{agency}-{system}-{zone}-{number}"


def mirror_endpoint(url: str) -> Endpoint | None:
    """Address and port of a mirror's URL; None when it names its host instead of addressing it."""
    parts = urlsplit(url)
    try:
        address = ip_address(parts.hostname or "")
    except ValueError:
        return None
    return Endpoint(address, parts.port or (443 if parts.scheme == "https" else 80))


@dataclass(frozen=True)
class Facts:
    """Read-only answers about a province whose files are valid and whose addresses are given."""

    spec: ProvinceSpec
    agencies: Mapping[str, AgencySpec]
    addresses: AddressPlan
    links: Links = field(default_factory=Links)

    def members(self, agency: str, system: System, zone: Zone) -> list[Member]:
        """The servers of a tier."""
        found = []
        for number in range(1, system.tiers[zone].count + 1):
            key = host_key(system.slug, number)
            addresses = self.addresses.host(agency, zone, key)
            found.append(Member(host_name(agency, system.slug, zone, number), key, *addresses))
        return found

    def serving(self, service: ProvinceService) -> list[Member]:
        """The province's hosts that have a service, in the order of the file."""
        return [
            Member(name, name, *self.addresses.province_host(host.zone, name))
            for name, host in self.spec.hosts.items()
            if service in host.services
        ]

    def keepers(self) -> list[Member]:
        """The backup hosts to which clients come, and not those with copies alone."""
        found = self.serving(ProvinceService.BACKUP_HOST)
        return [one for one in found if self.spec.hosts[one.name].standby_of is None]

    def standbys(self) -> list[Member]:
        """The backup hosts that keep copies of what others keep."""
        found = self.serving(ProvinceService.BACKUP_HOST)
        return [one for one in found if self.spec.hosts[one.name].standby_of is not None]

    @cached_property
    def matrix(self) -> Matrix:
        """Who may start flows to which system."""
        return Matrix.of(self.agencies)

    @cached_property
    def targets(self) -> Mapping[tuple[str, str], list[IPNetwork]]:
        """The servers of each service that anybody may use, by owner and system."""
        return {
            key: rules.hosts(both(self.members(service.owner, service.system, service.zone)))
            for key, (service, _) in self.matrix.services.items()
        }


def both(members: Iterable[Member]) -> list[Address]:
    """All addresses of servers, IPv4 first."""
    servers = list(members)
    return [*(server.ipv4 for server in servers), *(server.ipv6 for server in servers)]
