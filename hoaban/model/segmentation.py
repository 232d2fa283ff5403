"""Who may talk to whom: the one source of security groups and of the hosts' packet filters.

Denied by default both ways. A flow between two managed hosts is written on both ends: as egress
where it starts and as ingress where it ends. Who is reached by everybody (exposure ``public``) is
still not open to managed hosts: those may start only what is written for them.
"""

from __future__ import annotations

from ipaddress import ip_address
from typing import TYPE_CHECKING

from hoaban.model import backups, rules, transit
from hoaban.model.baseline import baseline, province_networks
from hoaban.model.centre import gateway_addresses
from hoaban.model.facts import Facts, both
from hoaban.model.matrix import Users
from hoaban.model.rules import ANYWHERE, EGRESS, INGRESS, Flow, RuleBook
from hoaban.model.spec import ProvinceService
from hoaban.model.systems import tier_before
from hoaban.model.types import Direction, IPNetwork, ProvinceZone, Text, Zone

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hoaban.model.environment import SecurityGroupPlan
    from hoaban.model.spec import AgencySpec, ProvinceHost, System


def base_group(owner: str) -> str:
    """Name of the group that all hosts of an agency, or of the province, are in."""
    return f"{owner}-base"


def tier_group(agency: str, system: str, zone: Zone) -> str:
    """Name of the group of a tier's hosts."""
    return f"{agency}-{system}-{zone}"


def management_group(province: str) -> str:
    """Name of the group of the hosts in the province's management network."""
    return f"{province}-management"


def service_group(province: str, service: ProvinceService) -> str:
    """Name of the group of the province's hosts that have a service."""
    return f"{province}-{service.replace('_', '-')}"


def transit_group(province: str, service: ProvinceService) -> str:
    """Name of the group for what the hosts of a service pass on between others."""
    return f"{service_group(province, service)}-transit"


def agency_groups(facts: Facts, agency: AgencySpec) -> list[SecurityGroupPlan]:
    """The security groups of an agency: its base group, and one for each tier."""
    groups = [_agency_base(facts, agency)]
    groups += [
        _tier(facts, agency, system, zone)
        for system in agency.systems
        for zone in Zone
        if zone in system.tiers
    ]
    return groups


def province_groups(facts: Facts) -> list[SecurityGroupPlan]:
    """The security groups of the province's own hosts."""
    present = {service for host in facts.spec.hosts.values() for service in host.services}
    ordered = [service for service in ProvinceService if service in present]
    return [
        _province_base(facts),
        _management(facts),
        *(_service(facts, service) for service in ordered),
        *([backups.standby_rules(facts)] if facts.standbys() else []),
        *(_transit(facts, service) for service in ordered if service in TRANSIT),
    ]


def groups_of_province_host(province: str, host: ProvinceHost) -> list[str]:
    """Names of the groups that a host of the province is in."""
    names = [base_group(province)]
    if host.zone is ProvinceZone.MANAGEMENT:
        names.append(management_group(province))
    services = [service for service in ProvinceService if service in host.services]
    names += [
        backups.standby_group(province)
        if service is ProvinceService.BACKUP_HOST and host.standby_of
        else service_group(province, service)
        for service in services
    ]
    names += [transit_group(province, service) for service in services if service in TRANSIT]
    return names


def _own(facts: Facts, agency: str) -> list[IPNetwork]:
    return list(facts.addresses.block(agency))


def _agency_networks(facts: Facts, slug: str) -> list[IPNetwork]:
    """Where an agency's users and servers are: its offices, and its block in the centre."""
    return [
        *transit.office_networks(facts, Users("agency", slug)),
        *facts.addresses.block(slug),
    ]


def _all_agencies(facts: Facts) -> list[IPNetwork]:
    pool = facts.spec.pools.agencies
    return [pool.ipv4, pool.ipv6]


