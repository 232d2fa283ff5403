"""What a gateway's forward chain lets through, read from the listing of its rules.

Shapes of sets, prefixes and ranges: libnftables-json(5). What has another shape is not understood,
and that is for the caller to tell.
"""

from __future__ import annotations

from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Network,
    collapse_addresses,
    ip_address,
    ip_network,
    summarize_address_range,
)
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from hoaban.model.types import Family, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from hoaban.model.environment import ForwardRule

Network = IPv4Network | IPv6Network
PROTOCOLS: Final = {"tcp": Protocol.TCP, "udp": Protocol.UDP}
SIDES: Final = {"saddr": "sources", "daddr": "destinations"}
LAST_PORT: Final = 65_535


class Passage(NamedTuple):
    """What one rule passes on. Networks are the fewest that hold the same addresses."""

    protocol: Protocol
    family: Family
    ports: frozenset[int]
    sources: frozenset[Network]
    destinations: frozenset[Network]

    def __str__(self) -> str:
        ports = ", ".join(map(str, sorted(self.ports)))
        sources, destinations = (
            ", ".join(sorted(map(str, networks))) for networks in (self.sources, self.destinations)
        )
        return f"forward {self.protocol} {ports} {sources} → {destinations}"


def passage_of(rule: ForwardRule) -> Passage:
    """What a rule of the plan passes on."""
    return Passage(
        rule.protocol,
        rule.family,
        frozenset(rule.ports),
        _fewest(rule.sources),
        _fewest(rule.destinations),
    )


def passage(conditions: Sequence[Any]) -> Passage | None:
    """What a rule with these conditions passes on; None when it is of another kind.

    All of source, destination and port must be named, each once and in one family.
    """
    networks: dict[str, frozenset[Network]] = {}
    layers: set[str] = set()
    told: tuple[Protocol, frozenset[int]] | None = None
    for condition in conditions:
        match condition:
            case {
                "op": "==",
                "left": {"payload": {"protocol": "ip" | "ip6" as layer, "field": str(field)}},
                "right": right,
            } if field in SIDES and SIDES[field] not in networks:
                found = _networks(right)
                if found is None:
                    return None
                networks[SIDES[field]] = found
                layers.add(str(layer))
            case {
                "op": "==",
                "left": {"payload": {"protocol": "tcp" | "udp" as name, "field": "dport"}},
                "right": right,
            } if told is None:
                ports = _ports(right)
                if ports is None:
                    return None
                told = PROTOCOLS[str(name)], ports
            case _:
                return None
    if told is None or set(networks) != set(SIDES.values()) or len(layers) != 1:
        return None
    family = Family.IPV4 if layers == {"ip"} else Family.IPV6
    version = 4 if family is Family.IPV4 else 6
    if any(one.version != version for side in networks.values() for one in side):
        return None
    return Passage(told[0], family, told[1], networks["sources"], networks["destinations"])


def _fewest(networks: Iterable[Network]) -> frozenset[Network]:
    known = list(networks)
    ipv4 = collapse_addresses([one for one in known if isinstance(one, IPv4Network)])
    ipv6 = collapse_addresses([one for one in known if isinstance(one, IPv6Network)])
    return frozenset([*ipv4, *ipv6])


def _networks(right: Any) -> frozenset[Network] | None:
    """Networks of the right side of a condition; None when there is anything else in it."""
    found: list[Network] = []
    try:
        for item in _members(right):
            match item:
                case str(address):
                    found.append(ip_network(address))
                case {"prefix": {"addr": str(address), "len": int(length)}}:
                    found.append(ip_network(f"{address}/{length}"))
                case {"range": [str(first), str(last)]}:
                    found += _between(first, last)
                case _:
                    return None
    except (ValueError, TypeError):
        return None
    return _fewest(found) if len({one.version for one in found}) == 1 else None


def _between(first: str, last: str) -> list[Network]:
    start, end = ip_address(first), ip_address(last)
    if isinstance(start, IPv4Address) != isinstance(end, IPv4Address):
        raise ValueError(f"{first} and {last} are of two families")
    return list(summarize_address_range(start, end))


def _ports(right: Any) -> frozenset[int] | None:
    found: set[int] = set()
    for item in _members(right):
        match item:
            case int(port) if 0 <= port <= LAST_PORT:
                found.add(port)
            case {"range": [int(first), int(last)]} if 0 <= first <= last <= LAST_PORT:
                found |= set(range(first, last + 1))
            case _:
                return None
    return frozenset(found) or None


def _members(right: Any) -> list[Any]:
    values = right.get("set") if isinstance(right, dict) and "set" in right else right
    return values if isinstance(values, list) else [values]
