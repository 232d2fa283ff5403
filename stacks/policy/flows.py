"""Rules of security groups: which ports they open, and to whom."""

from __future__ import annotations

from ipaddress import IPv6Network, ip_network
from typing import TYPE_CHECKING, Final

from stacks.policy.kinds import RULE

if TYPE_CHECKING:
    from collections.abc import Iterable

    from stacks.policy.rule import Seen

ALL_PORTS: Final = range(65_536)
_WORLD_PREFIX: Final = {4: 8, 6: 16}
"""A public network with a shorter prefix is no organisation's any more, but the world."""
_INSIDE: Final = (IPv6Network("fc00::/7"), IPv6Network("fe80::/10"))
"""Unique local (RFC 4193) and link-local addresses (RFC 4291); IPv4 has none that wide."""


def opened(seen: Seen, ports: Iterable[int], protocols: Iterable[str]) -> list[int]:
    """The ones of some ports that a rule lets in; no protocol means every one of them."""
    if seen.type != RULE or seen.inputs.get("direction") != "ingress":
        return []
    protocol = seen.inputs.get("protocol") or ""
    if protocol and protocol not in protocols:
        return []
    first, last = seen.inputs.get("portRangeMin"), seen.inputs.get("portRangeMax")
    lets_in = range(int(first or 0), int(last or first) + 1) if first else ALL_PORTS
    return [port for port in ports if port in lets_in]


def from_the_world(seen: Seen) -> bool:
    """Whether a rule takes packets from everywhere."""
    remote = seen.inputs.get("remoteIpPrefix")
    if not remote:
        return not seen.inputs.get("remoteGroupId")
    network = ip_network(remote, strict=False)
    inside = isinstance(network, IPv6Network) and any(map(network.subnet_of, _INSIDE))
    return network.prefixlen < _WORLD_PREFIX[network.version] and not inside


def from_one_address(seen: Seen) -> bool:
    """Whether a rule takes packets from a single address."""
    remote = seen.inputs.get("remoteIpPrefix")
    network = ip_network(remote, strict=False) if remote else None
    return network is not None and network.prefixlen == network.max_prefixlen
