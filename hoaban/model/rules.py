"""Write rules: one flow, its remote networks and the reason for it."""

from __future__ import annotations

from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network, collapse_addresses, ip_network
from typing import TYPE_CHECKING, NamedTuple

from hoaban.model.environment import Rule, SecurityGroupPlan
from hoaban.model.types import Direction, Family, IPNetwork, Protocol, Text

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hoaban.model.facts import Address

INGRESS, EGRESS = Direction.INGRESS, Direction.EGRESS
ANYWHERE: tuple[IPNetwork, ...] = (IPv4Network("0.0.0.0/0"), IPv6Network("::/0"))


class Flow(NamedTuple):
    """What is allowed: a protocol and, but for ICMP, a port."""

    purpose: str
    """Short name, part of a rule's id."""
    protocol: Protocol
    port: int | None = None


def tcp(purpose: str, port: int) -> Flow:
    """A flow over TCP."""
    return Flow(purpose, Protocol.TCP, port)


def udp(purpose: str, port: int) -> Flow:
    """A flow over UDP."""
    return Flow(purpose, Protocol.UDP, port)


ICMP = Flow("icmp", Protocol.ICMP)
SSH = tcp("ssh", 22)
DNS = (udp("dns", 53), tcp("dns", 53))
NTP = udp("ntp", 123)
BACKUP = tcp("backup", 8000)
"""Port of restic's REST server (https://github.com/restic/rest-server)."""
METADATA = tcp("metadata", 80)
LOGS = tcp("logs", 19532)
"""Port of systemd-journal-remote (systemd-journal-remote.service(8))."""
WIREGUARD = udp("wireguard", 51820)
BGP = tcp("bgp", 179)
BFD = (udp("bfd", 3784), udp("bfd", 4784))
"""On one link (RFC 5881) and over several (RFC 5883)."""
VRRP = Flow("vrrp", Protocol.VRRP)
IPSEC = (udp("ike", 500), udp("ike", 4500), Flow("ipsec", Protocol.ESP))
"""IKE, IKE and ESP through address translation (RFC 3948), ESP itself."""


def hosts(addresses: Iterable[Address]) -> list[IPNetwork]:
    """Addresses as the fewest networks that hold them and nothing else, IPv4 first."""
    singles = [ip_network(address) for address in addresses]
    ipv4 = [one for one in singles if isinstance(one, IPv4Network)]
    ipv6 = [one for one in singles if isinstance(one, IPv6Network)]
    return [*collapse_addresses(ipv4), *collapse_addresses(ipv6)]


@dataclass(slots=True)
class RuleBook:
    """Collects the rules of one security group; the same flow is written once."""

    rules: dict[tuple[object, ...], Rule] = field(default_factory=dict)

    def allow(
        self, direction: Direction, flow: Flow, remotes: Iterable[IPNetwork], reason: Text
    ) -> None:
        """Allow a flow from (ingress) or to (egress) each of some networks."""
        for remote in remotes:
            family = Family.IPV4 if isinstance(remote, IPv4Network) else Family.IPV6
            same = (direction, flow.protocol, flow.port, remote)
            if same not in self.rules:
                self.rules[same] = Rule(
                    id=_id(direction, flow, family, remote),
                    direction=direction,
                    protocol=flow.protocol,
                    family=family,
                    port_min=flow.port,
                    port_max=flow.port,
                    remote=remote,
                    reason=reason,
                )

    def group(self, name: str, description: str) -> SecurityGroupPlan:
        """The security group with these rules."""
        return SecurityGroupPlan(
            name=name, description=description, rules=list(self.rules.values())
        )


def _id(direction: Direction, flow: Flow, family: Family, remote: IPNetwork) -> str:
    """An id that says what the flow is, and changes only with what the rule allows.

    It holds no colons, which separate the parts of a resource's URN.
    """
    parts: list[str] = list(dict.fromkeys((direction.value, flow.purpose, flow.protocol.value)))
    if flow.port is not None:
        parts.append(str(flow.port))
    if remote in ANYWHERE:
        parts.append(f"any-{family}")
    else:
        single = remote.prefixlen == remote.max_prefixlen
        parts.append(str(remote.network_address if single else remote).replace(":", "_"))
    return "-".join(parts)
