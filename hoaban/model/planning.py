"""From facts to an :class:`EnvironmentPlan`: every name, address, rule, size and quota."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hoaban.model import backups, segmentation, vpn
from hoaban.model.environment import (
    ContainerPlan,
    EnvironmentPlan,
    HostPlan,
    NetworkPlan,
    VolumePlan,
)
from hoaban.model.quota import quota_of
from hoaban.model.spec import Backup, ProvinceService
from hoaban.model.types import ProvinceZone, Zone

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hoaban.model.addresses import Pair
    from hoaban.model.facts import Facts, Member
    from hoaban.model.spec import AgencySpec, ProvinceHost, System, VolumeSpec

FOUNDATION_LEVEL = 3
"""Security level of the province's own hosts: infrastructure that the bodies of a province share
is of level 3 (Decree 85/2016/NĐ-CP, article 9)."""


def foundation(facts: Facts) -> EnvironmentPlan:
    """The province's own networks, groups and hosts; networks only where a host is."""
    spec = facts.spec
    zones = {host.zone for host in spec.hosts.values()}
    networks = [
        _network(spec.slug, zone, facts.addresses.province_zone(zone))
        for zone in ProvinceZone
        if zone in zones
    ]
    hosts = []
    for name, host in spec.hosts.items():
        ipv4, ipv6 = facts.addresses.province_host(host.zone, name)
        hosts.append(
            HostPlan(
                name=name,
                fqdn=f"{name}.{spec.domain}",
                zone=host.zone,
                tier=None,
                system=None,
                services=list(host.services),
                size_name=host.size,
                size=spec.sizes[host.size],
                ipv4=ipv4,
                ipv6=ipv6,
                floating_ip=host.floating_ip,
                security_groups=segmentation.groups_of_province_host(spec.slug, host),
                carries=vpn.carries(facts, host),
                server_group=None,
                volumes=_volumes(name, host.volumes),
                backup=_backup_of(facts, host),
                standby_of=host.standby_of,
                offline=backups.offline_plan(name, host),
            )
        )
    groups = segmentation.province_groups(facts)
    tunnels = vpn.plan(facts)
    return EnvironmentPlan(
        province=spec.slug,
        agency=None,
        name=spec.name,
        domain=spec.domain,
        security_level=FOUNDATION_LEVEL,
        project=spec.slug,
        networks=networks,
        security_groups=groups,
        hosts=hosts,
        server_groups=[],
        containers=[],
        routes=vpn.routes(facts, tunnels),
        vpn=tunnels,
        quota=quota_of(
            hosts,
            networks,
            groups,
            [],
            # Room for all zones of each agency: a tier more must not need the province first.
            routed_networks=len(networks) + len(Zone) * len(facts.agencies),
        ),
    )


def _backup_of(facts: Facts, host: ProvinceHost) -> Backup | None:
    """Hosts of the province that hold data are backed up as an agency's are by default.

    The backup host is none of them: what it holds are the backups.
    """
    if not host.volumes or ProvinceService.BACKUP_HOST in host.services:
        return None
    return Backup() if facts.serving(ProvinceService.BACKUP_HOST) else None


def environment(facts: Facts, agency: AgencySpec) -> EnvironmentPlan:
    """Everything to be built for one agency; networks only for zones that have a tier."""
    spec = facts.spec
    zones = {zone for system in agency.systems for zone in system.tiers}
    networks = [
        _network(agency.slug, zone, facts.addresses.zone(agency.slug, zone))
        for zone in Zone
        if zone in zones
    ]
    hosts = [
        _host(facts, agency, system, zone, member)
        for system in agency.systems
        for zone in Zone
        if zone in system.tiers
        for member in facts.members(agency.slug, system, zone)
    ]
    groups = segmentation.agency_groups(facts, agency)
    # A tier of one server has its group as well: nova takes the group at creation only, and
    # without it the first server would have to be replaced when a second one is added.
    server_groups = list(dict.fromkeys(host.server_group for host in hosts if host.server_group))
    return EnvironmentPlan(
        province=spec.slug,
        agency=agency.slug,
        name=agency.name,
        domain=spec.domain,
        security_level=agency.security_level,
        project=f"{spec.slug}-{agency.slug}",
        networks=networks,
        security_groups=groups,
        hosts=hosts,
        server_groups=server_groups,
        containers=[
            ContainerPlan(
                name=f"{agency.slug}-{system.slug}-{container.name}", quota_gb=container.quota_gb
            )
            for system in agency.systems
            for container in system.containers
        ],
        quota=quota_of(hosts, networks, groups, server_groups),
    )


def _network(owner: str, zone: ProvinceZone | Zone, pair: Pair) -> NetworkPlan:
    gateway_ipv4, gateway_ipv6 = pair.gateways()
    return NetworkPlan(
        zone=zone,
        name=f"{owner}-{zone}",
        ipv4=pair.ipv4,
        ipv6=pair.ipv6,
        gateway_ipv4=gateway_ipv4,
        gateway_ipv6=gateway_ipv6,
    )


def _host(facts: Facts, agency: AgencySpec, system: System, zone: Zone, member: Member) -> HostPlan:
    tier = system.tiers[zone]
    group = segmentation.tier_group(agency.slug, system.slug, zone)
    return HostPlan(
        name=member.name,
        fqdn=f"{member.name}.{facts.spec.domain}",
        zone=zone,
        tier=zone,
        system=system.slug,
        services=[],
        size_name=tier.size,
        size=facts.spec.sizes[tier.size],
        ipv4=member.ipv4,
        ipv6=member.ipv6,
        floating_ip=False,
        security_groups=[segmentation.base_group(agency.slug), group],
        server_group=group,
        volumes=_volumes(member.name, tier.volumes),
        backup=system.backup,
    )


def _volumes(host: str, volumes: Sequence[VolumeSpec]) -> list[VolumePlan]:
    return [
        VolumePlan(
            name=f"{host}-{volume.name}",
            label=volume.name,
            size_gb=volume.size_gb,
            mount=volume.mount,
            filesystem=volume.filesystem,
        )
        for volume in volumes
    ]
