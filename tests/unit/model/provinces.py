"""Small provinces of all shapes, and the policy told once more, in other words than the model's."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st

from hoaban.model import Province, allocation
from hoaban.model.ledger import AgencyEntry, Book, Ledger, ZoneEntry
from hoaban.model.spec import AgencySpec, ProvinceService, ProvinceSpec, System
from hoaban.model.types import Direction, Protocol, Zone

if TYPE_CHECKING:
    from hoaban.model.environment import EnvironmentPlan, HostPlan, Rule

TIER_PORTS = [22, 179, 443, 8000]
FLOWS: list[tuple[Protocol, int | None]] = [
    *((protocol, None) for protocol in (Protocol.ICMP, Protocol.VRRP, Protocol.ESP)),
    *((Protocol.TCP, port) for port in (22, 53, 80, 179, 443, 3142, 8000, 19532)),
    *((Protocol.UDP, port) for port in (22, 53, 123, 179, 443, 3784, 4784, 8000, 51820)),
]
OUTSIDE = [ip_address("203.0.113.9"), ip_address("2001:db8:ffff::9")]
ADMIN = [ip_address("192.0.2.7"), ip_address("2001:db8:ad::7")]
ROUTING = [(Protocol.TCP, 179), (Protocol.UDP, 4784)]
"""Between a hub and its offices, or another hub: BGP, BFD over several links."""
CENTRE = [ip_address("198.51.100.9"), ip_address("2001:db8:ce::9")]
Address = IPv4Address | IPv6Address


def ledger_of(book: Book) -> Ledger:
    """The nested form of a table of indexes."""
    zones: dict[str, ZoneEntry] = {}
    agencies: dict[str, AgencyEntry] = {}
    for key, index in sorted(book.indexes.items()):
        if key.kind == "zone":
            zones[key.owner] = ZoneEntry(index=index, hosts={})
        elif key.kind == "agency":
            agencies[key.owner] = AgencyEntry(block=index, sites={}, hosts={})
    for key, index in book.indexes.items():
        if key.kind == "province-host":
            zones[key.owner].hosts[key.name] = index
        elif key.kind == "site":
            agencies[key.owner].sites[key.name] = index
        elif key.kind == "host":
            agencies[key.owner].hosts.setdefault(Zone(key.zone), {})[key.name] = index
    return Ledger.model_validate({"province": zones, "agencies": agencies})


def make(agencies: list[dict[str, Any]], hosts: dict[str, Any]) -> Province:
    spec = ProvinceSpec.model_validate(
        {
            "slug": "tinh",
            "name": {"vi": "t", "en": "t"},
            "domain": "t.example",
            "cloud": {"name": "lab", "external_network": "public"},
            "pools": {
                "province": {"ipv4": "10.1.0.0/22", "ipv6": "fd00:0:1::/60"},
                "agencies": {"ipv4": "10.2.0.0/20", "ipv6": "fd00:0:2::/52"},
                "sites": {"ipv4": "10.3.0.0/21", "ipv6": "fd00:0:3::/59"},
            },
            "sizes": {"tiny": {"vcpus": 1, "ram_mb": 512, "disk_gb": 2}},
            "admin_networks": ["192.0.2.0/24", "2001:db8:ad::/48"],
            "services": {
                "dns": ["203.0.113.53", "2001:db8::53"],
                "ntp_upstream": ["203.0.113.123"],
                "mirror": "http://203.0.113.80:3142/debian",
                "centre_networks": ["198.51.100.0/24", "2001:db8:ce::/48"],
            },
            "hosts": hosts,
        }
    )
    parsed = {one["slug"]: AgencySpec.model_validate(one) for one in agencies}
    book = Book()
    allocation.allocate(book, spec, parsed)
    return Province(spec, parsed, ledger_of(book))


SLUGS = ["a", "b", "c"]
tier = st.builds(
    lambda count, ports: {
        "count": count,
        "size": "tiny",
        "ports": [{"port": port, "protocol": protocol} for protocol, port in ports],
    },
    st.integers(1, 2),
    st.lists(
        st.tuples(st.sampled_from(["tcp", "udp"]), st.sampled_from(TIER_PORTS)),
        min_size=1,
        max_size=2,
        unique=True,
    ),
)
tiers = st.dictionaries(st.sampled_from(["web", "app", "data"]), tier, min_size=1, max_size=3)


@st.composite
def agency(draw: st.DrawFn, slug: str) -> dict[str, Any]:
    others = [other for other in SLUGS if other != slug]
    systems = [
        {
            "slug": name,
            "name": {"vi": name, "en": name},
            "tiers": draw(tiers),
            "exposure": {
                "own_agency": draw(st.booleans()),
                "public": draw(st.booleans()),
                "centre": draw(st.booleans()),
                "agencies": draw(st.lists(st.sampled_from(others), unique=True)),
            },
        }
        for name in draw(st.lists(st.sampled_from(["x", "y"]), unique=True))
    ]
    sites = [
        {
            "slug": f"s{number}",
            "name": {"vi": "s", "en": "s"},
            "address": "a",
        }
        for number in range(draw(st.integers(0, 2)))
    ]
    return {
        "slug": slug,
        "name": {"vi": slug, "en": slug},
        "kind": "department",
        "users": 1,
        "sites": sites,
        "systems": systems,
    }


services = st.lists(
    st.sampled_from(["time", "backup_host", "log_host", "vpn_hub"]),
    min_size=1,
    max_size=2,
    unique=True,
)
zones = st.sampled_from(["management", "services"])


@st.composite
def provinces(draw: st.DrawFn) -> Province:
    hosts: dict[str, Any] = {
        "bastion": {"size": "tiny", "services": ["bastion"], "zone": draw(zones)},
        "time-1": {"size": "tiny", "services": draw(services), "zone": draw(zones)},
        "other": {"size": "tiny", "services": draw(services), "zone": draw(zones)},
    }
    if all("backup_host" in hosts[name]["services"] for name in ("time-1", "other")):
        hosts["other"]["standby_of"] = draw(st.sampled_from([None, "time-1"]))
    return make([draw(agency(slug)) for slug in SLUGS], hosts)


@dataclass(frozen=True)
class Managed:
    """A host, its owner, and what its rules let pass."""

    plan: EnvironmentPlan
    host: HostPlan

    @property
    def addresses(self) -> list[Address]:
        return [self.host.ipv4, self.host.ipv6]

    def passes(
        self,
        direction: Direction,
        peer: Address,
        flow: tuple[Protocol, int | None],
        *,
        besides_everybody: bool = False,
    ) -> bool:
        return any(
            self.matches(rule, direction, peer, flow)
            and not (besides_everybody and rule.remote.prefixlen == 0)
            for rule in self.plan.rules_of(self.host)
        )

    @staticmethod
    def matches(
        rule: Rule, direction: Direction, peer: Address, flow: tuple[Protocol, int | None]
    ) -> bool:
        protocol, port = flow
        return (
            rule.direction is direction
            and rule.protocol is protocol
            and peer in rule.remote
            and (port is None or (rule.port_min or 0) <= port <= (rule.port_max or 0))
        )


def managed(province: Province) -> list[Managed]:
    plans = [province.foundation(), *(province.environment(slug) for slug in province.agencies)]
    return [Managed(plan, host) for plan in plans for host in plan.hosts]


def system_of(province: Province, one: Managed) -> System | None:
    if one.plan.agency is None:
        return None
    systems = province.agencies[one.plan.agency].systems
    return next(system for system in systems if system.slug == one.host.system)


def serves(system: System, zone: str | None, flow: tuple[Protocol, int | None]) -> bool:
    ports = system.tiers[Zone(zone)].ports
    return any((port.protocol, port.port) == flow for port in ports)


def in_order(system: System) -> list[str]:
    return [zone.value for zone in (Zone.WEB, Zone.APP, Zone.DATA) if zone in system.tiers]


def wanted(
    province: Province, source: Managed, target: Managed, flow: tuple[Protocol, int | None]
) -> bool:
    """The policy in other words than the module's: may one managed host start a flow to another?"""
    same_owner = source.plan.agency == target.plan.agency
    has = target.host.services
    if flow[0] is Protocol.ICMP:
        return same_owner or target.plan.agency is None or source.host.zone == "management"
    shared: dict[tuple[Protocol, int | None], bool] = {
        (Protocol.TCP, 22): ProvinceService.BASTION in source.host.services,
        (Protocol.UDP, 123): ProvinceService.TIME in has,
        (Protocol.TCP, 8000): ProvinceService.BACKUP_HOST in has
        and target.host.standby_of in (None, source.host.name),
        (Protocol.TCP, 19532): ProvinceService.LOG_HOST in has,
    }
    hub = ProvinceService.VPN_HUB
    if flow in (*ROUTING, (Protocol.UDP, 3784), (Protocol.VRRP, None)):
        shared[flow] = hub in has and hub in source.host.services
    return shared.get(flow, False) or wanted_by_agencies(province, source, target, flow)


def wanted_by_agencies(
    province: Province, source: Managed, target: Managed, flow: tuple[Protocol, int | None]
) -> bool:
    same_owner = source.plan.agency == target.plan.agency
    system = system_of(province, target)
    if system is None or source.plan.agency is None or not serves(system, target.host.tier, flow):
        return False
    order = in_order(system)
    position = order.index(target.host.tier or "")
    if position == 0:
        others = source.plan.agency in system.exposure.agencies
        return system.exposure.own_agency if same_owner else others
    return (
        same_owner and source.host.system == system.slug and source.host.tier == order[position - 1]
    )


def public(province: Province, target: Managed, flow: tuple[Protocol, int | None]) -> bool:
    system = system_of(province, target)
    return (
        system is not None
        and system.exposure.public
        and target.host.tier == in_order(system)[0]
        and serves(system, target.host.tier, flow)
    )
