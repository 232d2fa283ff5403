"""A small province as its stacks would export it.

Made by hand rather than from an inventory, so that tests of inventory, checks and reports say
exactly what they need. Addresses are from the documentation's and private ranges.
"""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Network, ip_address
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from hoaban.model.environment import (
    EnvironmentPlan,
    HostPlan,
    NetworkPlan,
    OfflinePlan,
    Quota,
    Rule,
    SecurityGroupPlan,
    VolumePlan,
)
from hoaban.model.outputs import (
    HostSettings,
    ProvinceResources,
    StackOutputs,
)
from hoaban.model.spec import Backup, Operator, ProvinceService, Size
from hoaban.model.types import Direction, Family, Protocol, Text
from hoaban.testing.exported import export, identifier, write_checkpoint

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from ipaddress import IPv4Address, IPv6Address
    from pathlib import Path

DOMAIN = "sonla.example"
BASTION = "sonla-bastion"
BACKUP = "sonla-backup-1"
OPERATOR_NETWORK = IPv4Network("198.51.100.0/24")
SMALL = Size(vcpus=1, ram_mb=1024, disk_gb=10)
MANAGEMENT = (IPv4Network("10.64.0.0/26"), IPv6Network("fd64::/64"))
QUOTA = Quota(
    instances=20, cores=40, ram_mb=65536, server_groups=10, volumes=20, gigabytes=1000,
    networks=5, subnets=10, ports=50, security_groups=20, security_group_rules=400,
    floating_ips=1,
)  # fmt: skip


def address(network: IPv4Network | IPv6Network, index: int) -> Any:
    """The address ``index`` places after the network's own."""
    return network[index]


def network(zone: str, name: str, ipv4: IPv4Network, ipv6: IPv6Network) -> NetworkPlan:
    """A network whose gateways are its first addresses."""
    return NetworkPlan(
        zone=zone,
        name=name,
        ipv4=ipv4,
        ipv6=ipv6,
        gateway_ipv4=ipv4[1],
        gateway_ipv6=ipv6[1],
    )


def flow(
    name: str,
    direction: Direction,
    remotes: Sequence[IPv4Network | IPv6Network],
    reason: tuple[str, str],
    port: int | None = None,
    protocol: Protocol = Protocol.TCP,
) -> list[Rule]:
    """One rule a remote network, its family in the identifier."""
    rules = []
    for remote in remotes:
        family = Family.IPV4 if isinstance(remote, IPv4Network) else Family.IPV6
        rules.append(
            Rule(
                id=f"{name}-{family}",
                direction=direction,
                protocol=protocol,
                family=family,
                port_min=port,
                port_max=port,
                remote=remote,
                reason=Text(vi=reason[0], en=reason[1]),
            )
        )
    return rules


def province(backup_volume_gb: int = 20, offline_volumes: int = 0) -> StackOutputs:
    """The province's foundation: a bastion that also gives the time, and a backup host.

    The backup host has so many volumes for a third copy, which may be 14 days old.
    """
    mgmt4, mgmt6 = MANAGEMENT
    group = SecurityGroupPlan(
        name="sonla-bastion",
        description="Bastion",
        rules=[
            *flow("ssh", Direction.INGRESS, [OPERATOR_NETWORK],
                  ("Quản trị viên đăng nhập", "Operators log in"), 22),
            *flow("ssh-out", Direction.EGRESS, [IPv4Network("10.0.0.0/8"), IPv6Network("fd00::/8")],
                  ("Đăng nhập tới mọi máy chủ", "Log in to every host"), 22),
            *flow("ntp", Direction.INGRESS, [IPv4Network("10.0.0.0/8"), IPv6Network("fd00::/8")],
                  ("Cấp giờ cho mọi máy chủ", "Time for every host"), 123, Protocol.UDP),
        ],
    )  # fmt: skip
    store = SecurityGroupPlan(
        name="sonla-backup",
        description="Backup host",
        rules=[
            *flow("ssh", Direction.INGRESS, MANAGEMENT,
                  ("Đăng nhập qua máy chủ trung gian", "Log in through the bastion"), 22),
            *flow("ntp-out", Direction.EGRESS, MANAGEMENT,
                  ("Đồng bộ thời gian", "Time"), 123, Protocol.UDP),
        ],
    )  # fmt: skip
    hosts = [
        _host(BASTION, "management", address(mgmt4, 10), address(mgmt6, 10), group.name,
              services=[ProvinceService.BASTION, ProvinceService.TIME], floating_ip=True),
        _host(BACKUP, "management", address(mgmt4, 11), address(mgmt6, 11), store.name,
              services=[ProvinceService.BACKUP_HOST, ProvinceService.LOG_HOST],
              volumes=[VolumePlan(name="backup", label="backup", size_gb=backup_volume_gb,
                                  mount="/srv/backup", filesystem="xfs")]),
    ]  # fmt: skip
    if offline_volumes:
        hosts[-1] = hosts[-1].model_copy(update={"offline": _offline(offline_volumes)})
    plan = EnvironmentPlan(
        province="sonla",
        agency=None,
        name=Text(vi="Tỉnh Sơn La", en="Son La Province"),
        domain=DOMAIN,
        security_level=3,
        project="sonla",
        networks=[network("management", "sonla-management", mgmt4, mgmt6)],
        security_groups=[group, store],
        hosts=hosts,
        server_groups=[],
        containers=[],
        quota=QUOTA,
    )
    settings = HostSettings(
        domain=DOMAIN,
        timezone="Asia/Ho_Chi_Minh",
        operators=[
            Operator(name="lan", full_name="Lò Thị Lan", ssh_keys=["ssh-ed25519 AAAAC3Nz lan"])
        ],
        ntp_servers=[hosts[0].ipv4, hosts[0].ipv6],
        ntp_upstream=[],
        dns_servers=[],
    )
    resources = ProvinceResources(
        router_id=identifier("router"),
        key_pair="sonla-deploy",
        image_id=identifier("image"),
        image_name="hoaban-debian-13-0123456789ab",
        flavor_ids={"small": identifier("small")},
        bastion=BASTION,
        router_addresses=[ip_address("203.0.113.2")],
    )
    return export(plan, settings=settings, province=resources)


