"""What an office's router is told: tunnels to the hubs, and straight to other offices.

Keys: the router's pair is made once, here, since nobody of ours can log in to it. Its private half
is in what is handed out, and nowhere else.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from hoaban.errors import HoabanError
from hoaban.model.problems import near
from hoaban.model.vpnplan import HUB_INTERFACE
from hoaban.vpn import keys, psk
from hoaban.vpn.names import CLIENT, ROUTER, direct_key, key_file, shared_key

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from hoaban.model.links import DirectFlow, DirectTunnel, Links
    from hoaban.model.vpnplan import VpnHub, VpnPlan, VpnSite

KEPT_KEY = "THE-PRIVATE-KEY-THAT-THIS-ROUTER-HAS"
"""Stands where the private key was, once it has been handed out."""
KEEPALIVE = 25
LONGEST_INTERFACE = 15
MTU = 1360
"""Largest packet in a tunnel: 80 bytes for WireGuard over IPv6, and the hub's network in the cloud
takes some of 1500 for tunnels of its own (Geneve: 58 over IPv4, 78 over IPv6)."""


@dataclass(frozen=True, slots=True)
class KeyPair:
    """Keys of X25519 in base64, as WireGuard writes them."""

    private: str
    public: str

    @classmethod
    def make(cls) -> KeyPair:
        """A new pair."""
        key = X25519PrivateKey.generate()
        public = key.public_key().public_bytes_raw()
        encoded = (base64.b64encode(one).decode() for one in (key.private_bytes_raw(), public))
        return cls(*encoded)


@dataclass(frozen=True, slots=True)
class HubTunnel:
    """The tunnel to one hub."""

    interface: str
    hub: VpnHub
    endpoint: str
    """Outer address of the hub."""
    public_key: str
    shared_key: str
    allowed: list[str]
    listen_port: int | None = None
    """The router opens the tunnel: any port will do."""
    flows: Sequence[Flow] = ()
    """The hub's own filter decides what passes."""


@dataclass(frozen=True, slots=True)
class Flow:
    """What passes a direct tunnel, in one family. No ports: ICMP."""

    inbound: bool
    family: str
    protocol: str
    ports: list[int]
    source: str
    target: str


@dataclass(frozen=True, slots=True)
class DirectTunnelEnd:
    """This office's end of a tunnel to another."""

    interface: str
    name: str
    reason: str
    peer: VpnSite
    public_key: str
    shared_key: str
    listen_port: int | None
    endpoint: tuple[str, str] | None
    """Address and port of the other end."""
    flows: list[Flow]

    @property
    def allowed(self) -> list[str]:
        """The other office's networks."""
        return [str(self.peer.networks.ipv4), str(self.peer.networks.ipv6)]


@dataclass(frozen=True, slots=True)
class Office:
    """All that the configuration of a router is rendered from."""

    plan: VpnPlan
    site: VpnSite
    private_key: str
    hubs: list[HubTunnel]
    direct: list[DirectTunnelEnd]
    waiting: list[str] = field(default_factory=list)
    """Offices to which there is a direct tunnel, once their routers have keys."""


def find(plan: VpnPlan | None, name: str) -> tuple[VpnPlan, VpnSite]:
    """The plan and an office in it."""
    if plan is None:
        raise HoabanError(
            "the province has no VPN: no host has the service `vpn_hub`",
            mend="add two such hosts in zone vpn to inventory/province.yml, then: hoaban up",
        )
    site = plan.site(name)
    if site is None:
        raise HoabanError(
            f"there is no site `{name}`",
            mend=near(name, [one.name for one in plan.sites]) or "hoaban links lists all sites",
        )
    return plan, site


