"""What must hold for the province's gateways: VPN hubs, and IPsec gateways to the centre."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hoaban.model.faults import fault
from hoaban.model.spec import ProvinceService
from hoaban.model.types import ProvinceZone

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hoaban.errors import HoabanError
    from hoaban.model.document import Document
    from hoaban.model.spec import ProvinceSpec

MOST_HUBS = 5
"""Each has its own priority, from 200 down to 120: below 101 a sick hub would count as healthy."""
MOST_CENTRE_NETWORKS = 6
"""Neutron lets a port carry ten networks (max_allowed_address_pair); hubs need four."""


def check_gateways(document: Document, spec: ProvinceSpec) -> Iterator[HoabanError]:
    """Faults of hubs and gateways."""
    hubs = [name for name, host in spec.hosts.items() if ProvinceService.VPN_HUB in host.services]
    for name in hubs:
        host = spec.hosts[name]
        if host.zone is not ProvinceZone.VPN:
            yield fault(
                document,
                ("hosts", name, "zone"),
                f"the VPN hub `{name}` is in zone `{host.zone}`, but the way to offices leads "
                "through zone `vpn`",
                "write `zone: vpn`",
            )
        if not host.floating_ip:
            yield fault(
                document,
                ("hosts", name, "floating_ip"),
                f"the VPN hub `{name}` has no floating IP, so no office can reach it",
                f"add `floating_ip: true` to host `{name}`",
            )
    if len(hubs) > MOST_HUBS:
        yield fault(
            document,
            ("hosts", hubs[MOST_HUBS]),
            f"there are {len(hubs)} VPN hubs, but {MOST_HUBS} is the most",
            "two are enough: each carries all offices while the other is down",
        )
    for name, host in spec.hosts.items():
        if ProvinceService.IPSEC_GATEWAY in host.services and name not in hubs:
            yield fault(
                document,
                ("hosts", name, "services"),
                f"the IPsec gateway `{name}` is no VPN hub, but the way to the centre's networks "
                "leads to the address that hubs share",
                "write `services: [vpn_hub, ipsec_gateway]`",
            )
            break
    if hubs and len(spec.services.centre_networks) > MOST_CENTRE_NETWORKS:
        yield fault(
            document,
            ("services", "centre_networks"),
            f"{len(spec.services.centre_networks)} networks of the centre are more than a port of "
            f"the cloud can carry: {MOST_CENTRE_NETWORKS}",
            "write wider networks that hold several of them",
        )