def _agency_base(facts: Facts, agency: AgencySpec) -> SecurityGroupPlan:
    book = RuleBook()
    own = _own(facts, agency.slug)
    book.allow(
        INGRESS,
        rules.ICMP,
        facts.addresses.province_zone(ProvinceZone.MANAGEMENT),
        Text(vi="Giám sát từ mạng quản trị của tỉnh", en="Checks from the management network"),
    )
    zones = [zone for zone in Zone if any(zone in system.tiers for system in agency.systems)]
    gateways = [facts.addresses.zone(agency.slug, zone).gateways()[0] for zone in zones]
    baseline(facts, book, own, gateways)
    for service in facts.matrix.named(Users("agency", agency.slug)):
        owner, system = service.owner, service.system
        reason = Text(
            vi=f"Sử dụng {system.name.vi} của {facts.agencies[owner].name.vi}",
            en=f"Use of {system.name.en} of {facts.agencies[owner].name.en}",
        )
        remotes = facts.targets[service.key]
        for port in system.tiers[service.zone].ports:
            flow = Flow(f"use-{owner}-{system.slug}", port.protocol, port.port)
            book.allow(EGRESS, flow, remotes, reason)
    return book.group(base_group(agency.slug), f"{agency.name.en}: every host")


def _tier(facts: Facts, agency: AgencySpec, system: System, zone: Zone) -> SecurityGroupPlan:
    book = RuleBook()
    before = tier_before(system, zone)
    tier = system.tiers[zone]
    for port in tier.ports:
        flow = Flow("serve", port.protocol, port.port)
        if before is None:
            for remotes, reason in _users(facts, agency, system):
                book.allow(INGRESS, flow, remotes, reason)
        else:
            reason = Text(
                vi=f"Lớp {before} của cùng hệ thống", en=f"Tier {before} of the same system"
            )
            remotes = rules.hosts(both(facts.members(agency.slug, system, before)))
            book.allow(INGRESS, flow, remotes, reason)
    for after in Zone:
        if after in system.tiers and tier_before(system, after) is zone:
            reason = Text(
                vi=f"Gọi lớp {after} của cùng hệ thống", en=f"Calls tier {after} of the same system"
            )
            remotes = rules.hosts(both(facts.members(agency.slug, system, after)))
            for port in system.tiers[after].ports:
                book.allow(EGRESS, Flow(f"call-{after}", port.protocol, port.port), remotes, reason)
    name = tier_group(agency.slug, system.slug, zone)
    return book.group(name, f"{system.name.en}: tier {zone}")


def _users(
    facts: Facts, agency: AgencySpec, system: System
) -> Iterator[tuple[list[IPNetwork], Text]]:
    """Who may reach a system's first tier: where its users come from, and why."""
    for users in facts.matrix.users_of(agency.slug, system.slug):
        match users.kind:
            case "everybody":
                yield list(ANYWHERE), Text(vi="Công khai cho mọi người", en="Open to the public")
            case "centre":
                reason = Text(vi="Mạng của Trung ương", en="Networks of the central Government")
                yield list(facts.spec.services.centre_networks), reason
            case "agency":
                name = facts.agencies[users.agency].name
                reason = Text(vi=f"Người dùng của {name.vi}", en=f"Users of {name.en}")
                yield _agency_networks(facts, users.agency), reason


def _province_base(facts: Facts) -> SecurityGroupPlan:
    book = RuleBook()
    zones = {host.zone for host in facts.spec.hosts.values()}
    gateways = [facts.addresses.province_zone(zone).gateways()[0] for zone in sorted(zones)]
    baseline(facts, book, province_networks(facts), gateways)
    book.allow(
        INGRESS,
        rules.ICMP,
        _all_agencies(facts),
        Text(vi="Kiểm tra kết nối từ các cơ quan", en="Reachability from the agencies"),
    )
    name = facts.spec.slug
    return book.group(base_group(name), f"{facts.spec.name.en}: every host of the province")


def _management(facts: Facts) -> SecurityGroupPlan:
    book = RuleBook()
    book.allow(
        EGRESS,
        rules.ICMP,
        _all_agencies(facts),
        Text(vi="Giám sát máy chủ của các cơ quan", en="Checks of the agencies' hosts"),
    )
    name = management_group(facts.spec.slug)
    return book.group(name, f"{facts.spec.name.en}: management network")