def office(
    plan: VpnPlan,
    name: str,
    links: Links,
    pins: keys.Pins,
    home: Path,
    endpoints: Mapping[str, str],
    private_key: str,
) -> Office:
    """What a router is told. Keys that it shares with others are made here where they are not.

    ``pins`` are all public keys that are known.

    ``endpoints`` are the hubs' outer addresses, by host. Raises while a hub has no key yet.
    """
    plan, site = find(plan, name)
    hubs = [
        _hub(site, hub, number, pins, home, endpoints)
        for number, hub in enumerate(plan.hubs, start=1)
    ]
    direct: list[DirectTunnelEnd] = []
    waiting: list[str] = []
    for tunnel in links.direct:
        if name not in tunnel.ends:
            continue
        [other] = [end for end in tunnel.ends if end != name]
        key = pins.get(other, {}).get(ROUTER) or pins.get(other, {}).get(CLIENT)
        if key is None:
            waiting.append(other)
        else:
            direct.append(_direct(plan, site, tunnel, key, home))
    return Office(plan, site, private_key, hubs, direct, waiting)


def note(home: Path, name: str, public: str, *, speaks_bgp: bool) -> None:
    """Take down an office's public key, and whether its routes come by BGP."""
    keys.note(key_file(home), name, {ROUTER if speaks_bgp else CLIENT: public})


def known_key(home: Path, name: str) -> str | None:
    """The public key that was handed out to an office before."""
    pins = keys.read(key_file(home)).get(name, {})
    return pins.get(ROUTER) or pins.get(CLIENT)


def _hub(
    site: VpnSite,
    hub: VpnHub,
    number: int,
    pins: keys.Pins,
    home: Path,
    endpoints: Mapping[str, str],
) -> HubTunnel:
    public = pins.get(hub.name, {}).get(HUB_INTERFACE)
    if public is None or hub.name not in endpoints:
        raise HoabanError(
            f"the hub {hub.name} is not there yet"
            if hub.name not in endpoints
            else f"the hub {hub.name} has no key yet",
            mend="hoaban up: it builds the hubs and configures them",
        )
    reaches = [str(network) for network in site.reaches]
    return HubTunnel(
        interface=_interface(hub.name, number),
        hub=hub,
        endpoint=endpoints[hub.name],
        public_key=public,
        shared_key=_read(psk.ensure(shared_key(home, hub.name, site.name))),
        allowed=[f"{hub.own.ipv4}/32", f"{hub.own.ipv6}/128", *reaches],
    )


def _interface(hub: str, number: int) -> str:
    """``wg-<hub>``, or by its number where that is longer than the kernel takes (IFNAMSIZ)."""
    name = f"wg-{hub}"
    return name if len(name) <= LONGEST_INTERFACE else f"wg-hub-{number}"


def _direct(
    plan: VpnPlan, site: VpnSite, tunnel: DirectTunnel, key: str, home: Path
) -> DirectTunnelEnd:
    [other] = [end for end in tunnel.ends if end != site.name]
    peer = plan.site(other)
    if peer is None:
        raise AssertionError(f"links.yml was checked, and {other} is no site")
    mine, theirs = tunnel.ends[site.name].endpoint, tunnel.ends[other].endpoint
    address, _, port = theirs.rpartition(":") if theirs else ("", "", "")
    return DirectTunnelEnd(
        interface=f"wg-d-{tunnel.name}",
        name=tunnel.name,
        reason=tunnel.reason.en,
        peer=peer,
        public_key=key,
        shared_key=_read(psk.ensure(direct_key(home, tunnel.name))),
        listen_port=int(mine.rpartition(":")[2]) if mine else None,
        endpoint=(address, port) if theirs else None,
        flows=[one for flow in tunnel.flows for one in _flows(flow, site, peer)],
    )


def _flows(flow: DirectFlow, site: VpnSite, peer: VpnSite) -> Sequence[Flow]:
    inbound = flow.target == site.name
    source, target = (peer, site) if inbound else (site, peer)
    return [
        Flow(
            inbound,
            family,
            flow.protocol,
            list(flow.ports),
            str(getattr(source.networks, family)),
            str(getattr(target.networks, family)),
        )
        for family in ("ipv4", "ipv6")
    ]


def _read(path: Path) -> str:
    return path.read_text(encoding="ascii").strip()
