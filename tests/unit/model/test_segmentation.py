"""Who may talk to whom: the rules, compared with the policy of provinces.py."""

from __future__ import annotations

from ipaddress import ip_address
from typing import TYPE_CHECKING, Any

from hypothesis import HealthCheck, given, settings

from hoaban.model.spec import ProvinceService
from hoaban.model.types import Direction, Protocol
from tests.unit.model.provinces import (
    ADMIN,
    CENTRE,
    FLOWS,
    OUTSIDE,
    ROUTING,
    Address,
    Managed,
    in_order,
    make,
    managed,
    provinces,
    public,
    serves,
    system_of,
    wanted,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hoaban.model import Province

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
