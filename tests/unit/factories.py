"""Plans made by hand, so that tests of what follows from a plan need no inventory."""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Any

from hoaban.model.environment import (
    ContainerPlan,
    EnvironmentPlan,
    HostPlan,
    NetworkPlan,
    Quota,
    Rule,
    SecurityGroupPlan,
    VolumePlan,
)
from hoaban.model.spec import Cloud, Pool, Pools, ProvinceHost, ProvinceService, ProvinceSpec, Size
from hoaban.model.types import Direction, Family, Protocol, Text

SMALL = Size(vcpus=1, ram_mb=1024, disk_gb=3)


def text(words: str) -> Text:
    return Text(vi=words, en=words)


def network(zone: str, index: int, owner: str = "so-y-te") -> NetworkPlan:
    ipv4 = IPv4Network(f"10.30.{index}.0/26")
    ipv6 = IPv6Network(f"fd00:30:0:{index}::/64")
    return NetworkPlan(
        zone=zone,
        name=f"{owner}-{zone}",
        ipv4=ipv4,
        ipv6=ipv6,
        gateway_ipv4=ipv4.network_address + 1,
        gateway_ipv6=ipv6.network_address + 1,
    )


def rule(id_: str, family: Family = Family.IPV4, **changes: Any) -> Rule:
    values = {
        "id": id_,
        "direction": Direction.INGRESS,
        "protocol": Protocol.TCP,
        "family": family,
        "port_min": 443,
        "port_max": 443,
        "remote": ip_network("10.30.0.0/16" if family is Family.IPV4 else "fd00:30::/32"),
        "reason": text("web from the agency"),
    }
    return Rule(**{**values, **changes})


def group(name: str, rules: list[Rule]) -> SecurityGroupPlan:
    return SecurityGroupPlan(name=name, description=f"{name} of the plan", rules=rules)


def both_families(name: str) -> SecurityGroupPlan:
    """A group with TCP and ICMP in both families."""
    icmp: dict[str, Any] = {"protocol": Protocol.ICMP, "port_min": None, "port_max": None}
    return group(
        name,
        [
            rule("https-ipv4"),
            rule("https-ipv6", Family.IPV6),
            rule("ping-ipv4", **icmp),
            rule("ping-ipv6", Family.IPV6, **icmp),
        ],
    )


def volume(name: str, size_gb: int = 10) -> VolumePlan:
    label = name.rsplit("-", 1)[-1]
    return VolumePlan(
        name=name, label=label, size_gb=size_gb, mount=f"/srv/{label}", filesystem="ext4"
    )


def host(name: str, net: NetworkPlan, offset: int = 10, **changes: Any) -> HostPlan:
    values = {
        "name": name,
        "fqdn": f"{name}.hoaban.test",
        "zone": net.zone,
        "tier": net.zone,
        "system": "portal",
        "services": [],
        "size_name": "small",
        "size": SMALL,
        "ipv4": net.ipv4.network_address + offset,
        "ipv6": net.ipv6.network_address + offset,
        "floating_ip": False,
        "security_groups": ["so-y-te-base"],
        "server_group": None,
        "volumes": [],
        "backup": None,
    }
    return HostPlan(**{**values, **changes})


QUOTA = Quota(
    instances=10,
    cores=20,
    ram_mb=40_960,
    server_groups=5,
    server_group_members=6,
    volumes=10,
    gigabytes=200,
    networks=3,
    subnets=6,
    ports=40,
    security_groups=8,
    security_group_rules=60,
    floating_ips=2,
)


def agency_plan(**changes: Any) -> EnvironmentPlan:
    """A department with two web servers and a database with a volume of data."""
    web, data = network("web", 1), network("data", 2)
    values = {
        "province": "thu-nghiem",
        "agency": "so-y-te",
        "name": Text(vi="Sở Y tế", en="Department of Health"),
        "domain": "hoaban.test",
        "security_level": 3,
        "project": "thu-nghiem-so-y-te",
        "networks": [web, data],
        "security_groups": [both_families("so-y-te-base"), both_families("so-y-te-web")],
        "hosts": [
            host(
                f"so-y-te-portal-web-{n}",
                web,
                9 + n,
                security_groups=["so-y-te-base", "so-y-te-web"],
                server_group="so-y-te-portal-web",
            )
            for n in (1, 2)
        ]
        + [
            host(
                "so-y-te-portal-data-1",
                data,
                volumes=[
                    volume("so-y-te-portal-data-1-db", 20),
                    volume("so-y-te-portal-data-1-log", 5),
                ],
            )
        ],
        "server_groups": ["so-y-te-portal-web"],
        "containers": [ContainerPlan(name="so-y-te-portal-files", quota_gb=5)],
        "quota": QUOTA,
    }
    return EnvironmentPlan(**{**values, **changes})


def foundation_plan(**changes: Any) -> EnvironmentPlan:
    """A province with a bastion and a backup host."""
    management = network("management", 0, "thu-nghiem")
    base: dict[str, Any] = {"tier": None, "system": None, "security_groups": ["thu-nghiem-base"]}
    values = {
        "province": "thu-nghiem",
        "agency": None,
        "name": Text(vi="Tỉnh Thử Nghiệm", en="Test province"),
        "domain": "hoaban.test",
        "security_level": 3,
        "project": "thu-nghiem",
        "networks": [management],
        "security_groups": [both_families("thu-nghiem-base")],
        "hosts": [
            host(
                "bastion",
                management,
                services=[ProvinceService.BASTION, ProvinceService.TIME],
                floating_ip=True,
                **base,
            ),
            host(
                "backup",
                management,
                11,
                services=[ProvinceService.BACKUP_HOST],
                volumes=[volume("backup-store", 40)],
                **base,
            ),
        ],
        "server_groups": [],
        "containers": [],
        "quota": QUOTA,
    }
    return EnvironmentPlan(**{**values, **changes})


def pool(ipv4: str, ipv6: str) -> Pool:
    return Pool(ipv4=IPv4Network(ipv4), ipv6=IPv6Network(ipv6))


def province_spec(**changes: Any) -> ProvinceSpec:
    values = {
        "slug": "thu-nghiem",
        "name": Text(vi="Tỉnh Thử Nghiệm", en="Test province"),
        "domain": "hoaban.test",
        "cloud": Cloud(name="lab", external_network="public"),
        "pools": Pools(
            province=pool("10.30.0.0/20", "fd00:30::/48"),
            agencies=pool("10.31.0.0/16", "fd00:31::/48"),
            sites=pool("10.32.0.0/16", "fd00:32::/48"),
        ),
        "sizes": {"small": SMALL, "large": Size(vcpus=4, ram_mb=8192, disk_gb=20)},
        "admin_networks": [IPv4Network("192.0.2.0/24")],
        "hosts": {
            "bastion": ProvinceHost(
                size="small", services=[ProvinceService.BASTION], floating_ip=True
            )
        },
    }
    return ProvinceSpec(**{**values, **changes})