def _offline(count: int) -> OfflinePlan:
    labels = [f"offline-{number}" for number in range(1, count + 1)]
    volumes = [
        VolumePlan(name=f"{BACKUP}-{label}", label=label, size_gb=20, mount="/srv/offline",
                   filesystem="xfs")
        for label in labels
    ]  # fmt: skip
    return OfflinePlan(days=14, volumes=volumes)


def department(
    slug: str = "so-y-te",
    name: Text | None = None,
    index: int = 1,
    counts: Mapping[str, int] | None = None,
) -> StackOutputs:
    """A department with one system of three tiers; each is reached by the one before it only.

    ``index`` selects its address block, ``counts`` the number of hosts by tier.
    """
    counts = counts or {"web": 1, "app": 1, "data": 1}
    block4 = IPv4Network((0x0A410000 + (index << 8), 24))
    block6 = IPv6Network(f"fd65:0:0:{index << 8:x}::/56")
    zones4 = list(block4.subnets(new_prefix=26))
    zones6 = [IPv6Network((int(block6.network_address) + (n << 64), 64)) for n in range(3)]
    networks = {
        zone: network(zone, f"{slug}-{zone}", zones4[n], zones6[n])
        for n, zone in enumerate(("web", "app", "data"))
    }
    ports = {"web": 443, "app": 8080, "data": 5432}
    groups = {
        zone: SecurityGroupPlan(
            name=f"{slug}-portal-{zone}",
            description=zone,
            rules=_tier_rules(zone, networks, ports),
        )
        for zone in networks
    }
    hosts = []
    for zone, plan in networks.items():
        for n in range(1, counts.get(zone, 0) + 1):
            volumes = (
                [VolumePlan(name=f"{slug}-portal-data-{n}-db", label=f"db{n}", size_gb=10,
                            mount="/srv/db", filesystem="ext4")]
                if zone == "data" else []
            )  # fmt: skip
            hosts.append(
                _host(f"{slug}-portal-{zone}-{n}", zone, address(plan.ipv4, 9 + n),
                      address(plan.ipv6, 9 + n), groups[zone].name, tier=zone, system="portal",
                      volumes=volumes)
            )  # fmt: skip
    return export(
        EnvironmentPlan(
            province="sonla",
            agency=slug,
            name=name or Text(vi="Sở Y tế", en="Department of Health"),
            domain=f"{slug}.{DOMAIN}",
            security_level=3,
            project=f"sonla-{slug}",
            networks=list(networks.values()),
            security_groups=list(groups.values()),
            hosts=hosts,
            server_groups=[f"{slug}-portal-{zone}" for zone in networks],
            containers=[],
            quota=QUOTA,
        )
    )


def write_estate(backend: Path, *agencies: StackOutputs) -> None:
    """State of the province and of agencies (one department unless told)."""
    write_checkpoint(backend, "province", "sonla", province())
    for outputs in agencies or (department(),):
        write_checkpoint(backend, "agency", str(outputs.environment.agency), outputs)


def _host(
    name: str,
    zone: str,
    ipv4: IPv4Address,
    ipv6: IPv6Address,
    group: str,
    *,
    tier: str | None = None,
    system: str | None = None,
    services: Sequence[ProvinceService] = (),
    floating_ip: bool = False,
    volumes: Sequence[VolumePlan] = (),
) -> HostPlan:
    return HostPlan(
        name=name,
        fqdn=f"{name}.{DOMAIN}",
        zone=zone,
        tier=tier,
        system=system,
        services=list(services),
        size_name="small",
        size=SMALL,
        ipv4=ipv4,
        ipv6=ipv6,
        floating_ip=floating_ip,
        security_groups=[group],
        server_group=group if tier else None,
        volumes=list(volumes),
        backup=Backup() if volumes and tier else None,
    )


def _tier_rules(
    zone: str, networks: Mapping[str, NetworkPlan], ports: Mapping[str, int]
) -> list[Rule]:
    order = list(networks)
    before = {after: before for before, after in pairwise(order)}.get(zone)
    after = dict(pairwise(order)).get(zone)
    rules = [
        *flow("ssh", Direction.INGRESS, MANAGEMENT,
              ("Đăng nhập qua máy chủ trung gian", "Log in through the bastion"), 22),
        *flow("ntp", Direction.EGRESS, MANAGEMENT,
              ("Đồng bộ thời gian", "Time"), 123, Protocol.UDP),
    ]  # fmt: skip
    sources: list[IPv4Network | IPv6Network] = (
        [networks[before].ipv4, networks[before].ipv6] if before else [IPv4Network("0.0.0.0/0")]
    )
    rules += flow(
        f"serve-{zone}",
        Direction.INGRESS,
        sources,
        ("Lớp trước gọi lớp này", "The tier before calls this one"),
        ports[zone],
    )
    if after:
        rules += flow(
            f"call-{after}",
            Direction.EGRESS,
            [networks[after].ipv4, networks[after].ipv6],
            ("Gọi lớp sau", "Call the tier behind"),
            ports[after],
        )
    return rules
