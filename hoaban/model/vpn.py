"""From facts to the VPN: hubs, offices, AllowedIPs, and the router's way to the offices.

Towards an office the province's router knows one way, to the address that the hubs share; an office
reaches only what the segmentation matrix opens to it, by AllowedIPs on its router and by the
forward chain on the hubs, which are worked out from the same lines (:mod:`hoaban.model.transit`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hoaban.model.environment import RoutePlan
from hoaban.model.ledger import Key
from hoaban.model.links import LinkRole, named, site_name
from hoaban.model.spec import ProvinceService
from hoaban.model.transit import collapsed
from hoaban.model.types import ProvinceZone
from hoaban.model.vpnplan import (
    FIRST_SITE_AS,
    AddressPair,
    NetworkPair,
    Probe,
    VpnHub,
    VpnPlan,
    VpnSite,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hoaban.model.addresses import Pair
    from hoaban.model.facts import Facts
    from hoaban.model.spec import ProvinceHost, Site
    from hoaban.model.types import IPNetwork

VIRTUAL_OFFSET = 2
"""Offset, in the hubs' network, of the address that they share."""
TOP_PRIORITY, PRIORITY_STEP = 200, 20
FIRST_PREFERENCE = 100


def plan(facts: Facts) -> VpnPlan | None:
    """The VPN; None in a province without hubs."""
    hubs = [
        VpnHub(
            name=hub.name,
            own=AddressPair(ipv4=hub.ipv4, ipv6=hub.ipv6),
            preference=FIRST_PREFERENCE * (number + 1),
            priority=TOP_PRIORITY - PRIORITY_STEP * number,
        )
        for number, hub in enumerate(facts.serving(ProvinceService.VPN_HUB))
    ]
    if not hubs:
        return None
    zone = facts.addresses.province_zone(ProvinceZone.VPN)
    ipv4, ipv6 = zone.addresses(VIRTUAL_OFFSET)
    pools = facts.spec.pools
    return VpnPlan(
        hubs=hubs,
        prefix=_networks(zone),
        virtual=AddressPair(ipv4=ipv4, ipv6=ipv6) if len(hubs) > 1 else None,
        offices=NetworkPair(ipv4=pools.sites.ipv4, ipv6=pools.sites.ipv6),
        centre=[pools.agencies.ipv4, pools.agencies.ipv6],
        sites=[
            _site(facts, slug, site)
            for slug, agency in facts.agencies.items()
            for site in agency.sites
        ],
    )


def routes(facts: Facts, vpn: VpnPlan | None) -> list[RoutePlan]:
    """The router's ways to offices and, past IPsec gateways, to the central Government."""
    if vpn is None:
        return []
    hop = vpn.virtual or vpn.hubs[0].own
    return [
        RoutePlan(
            destination=network,
            next_hop=hop.ipv4 if network.version == 4 else hop.ipv6,  # noqa: PLR2004
            zone=ProvinceZone.VPN,
        )
        for network in carried(facts)
    ]


def carried(facts: Facts) -> list[IPNetwork]:
    """Networks that are behind the hubs: all offices', and the central Government's by IPsec."""
    pool = facts.spec.pools.sites
    centre = facts.spec.services.centre_networks
    gateways = facts.serving(ProvinceService.IPSEC_GATEWAY)
    return [pool.ipv4, pool.ipv6, *(collapsed(centre) if gateways else ())]


def carries(facts: Facts, host: ProvinceHost) -> list[IPNetwork]:
    """Networks that a host's port must let pass although they are not its own.

    Of two hubs one hands to the other what servers answer to offices that only that one reaches.
    """
    if ProvinceService.VPN_HUB not in host.services:
        return []
    if len(facts.serving(ProvinceService.VPN_HUB)) == 1:
        return carried(facts)
    virtual = facts.addresses.province_zone(ProvinceZone.VPN).singles(VIRTUAL_OFFSET)
    servers = facts.spec.pools.agencies
    return [*virtual, *carried(facts), servers.ipv4, servers.ipv6]


def _site(facts: Facts, agency: str, site: Site) -> VpnSite:
    name = site_name(agency, site.slug)
    pair = facts.addresses.site(agency, site.slug)
    ipv4, ipv6 = pair.gateways()
    services = facts.matrix.open_to(agency)
    circuit = facts.links.primary(name)
    own = facts.agencies[agency].name
    return VpnSite(
        name=name,
        title=own.model_copy(
            update={"vi": f"{own.vi}: {site.name.vi}", "en": f"{own.en}: {site.name.en}"}
        ),
        as_number=FIRST_SITE_AS + facts.addresses.book.indexes[Key("site", agency, site.slug)],
        networks=_networks(pair),
        router=AddressPair(ipv4=ipv4, ipv6=ipv6),
        reaches=collapsed(one for service in services for one in facts.targets[service.key]),
        down_mbps=circuit.down_mbps if circuit else None,
        up_mbps=circuit.up_mbps if circuit else None,
        probes=list(_probes(facts, name, AddressPair(ipv4=ipv4, ipv6=ipv6))),
    )


def _probes(facts: Facts, site: str, router: AddressPair) -> Iterator[Probe]:
    """Circuits of a site, each by the address that its contract names.

    Without one, the primary is measured by the office's router, through the tunnel; a backup that
    carries nothing can't be.
    """
    for link, circuit in named(site, facts.links.circuits.get(site, ())):
        if circuit.monitor is not None:
            yield Probe(link=link, address=circuit.monitor)
        elif circuit.role is LinkRole.PRIMARY:
            yield Probe(link=link, address=router.ipv4)


def _networks(pair: Pair) -> NetworkPair:
    return NetworkPair(ipv4=pair.ipv4, ipv6=pair.ipv6)
