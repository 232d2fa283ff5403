"""Which flows between hosts the rules allow, and which are to be tried.

Pure: rules in, list of flows out. A flow is allowed when the source's rules let it out and the
destination's rules let it in; everything else has to be dropped.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from hoaban.model.types import Direction, Family, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from ipaddress import IPv4Address, IPv6Address

    from hoaban.model.environment import Rule

    IPAddress = IPv4Address | IPv6Address

CANARIES: Final[dict[Protocol, frozenset[int]]] = {
    Protocol.TCP: frozenset({22, 80, 111, 443, 3389, 5432}),
    Protocol.UDP: frozenset({53, 123, 161}),
}
"""Ports that are tried between any two hosts, whether a rule names them or not."""
DHCP_PORTS: Final = frozenset({67, 68, 546, 547})
MOST_FLOWS: Final = 600
"""Flows tried from one host; of more, the forbidden ones are thinned out evenly."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A host as flows see it."""

    name: str
    ipv4: IPv4Address
    ipv6: IPv6Address
    rules: Sequence[Rule]

    def address(self, family: Family) -> IPAddress:
        """Its address in a family."""
        return self.ipv4 if family is Family.IPV4 else self.ipv6


@dataclass(frozen=True, slots=True)
class Flow:
    """One flow to be tried. ``port`` is 0 for ICMP."""

    source: str
    destination: str
    address: IPAddress
    family: Family
    protocol: Protocol
    port: int
    allowed: bool

    def __str__(self) -> str:
        port = "" if self.protocol is Protocol.ICMP else f" {self.port}"
        family = "IPv4" if self.family is Family.IPV4 else "IPv6"
        return f"{self.source} → {self.destination} {self.protocol.upper()}{port} ({family})"


def matches(
    rule: Rule, direction: Direction, protocol: Protocol, port: int, remote: IPAddress
) -> bool:
    """Whether one rule allows a flow, seen from its own host."""
    if rule.direction is not direction or rule.protocol is not protocol:
        return False
    if remote.version != rule.remote.version or remote not in rule.remote:
        return False
    if protocol is Protocol.ICMP or rule.port_min is None:
        return True
    last = rule.port_min if rule.port_max is None else rule.port_max
    return rule.port_min <= port <= last


def lets(
    rules: Iterable[Rule], direction: Direction, protocol: Protocol, port: int, remote: IPAddress
) -> bool:
    """Whether any rule allows a flow, seen from its own host."""
    return any(matches(rule, direction, protocol, port, remote) for rule in rules)


def allowed(
    source: Endpoint, destination: Endpoint, family: Family, protocol: Protocol, port: int
) -> bool:
    """Whether both ends' rules allow a flow."""
    there, here = destination.address(family), source.address(family)
    return lets(source.rules, Direction.EGRESS, protocol, port, there) and lets(
        destination.rules, Direction.INGRESS, protocol, port, here
    )


def ports(rules: Iterable[Rule], protocol: Protocol) -> set[int]:
    """Ports worth trying: those of the rules (both ends of a range), and the canaries."""
    found = set(CANARIES[protocol])
    for rule in rules:
        if rule.protocol is protocol and rule.port_min is not None:
            found |= {rule.port_min, rule.port_max or rule.port_min}
    return found - DHCP_PORTS if protocol is Protocol.UDP else found


def between(source: Endpoint, destination: Endpoint) -> Iterator[Flow]:
    """All flows worth trying from one host to another, in both families."""
    rules = [*source.rules, *destination.rules]
    tried = [
        *((Protocol.TCP, port) for port in sorted(ports(rules, Protocol.TCP))),
        *((Protocol.UDP, port) for port in sorted(ports(rules, Protocol.UDP))),
        (Protocol.ICMP, 0),
    ]
    for family in Family:
        for protocol, port in tried:
            yield Flow(
                source.name,
                destination.name,
                destination.address(family),
                family,
                protocol,
                port,
                allowed(source, destination, family, protocol, port),
            )


def from_host(source: Endpoint, destinations: Iterable[Endpoint]) -> list[Flow]:
    """Flows to try from one host: all that are allowed, the others up to a bound."""
    flows = [
        flow
        for destination in destinations
        if destination.name != source.name
        for flow in between(source, destination)
    ]
    return thinned(flows, MOST_FLOWS)


def thinned(flows: Sequence[Flow], most: int) -> list[Flow]:
    """All allowed flows, and evenly chosen forbidden ones, in order; the same choice each time."""
    forbidden = [flow for flow in flows if not flow.allowed]
    room = max(most - (len(flows) - len(forbidden)), 0)
    if len(forbidden) <= room:
        return list(flows)
    step = len(forbidden) / room if room else 0
    kept = {id(forbidden[int(number * step)]) for number in range(room)}
    return [flow for flow in flows if flow.allowed or id(flow) in kept]
