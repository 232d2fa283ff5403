"""Who may talk to whom, told once more and independently, and compared with all the rules."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import TYPE_CHECKING, Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hoaban.model import Province, allocation
from hoaban.model.ledger import AgencyEntry, Book, Ledger, ZoneEntry
from hoaban.model.spec import AgencySpec, ProvinceService, ProvinceSpec, System
from hoaban.model.types import Direction, Protocol, Zone

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hoaban.model.environment import EnvironmentPlan, HostPlan, Rule

PORTS = [22, 53, 80, 123, 179, 443, 3142, 3784, 4784, 8000, 19532, 51820]
FLOWS: list[tuple[Protocol, int | None]] = [
    (Protocol.ICMP, None),
    (Protocol.VRRP, None),
    (Protocol.ESP, None),
    *((protocol, port) for protocol in (Protocol.TCP, Protocol.UDP) for port in PORTS),
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
        st.tuples(st.sampled_from(["tcp", "udp"]), st.sampled_from(PORTS)),
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
            self._matches(rule, direction, peer, flow)
            and not (besides_everybody and rule.remote.prefixlen == 0)
            for rule in self.plan.rules_of(self.host)
        )

    @staticmethod
    def _matches(
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
        (Protocol.TCP, 8000): ProvinceService.BACKUP_HOST in has,
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


SLOW = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@SLOW
@given(provinces())
def test_between_managed_hosts_both_ends_say_the_same_and_what_was_wanted(
    province: Province,
) -> None:
    hosts = managed(province)
    for source in hosts:
        for target in hosts:
            if source.host.name == target.host.name:
                continue
            for there, back in zip(target.addresses, source.addresses, strict=True):
                for flow in FLOWS:
                    right = wanted(province, source, target, flow)
                    what = f"{source.host.name} → {target.host.name} {there} {flow}"
                    assert source.passes(Direction.EGRESS, there, flow) == right, what
                    accepted = target.passes(Direction.INGRESS, back, flow)
                    open_to_all = public(province, target, flow) or to_hub(target, "", flow)
                    assert accepted == (right or open_to_all), what
                    specific = target.passes(Direction.INGRESS, back, flow, besides_everybody=True)
                    assert not specific or right, what


def strangers(province: Province) -> Iterator[tuple[str, Address]]:
    """Addresses of people and networks outside of the managed hosts, with what they are."""
    for address in OUTSIDE:
        yield "outside", address
    for address in ADMIN:
        yield "admin", address
    for address in CENTRE:
        yield "centre", address
    for slug, one in province.agencies.items():
        for site in one.sites:
            for network in province.addresses.site(slug, site.slug):
                yield f"site:{slug}", network.network_address + 20


def to_hub(target: Managed, kind: str, flow: tuple[Protocol, int | None]) -> bool:
    """What a hub takes: WireGuard of everybody, and inside of the tunnels routing and echoes."""
    if ProvinceService.VPN_HUB not in target.host.services:
        return False
    office = kind.startswith("site:") and flow in (*ROUTING, (Protocol.ICMP, None))
    return flow == (Protocol.UDP, 51820) or office


@SLOW
@given(provinces())
def test_from_outside_only_what_is_exposed(province: Province) -> None:
    for target in managed(province):
        system = system_of(province, target)
        first = system is not None and target.host.tier == in_order(system)[0]
        for kind, address in strangers(province):
            for flow in FLOWS:
                if flow == (Protocol.TCP, 22) and kind == "admin":
                    right = ProvinceService.BASTION in target.host.services
                else:
                    right = to_hub(target, kind, flow)
                if system is not None and first and serves(system, target.host.tier, flow):
                    exposure = system.exposure
                    right = right or exposure.public or (kind == "centre" and exposure.centre)
                    if kind.startswith("site:"):
                        slug = kind.removeprefix("site:")
                        own = slug == target.plan.agency
                        right = right or (exposure.own_agency if own else slug in exposure.agencies)
                assert target.passes(Direction.INGRESS, address, flow) == right, (
                    f"{kind} {address} → {target.host.name} {flow}"
                )


@SLOW
@given(provinces())
def test_to_outside_only_resolvers_mirror_and_upstream_time(province: Province) -> None:
    reach = {
        (Protocol.UDP, 53): {"203.0.113.53", "2001:db8::53"},
        (Protocol.TCP, 53): {"203.0.113.53", "2001:db8::53"},
        (Protocol.TCP, 3142): {"203.0.113.80"},
        (Protocol.TCP, 80): {"169.254.169.254"},
    }
    targets = {address for addresses in reach.values() for address in addresses}
    for source in managed(province):
        for target in sorted({*targets, "203.0.113.123", "203.0.113.9", "2001:db8:ffff::9"}):
            for flow in FLOWS:
                right = target in reach.get(flow, set())
                if flow == (Protocol.UDP, 123) and target == "203.0.113.123":
                    right = ProvinceService.TIME in source.host.services
                passes = source.passes(Direction.EGRESS, ip_address(target), flow)
                assert passes == right, f"{source.host.name} → {target} {flow}"


@SLOW
@given(provinces())
def test_rules_are_what_neutron_and_pulumi_take(province: Province) -> None:
    for plan in [province.foundation(), *map(province.environment, province.agencies)]:
        for group in plan.security_groups:
            ids = [rule.id for rule in group.rules]
            assert len(ids) == len(set(ids))
            assert not any(":" in one for one in ids), "a colon separates the parts of a URN"
            same = {
                (rule.direction, rule.protocol, rule.family, rule.port_min, rule.remote)
                for rule in group.rules
            }
            assert len(same) == len(group.rules), "Neutron refuses the same rule twice"
            for rule in group.rules:
                assert rule.family == f"ipv{rule.remote.version}"
                assert (rule.port_min is None) == (not rule.protocol.has_ports)
        names = {group.name for group in plan.security_groups}
        assert all(set(host.security_groups) <= names for host in plan.hosts)


def one_system(**exposure: Any) -> Province:
    system = {
        "slug": "x",
        "name": {"vi": "x", "en": "x"},
        "tiers": {"web": {"count": 3, "size": "tiny", "ports": [{"port": 443}]}},
        "exposure": exposure,
    }
    agencies = [
        {
            "slug": slug,
            "name": {"vi": slug, "en": slug},
            "kind": "department",
            "users": 1,
            "systems": [system] if slug == "a" else [],
        }
        for slug in ("a", "b")
    ]
    hosts = {"bastion": {"size": "tiny", "services": ["bastion", "time"]}}
    return make(agencies, hosts)


def remotes(province: Province, agency: str, group: str, purpose: str) -> list[str]:
    plan = province.environment(agency)
    rules = next(one for one in plan.security_groups if one.name == group).rules
    return [str(rule.remote) for rule in rules if purpose in rule.id]


def test_public_needs_one_rule_a_family() -> None:
    province = one_system(public=True, own_agency=True, agencies=["b"])
    assert remotes(province, "a", "a-x-web", "serve") == ["0.0.0.0/0", "::/0"]


def test_peers_are_told_as_few_networks_as_hold_nothing_else() -> None:
    province = one_system(agencies=["b"])
    assert remotes(province, "b", "b-base", "use-a-x") == [
        "10.2.0.10/31",
        "10.2.0.12/32",
        "fd00:0:2::a/127",
        "fd00:0:2::c/128",
    ]


def test_ids_stay_when_other_flows_come() -> None:
    before = one_system(own_agency=True).environment("a")
    after = one_system(own_agency=True, agencies=["b"], centre=True).environment("a")
    old = {rule.id for group in before.security_groups for rule in group.rules}
    new = {rule.id for group in after.security_groups for rule in group.rules}
    assert old < new
