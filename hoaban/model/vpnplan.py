"""The VPN as it is to be: hubs, offices, and what may pass between them."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

from hoaban.model.types import IPNetwork, Model, Text

PORT = 51820
"""UDP port of every hub."""
HUB_AS = 64512
"""Number of the hubs' autonomous system, private (RFC 6996)."""
FIRST_SITE_AS = 4_200_000_000
"""Number of the first office's, private (RFC 6996); an office's index is added."""
HUB_INTERFACE = "wg-sites"
"""The tunnel interface of a hub; an office has one for each hub, ``wg-<hub>``."""


class AddressPair(Model):
    """One address a family."""

    ipv4: IPv4Address
    ipv6: IPv6Address


class NetworkPair(Model):
    """One network a family."""

    ipv4: IPv4Network
    ipv6: IPv6Network


class VpnHub(Model):
    """A hub. Its own address is what offices' routers talk to inside of the tunnel."""

    name: str
    own: AddressPair
    preference: int
    """MED of what it announces: of two ways to an office the lower one is taken (RFC 4271)."""
    priority: int
    """VRRP's: the healthy hub with the greatest one holds the virtual address (RFC 9568)."""


class Probe(Model):
    """A circuit that is measured, and by which address."""

    link: str
    """``<agency>/<site>/<role>``, with a number from the second backup on."""
    address: IPv4Address | IPv6Address


class VpnSite(Model):
    """An office."""

    name: str
    """``<agency>/<site>``."""
    title: Text
    as_number: int
    networks: NetworkPair
    """What is behind it: on a hub, the AllowedIPs of its peer."""
    router: AddressPair
    """Its router's own addresses, in these networks."""
    reaches: list[IPNetwork]
    """Servers that the segmentation matrix opens to it: on its router, the AllowedIPs of each hub
    beside the hub's own address."""
    down_mbps: int | None = None
    """Contracted bandwidth towards it, which hubs shape to; None where no circuit is known."""
    up_mbps: int | None = None
    probes: list[Probe]


class VpnPlan(Model):
    """Hubs and offices of a province."""

    port: int = PORT
    as_number: int = HUB_AS
    hubs: list[VpnHub]
    prefix: NetworkPair
    """The hubs' own network."""
    virtual: AddressPair | None = None
    """What one of several hubs holds: the centre's way to all offices leads there."""
    offices: NetworkPair
    """The pool of all offices' networks."""
    centre: list[IPNetwork]
    """What hubs announce to offices."""
    sites: list[VpnSite]

    def site(self, name: str) -> VpnSite | None:
        """An office by its name."""
        return next((site for site in self.sites if site.name == name), None)
