"""The address plan: from the ledger's indexes to networks and addresses, in both families.

====================  ===========  ==========  =========================================
network               IPv4         IPv6        taken from
====================  ===========  ==========  =========================================
block of an agency    /24          /56         pool ``agencies``, by the agency's index
zone of an agency     /26          /64         its block: web 0, app 1, data 2, spare 3
office (site)         /26          /64         pool ``sites``, by the site's index
zone of the province  /26          /64         pool ``province``, by the zone's index
====================  ===========  ==========  =========================================

In each network, and the same in both families: offset 1 is the gateway, 2 to 9 are kept for the
network's own devices, hosts have 10 to 54, and 55 to 62 are the pool from which the cloud takes
addresses for its own ports (DHCP, metadata).
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import TYPE_CHECKING, NamedTuple

from hoaban.model.ledger import Book, Key
from hoaban.model.types import IPNetwork, ProvinceZone, Zone

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from hoaban.model.spec import Pool, Pools

BLOCK_IPV4, BLOCK_IPV6 = 24, 56
NETWORK_IPV4, NETWORK_IPV6 = 26, 64
GATEWAY_OFFSET = 1
FIRST_HOST_OFFSET, LAST_HOST_OFFSET = 10, 54
ZONE_INDEX = {Zone.WEB: 0, Zone.APP: 1, Zone.DATA: 2}
SPARE_INDEX = 3
HOST_OFFSETS = range(FIRST_HOST_OFFSET, LAST_HOST_OFFSET + 1)


class Pair(NamedTuple):
    """The two networks, one a family, of one segment, block or pool."""

    ipv4: IPv4Network
    ipv6: IPv6Network

    def addresses(self, offset: int) -> tuple[IPv4Address, IPv6Address]:
        """The two addresses at an offset."""
        return self.ipv4.network_address + offset, self.ipv6.network_address + offset

    def singles(self, offset: int) -> tuple[IPv4Network, IPv6Network]:
        """The two addresses at an offset, as networks of one."""
        ipv4, ipv6 = self.addresses(offset)
        return IPv4Network(ipv4), IPv6Network(ipv6)

    def gateways(self) -> tuple[IPv4Address, IPv6Address]:
        """The two addresses of the router in a network: its first ones."""
        return self.addresses(GATEWAY_OFFSET)


class Segment(NamedTuple):
    """A network of the plan."""

    owner: str
    """Slug of the agency; empty for the province."""
    name: str
    """What it is, for people."""
    networks: Pair


def _cut4(network: IPv4Network, prefix: int, index: int) -> IPv4Network:
    start = int(network.network_address) + (index << (32 - prefix))
    return IPv4Network((start, prefix))


def _cut6(network: IPv6Network, prefix: int, index: int) -> IPv6Network:
    start = int(network.network_address) + (index << (128 - prefix))
    return IPv6Network((start, prefix))


def room(pool: Pool, prefix_ipv4: int, prefix_ipv6: int) -> int:
    """How many networks of these lengths a pool has, in the scarcer family."""
    bits = min(prefix_ipv4 - pool.ipv4.prefixlen, prefix_ipv6 - pool.ipv6.prefixlen)
    return 1 << bits if bits >= 0 else 0


def capacity(pools: Pools, key: Key) -> range:
    """The indexes that exist for a key's kind."""
    match key.kind:
        case "agency":
            return range(room(pools.agencies, BLOCK_IPV4, BLOCK_IPV6))
        case "site":
            return range(room(pools.sites, NETWORK_IPV4, NETWORK_IPV6))
        case "zone":
            return range(room(pools.province, NETWORK_IPV4, NETWORK_IPV6))
        case _:
            return HOST_OFFSETS