def _service(facts: Facts, service: ProvinceService) -> SecurityGroupPlan:
    book = RuleBook()
    clients = [*province_networks(facts), *_all_agencies(facts)]
    match service:
        case ProvinceService.BASTION:
            admins = Text(vi="Quản trị viên của tỉnh", en="The province's administrators")
            managed = Text(vi="Quản trị các máy chủ", en="Administration of all hosts")
            book.allow(INGRESS, rules.SSH, facts.spec.admin_networks, admins)
            book.allow(EGRESS, rules.SSH, clients, managed)
        case ProvinceService.TIME:
            served = Text(vi="Cung cấp thời gian", en="Time for all hosts")
            upstream = Text(vi="Nguồn thời gian cấp trên", en="Upstream time sources")
            book.allow(INGRESS, rules.NTP, clients, served)
            book.allow(EGRESS, rules.NTP, _upstream(facts), upstream)
        case ProvinceService.BACKUP_HOST:
            kept = Text(vi="Nhận bản sao lưu", en="Backups of all hosts")
            book.allow(INGRESS, rules.BACKUP, clients, kept)
            book.allow(EGRESS, rules.BACKUP, rules.hosts(both(facts.standbys())), backups.COPIES)
        case ProvinceService.LOG_HOST:
            kept = Text(vi="Nhận nhật ký", en="Journals of all hosts")
            book.allow(INGRESS, rules.LOGS, clients, kept)
        case ProvinceService.VPN_HUB:
            _hub(facts, book)
        case ProvinceService.IPSEC_GATEWAY:
            centre = Text(vi="Đường hầm tới Trung ương", en="Tunnels to the central Government")
            for flow in rules.IPSEC:
                for direction in Direction:
                    book.allow(direction, flow, rules.hosts(gateway_addresses(facts.spec)), centre)
        case _:
            pass  # reached by nobody until its own rules are written
    name = service_group(facts.spec.slug, service)
    return book.group(name, f"{facts.spec.name.en}: service {service}")


def _hub(facts: Facts, book: RuleBook) -> None:
    """What a hub itself takes and starts; tunnels are opened by the offices alone.

    What the hub tells an office by BGP, BFD and ICMP travels inside of the office's tunnel, so the
    cloud's filter sees none of it; the host's own does.
    """
    book.allow(
        INGRESS,
        rules.WIREGUARD,
        ANYWHERE,
        Text(vi="Đường hầm của các trụ sở", en="Tunnels of the offices"),
    )
    hubs = rules.hosts(both(facts.serving(ProvinceService.VPN_HUB)))
    pair = Text(vi="Phối hợp giữa các máy chủ VPN", en="Hubs among each other")
    offices: list[IPNetwork] = [facts.spec.pools.sites.ipv4, facts.spec.pools.sites.ipv6]
    routing = Text(vi="Định tuyến với các trụ sở", en="Routing with the offices")
    watched = Text(vi="Đo chất lượng đường truyền", en="Quality of the offices' links")
    for direction in Direction:
        for flow in (rules.VRRP, rules.BGP, *rules.BFD):
            book.allow(direction, flow, hubs, pair)
        for flow in (rules.BGP, rules.BFD[1]):
            book.allow(direction, flow, offices, routing)
        book.allow(direction, rules.ICMP, offices, watched)
    monitors = (
        circuit.monitor for circuits in facts.links.circuits.values() for circuit in circuits
    )
    book.allow(EGRESS, rules.ICMP, rules.hosts(one for one in monitors if one), watched)


TRANSIT = {
    ProvinceService.VPN_HUB: transit.office_transit,
    ProvinceService.IPSEC_GATEWAY: transit.centre_transit,
}
"""What hosts of a service pass on, by service."""


def _transit(facts: Facts, service: ProvinceService) -> SecurityGroupPlan:
    name = transit_group(facts.spec.slug, service)
    about = f"{facts.spec.name.en}: what service {service} passes on"
    return transit.transit_group(name, about, TRANSIT[service](facts))


def _upstream(facts: Facts) -> list[IPNetwork]:
    """Where upstream time servers are; one that is named may resolve to any address."""
    addresses = []
    for server in facts.spec.services.ntp_upstream:
        try:
            addresses.append(ip_address(server))
        except ValueError:
            return list(ANYWHERE)
    return rules.hosts(addresses)
