"""From the plan of the VPN to what the role wireguard configures on one hub.

An office whose router has no key yet, or none that it shares with this hub, has no peer: its
technician was given no configuration (``hoaban vpn site``) in which this hub is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hoaban.model.vpnplan import HUB_INTERFACE, VpnPlan
from hoaban.vpn.names import CLIENT, ROUTER, shared_key

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from hoaban.model.vpnplan import VpnHub, VpnSite
    from hoaban.vpn.keys import Pins

Json = dict[str, Any]


def of_hub(plan: VpnPlan, name: str, pins: Pins, home: Path) -> Json:
    """Variables of the role for one hub, by name without the role's prefix."""
    hub = next(one for one in plan.hubs if one.name == name)
    others = [one for one in plan.hubs if one is not hub]
    known = [
        site
        for site in plan.sites
        if _key(pins, site) and shared_key(home, name, site.name).is_file()
    ]
    routing = [site for site in known if CLIENT not in pins[site.name]]
    return {
        "interfaces": [_interface(plan, hub, known, pins, home)],
        "bgp": _bgp(plan, hub, others, routing),
        "virtual": _virtual(plan, hub, others),
        "probes": [
            {"link": probe.link, "address": str(probe.address)}
            for site in known
            for probe in site.probes
        ],
    }


def _interface(plan: VpnPlan, hub: VpnHub, sites: list[VpnSite], pins: Pins, home: Path) -> Json:
    return {
        "name": HUB_INTERFACE,
        "listen_port": plan.port,
        "addresses": [f"{hub.own.ipv4}/32", f"{hub.own.ipv6}/128"],
        "peers": [
            {
                "name": site.name,
                "public_key": _key(pins, site),
                "allowed_ips": _networks(site),
                "tunnel_addresses": [str(site.router.ipv4), str(site.router.ipv6)],
                "preshared_key_file": str(shared_key(home, hub.name, site.name)),
                **({"routes": _networks(site)} if CLIENT in pins[site.name] else {}),
                **({"bandwidth_mbit": float(site.down_mbps)} if site.down_mbps else {}),
            }
            for site in sites
        ],
    }


def _key(pins: Pins, site: VpnSite) -> str | None:
    known = pins.get(site.name, {})
    return known.get(ROUTER) or known.get(CLIENT)


def _networks(site: VpnSite) -> list[str]:
    return [str(site.networks.ipv4), str(site.networks.ipv6)]


def _bgp(plan: VpnPlan, hub: VpnHub, others: list[VpnHub], sites: list[VpnSite]) -> Json:
    return {
        "asn": plan.as_number,
        "router_id": str(hub.own.ipv4),
        "networks": [str(network) for network in plan.centre],
        "transit": True,
        "preference": hub.preference,
        "neighbours": [*_offices(hub, sites), *_pair(plan, hub, others)],
    }


def _offices(hub: VpnHub, sites: list[VpnSite]) -> Iterator[Json]:
    for site in sites:
        for family in ("ipv4", "ipv6"):
            yield {
                "name": site.name,
                "address": str(getattr(site.router, family)),
                "source": str(getattr(hub.own, family)),
                "asn": site.as_number,
                "interface": HUB_INTERFACE,
                "accept": [str(getattr(site.networks, family))],
            }


def _pair(plan: VpnPlan, hub: VpnHub, others: list[VpnHub]) -> Iterator[Json]:
    for other in others:
        for family in ("ipv4", "ipv6"):
            yield {
                "name": other.name,
                "address": str(getattr(other.own, family)),
                "source": str(getattr(hub.own, family)),
                "asn": plan.as_number,
            }


def _virtual(plan: VpnPlan, hub: VpnHub, others: list[VpnHub]) -> Json:
    if plan.virtual is None:
        return {}
    return {
        "addresses": [
            f"{plan.virtual.ipv4}/{plan.prefix.ipv4.prefixlen}",
            f"{plan.virtual.ipv6}/{plan.prefix.ipv6.prefixlen}",
        ],
        "source": str(hub.own.ipv4),
        "peers": [str(other.own.ipv4) for other in others],
        "priority": hub.priority,
        "behind": [str(network) for network in plan.centre],
    }
