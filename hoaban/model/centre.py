"""The tunnels to the central Government's networks, as the province's gateways keep them."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, collapse_addresses
from typing import TYPE_CHECKING

from hoaban.model.faults import fault, unique
from hoaban.model.spec import ProvinceService
from hoaban.model.types import IPNetwork, Model, ProvinceZone, Zone

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hoaban.errors import HoabanError
    from hoaban.model.document import Document
    from hoaban.model.facts import Facts
    from hoaban.model.spec import ProvinceSpec

NEVER = "refused"
"""Name that the role ipsec_gateway gives to what drops packets that no tunnel takes."""


class CentrePeer(Model):
    """A gateway of the centre, as the role ``ipsec_gateway`` takes it."""

    name: str
    addresses: list[IPv4Address | IPv6Address]
    identity: str


class CentreLink(Model):
    """What the role ``ipsec_gateway`` is told."""

    identity: str
    peers: list[CentrePeer]
    """In the order in which they are tried."""
    authorities: list[str]
    certificates: dict[str, str]
    crls: list[str]
    revocation: str
    post_quantum: str
    local_networks: list[IPv4Network | IPv6Network]
    """What the centre may reach: the zones of systems for it, and the exchange gateway's."""
    remote_networks: list[IPv4Network | IPv6Network]


def centre_link(facts: Facts) -> CentreLink | None:
    """The tunnels; None when the province has none."""
    spec = facts.spec
    if spec.centre is None:
        return None
    return CentreLink(
        **spec.centre.model_dump(exclude={"gateways"}),
        peers=[
            CentrePeer(name=one.name, addresses=[one.address], identity=one.identity)
            for one in spec.centre.gateways
        ],
        local_networks=local_networks(facts),
        remote_networks=_fewest(spec.services.centre_networks),
    )


def local_networks(facts: Facts) -> list[IPNetwork]:
    """Networks that tunnels to the centre carry, by the exposure of systems."""
    found: list[IPNetwork] = []
    if any(host.zone is ProvinceZone.EXCHANGE for host in facts.spec.hosts.values()):
        found += facts.addresses.province_zone(ProvinceZone.EXCHANGE)
    for slug, agency in facts.agencies.items():
        for system in agency.systems:
            if system.exposure.centre:
                first = next(zone for zone in Zone if zone in system.tiers)
                found += facts.addresses.zone(slug, first)
    return _fewest(found)


def gateway_addresses(spec: ProvinceSpec) -> list[IPv4Address | IPv6Address]:
    """Addresses of the centre's gateways."""
    return [gateway.address for gateway in spec.centre.gateways] if spec.centre else []


def check_centre(document: Document, spec: ProvinceSpec) -> Iterator[HoabanError]:
    """Faults of the section ``centre``."""
    centre = spec.centre
    if centre is None:
        return
    names = [gateway.name for gateway in centre.gateways]
    path = ("centre", "gateways")
    yield from unique(document, path, names, "name", "gateway")
    if NEVER in names:
        where = (*path, names.index(NEVER), "name")
        yield fault(document, where, f"no gateway can be called `{NEVER}`", "take another name")
    if not spec.services.centre_networks:
        yield fault(
            document,
            ("centre",),
            "there are tunnels to the centre, whose networks are not known",
            "list them: services.centre_networks",
        )
    kept = [n for n, h in spec.hosts.items() if ProvinceService.IPSEC_GATEWAY in h.services]
    if not kept:
        yield fault(
            document,
            ("centre",),
            "there are tunnels to the centre, and no host that keeps them",
            "give the services `vpn_hub` and `ipsec_gateway` to a host",
        )
    for name in centre.certificates:
        if name not in kept:
            yield fault(
                document,
                ("centre", "certificates", name),
                f"`{name}` is no host with the service `ipsec_gateway`",
                f"those that are: {', '.join(kept) or 'none'}",
            )


def _fewest(networks: list[IPNetwork]) -> list[IPNetwork]:
    """The fewest networks that hold the same addresses, IPv4 first."""
    ipv4 = [one for one in networks if isinstance(one, IPv4Network)]
    ipv6 = [one for one in networks if isinstance(one, IPv6Network)]
    return [*collapse_addresses(ipv4), *collapse_addresses(ipv6)]