@dataclass(frozen=True, slots=True)
class AddressPlan:
    """Every network and address that the ledger has given."""

    pools: Pools
    book: Book

    def block(self, agency: str) -> Pair:
        """The block of an agency."""
        index = self.book.indexes[Key("agency", agency)]
        return Pair(
            _cut4(self.pools.agencies.ipv4, BLOCK_IPV4, index),
            _cut6(self.pools.agencies.ipv6, BLOCK_IPV6, index),
        )

    def zone(self, agency: str, zone: Zone) -> Pair:
        """The network of a zone of an agency, whether or not a host is in it."""
        return self._quarter(agency, ZONE_INDEX[zone])

    def _quarter(self, agency: str, index: int) -> Pair:
        block = self.block(agency)
        return Pair(_cut4(block.ipv4, NETWORK_IPV4, index), _cut6(block.ipv6, NETWORK_IPV6, index))

    def site(self, agency: str, site: str) -> Pair:
        """The network of an office."""
        return self._network(self.pools.sites, Key("site", agency, site))

    def province_zone(self, zone: ProvinceZone) -> Pair:
        """The network of a zone of the province, whether or not a host is in it."""
        return self._network(self.pools.province, Key("zone", zone))

    def _network(self, pool: Pool, key: Key) -> Pair:
        index = self.book.indexes[key]
        return Pair(_cut4(pool.ipv4, NETWORK_IPV4, index), _cut6(pool.ipv6, NETWORK_IPV6, index))

    def host(self, agency: str, zone: Zone, key: str) -> tuple[IPv4Address, IPv6Address]:
        """The two addresses of a host of an agency; ``key`` is ``<system>-<number>``."""
        offset = self.book.indexes[Key("host", agency, key, zone)]
        return self.zone(agency, zone).addresses(offset)

    def province_host(self, zone: ProvinceZone, name: str) -> tuple[IPv4Address, IPv6Address]:
        """The two addresses of a host of the province."""
        offset = self.book.indexes[Key("province-host", zone, name)]
        return self.province_zone(zone).addresses(offset)

    def networks_of(self, key: Key) -> tuple[IPNetwork, IPNetwork]:
        """What was given for a key, in both families; a host's addresses as networks of one."""
        match key.kind:
            case "agency":
                return self.block(key.owner)
            case "site":
                return self.site(key.owner, key.name)
            case "zone":
                return self.province_zone(ProvinceZone(key.owner))
            case "host":
                ipv4, ipv6 = self.host(key.owner, Zone(key.zone), key.name)
            case "province-host":
                ipv4, ipv6 = self.province_host(ProvinceZone(key.owner), key.name)
        return IPv4Network(ipv4), IPv6Network(ipv6)

    def segments(self) -> Iterator[Segment]:
        """All networks that the ledger has ever given, tombstones too."""
        for key in self.book.indexes:
            if key.kind == "zone":
                yield Segment("", str(key), self.province_zone(ProvinceZone(key.owner)))
            elif key.kind == "site":
                yield Segment(key.owner, str(key), self.site(key.owner, key.name))
            elif key.kind == "agency":
                for zone, index in ZONE_INDEX.items():
                    name = f"zone `{zone}` of {key}"
                    yield Segment(key.owner, name, self._quarter(key.owner, index))
                spare = self._quarter(key.owner, SPARE_INDEX)
                yield Segment(key.owner, f"spare of {key}", spare)

    def networks(self) -> Iterator[tuple[str, IPNetwork]]:
        """The networks of :meth:`segments`, each family for itself, with a name for people."""
        for segment in self.segments():
            yield segment.name, segment.networks.ipv4
            yield segment.name, segment.networks.ipv6


class Overlap(NamedTuple):
    """Two networks that share addresses."""

    first: tuple[str, IPNetwork]
    second: tuple[str, IPNetwork]


def overlaps(networks: Iterable[tuple[str, IPNetwork]]) -> list[Overlap]:
    """Pairs of networks that share addresses; an empty list is a proof that none do.

    Sorted by first address, any network that overlaps an earlier one overlaps the one among the
    earlier that reaches furthest, so one sweep in O(n log n) finds an overlap if there is any.
    """
    spans = sorted(
        (net.version, int(net.network_address), int(net.broadcast_address), name, str(net))
        for name, net in networks
    )
    found: list[Overlap] = []
    furthest: tuple[int, int, int, str, str] | None = None
    for span in spans:
        if furthest and span[0] == furthest[0] and span[1] <= furthest[2]:
            found.append(Overlap(_back(furthest), _back(span)))
        if furthest is None or span[0] != furthest[0] or span[2] > furthest[2]:
            furthest = span
    return found


def _back(span: tuple[int, int, int, str, str]) -> tuple[str, IPNetwork]:
    version, *_, name, text = span
    return name, IPv4Network(text) if version == 4 else IPv6Network(text)  # noqa: PLR2004
