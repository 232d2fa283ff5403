"""The VPN: what hubs and offices may pass, compared with the policy; names, numbers, routes."""

from __future__ import annotations

from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hoaban.model import ledgerfile, load
from hoaban.model.types import Direction, Protocol, Zone
from tests.unit.model.provinces import (
    FLOWS,
    SLUGS,
    Address,
    Managed,
    agency,
    in_order,
    make,
    managed,
    public,
    serves,
    system_of,
)

if TYPE_CHECKING:
    from pathlib import Path

    from hoaban.model import Province
    from hoaban.model.environment import EnvironmentPlan
    from hoaban.model.vpnplan import VpnPlan, VpnSite

SLOW = settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
HUB = {"size": "tiny", "services": ["vpn_hub", "ipsec_gateway"], "zone": "vpn", "floating_ip": True}
HOSTS: dict[str, Any] = {
    "bastion": {"size": "tiny", "services": ["bastion", "time", "log_host"]},
    "vpn-1": HUB,
    "vpn-2": HUB,
}
Flow = tuple[Protocol, int | None]


@st.composite
def with_hubs(draw: st.DrawFn) -> Province:
    return make([draw(agency(slug)) for slug in SLUGS], HOSTS)


def vpn_of(province: Province) -> VpnPlan:
    vpn = province.foundation().vpn
    assert vpn is not None
    return vpn


def hub_of(province: Province) -> Managed:
    plan = province.foundation()
    return Managed(plan, next(host for host in plan.hosts if host.name == "vpn-1"))


def office_may(province: Province, user: str, target: Managed, flow: Flow) -> bool:
    """The policy in other words: may people in an agency's offices start a flow to a server?"""
    system = system_of(province, target)
    if system is None or not serves(system, target.host.tier, flow):
        return False
    if target.host.tier != in_order(system)[0]:
        return False
    if user == target.plan.agency:
        return system.exposure.own_agency or system.exposure.public
    return user in system.exposure.agencies or public(province, target, flow)


def passes(plan: EnvironmentPlan, source: Address, target: Address, flow: Flow) -> bool:
    """Whether a hub's forward chain lets a flow through."""
    protocol, port = flow
    return any(
        rule.protocol is protocol
        and port in rule.ports
        and any(source in network for network in rule.sources)
        and any(target in network for network in rule.destinations)
        for group in plan.security_groups
        if "vpn-hub" in group.name
        for rule in group.transit
    )


def cloud_passes(plan: EnvironmentPlan, direction: Direction, peer: Address, flow: Flow) -> bool:
    """Whether the cloud's filter lets hubs pass a flow on, seen from one of its sides."""
    return any(
        Managed.matches(rule, direction, peer, flow)
        for group in plan.security_groups
        if group.name.endswith("vpn-hub-transit")
        for rule in group.rules
    )


def offices(province: Province) -> list[tuple[str, VpnSite]]:
    return [(site.name.partition("/")[0], site) for site in vpn_of(province).sites]


@SLOW
@given(with_hubs())
def test_groups_forward_chain_and_allowed_ips_say_what_was_wanted(province: Province) -> None:
    """What the matrix has not is in none of them, and what it has is in all."""
    foundation = province.foundation()
    targets = managed(province)
    for user, site in offices(province):
        people = [site.networks.ipv4[20], site.networks.ipv6[20]]
        for target in targets:
            for here, there in zip(people, target.addresses, strict=True):
                opened = False
                for flow in FLOWS:
                    right = office_may(province, user, target, flow)
                    what = f"{site.name} → {target.host.name} {there} {flow}"
                    opened = opened or right
                    assert passes(foundation, here, there, flow) == right, what
                    if target.host.name not in ("vpn-1", "vpn-2"):
                        assert target.passes(Direction.INGRESS, here, flow) == right, what
                    if right:
                        assert cloud_passes(foundation, Direction.EGRESS, there, flow), what
                        assert cloud_passes(foundation, Direction.INGRESS, here, flow), what
                reached = any(there in network for network in site.reaches)
                assert reached == opened, f"AllowedIPs of {site.name}: {target.host.name}"


@SLOW
@given(with_hubs())
def test_nothing_else_is_passed_and_hubs_start_none_of_it(province: Province) -> None:
    foundation, hub = province.foundation(), hub_of(province)
    users = {user for user, _ in offices(province)}
    for target in managed(province):
        for there in target.addresses:
            for flow in FLOWS:
                may = any(office_may(province, user, target, flow) for user in users)
                # Of what is public the cloud knows the whole pool, before any office is in it.
                may = may or public(province, target, flow)
                # An agency without offices is named in rules that let nobody in.
                assert cloud_passes(foundation, Direction.EGRESS, there, flow) == may
                if may:
                    assert not hub.passes(Direction.EGRESS, there, flow)
    for source in ("203.0.113.9", "2001:db8:ffff::9", "10.2.0.10", "10.1.0.10"):
        for target in managed(province):
            for there in target.addresses:
                assert not any(
                    passes(foundation, ip_address(source), there, flow) for flow in FLOWS
                )


@SLOW
@given(with_hubs())
def test_each_office_has_its_own_networks_and_number(province: Province) -> None:
    sites = vpn_of(province).sites
    networks = [network for site in sites for network in (site.networks.ipv4, site.networks.ipv6)]
    assert len(set(networks)) == len(networks)
    assert not any(
        one.overlaps(other)
        for one in networks
        for other in networks
        if one is not other and one.version == other.version
    )
    assert len({site.as_number for site in sites}) == len(sites)
    assert all(4_200_000_000 <= site.as_number <= 4_294_967_294 for site in sites)
    assert all(site.router.ipv4 in site.networks.ipv4 for site in sites)


@SLOW
@given(with_hubs())
def test_the_centre_s_networks_pass_what_is_exposed_to_them(province: Province) -> None:
    plan = province.foundation()
    transit = next(
        g for g in plan.security_groups if g.name == "tinh-ipsec-gateway-transit"
    ).transit
    for target in managed(province):
        system = system_of(province, target)
        first = system is not None and target.host.tier == in_order(system)[0]
        for there, centre in zip(target.addresses, ("198.51.100.9", "2001:db8:ce::9"), strict=True):
            for flow in FLOWS:
                right = bool(
                    system
                    and first
                    and system.exposure.centre
                    and serves(system, target.host.tier, flow)
                )
                passed = any(
                    rule.protocol is flow[0]
                    and flow[1] in rule.ports
                    and any(ip_address(centre) in network for network in rule.sources)
                    and any(there in network for network in rule.destinations)
                    for rule in transit
                )
                assert passed == right, f"{centre} → {target.host.name} {flow}"


def small(**hosts: Any) -> Province:
    system = {
        "slug": "x",
        "name": {"vi": "x", "en": "x"},
        "tiers": {"web": {"size": "tiny", "ports": [{"port": 443}, {"port": 80}]}},
        "exposure": {"own_agency": True},
    }
    site = {"slug": "tru-so", "name": {"vi": "t", "en": "t"}, "address": "a"}
    one = {"name": {"vi": "a", "en": "a"}, "kind": "commune", "users": 1, "sites": [site]}
    return make(
        [{**one, "slug": "a", "systems": [system]}, {**one, "slug": "b", "systems": []}],
        {"bastion": HOSTS["bastion"], **hosts},
    )


def test_hubs_share_an_address_to_which_the_router_sends_what_is_for_offices() -> None:
    plan = small(**{"vpn-1": HUB, "vpn-2": HUB}).foundation()
    assert plan.vpn is not None
    assert plan.vpn.virtual is not None
    assert str(plan.vpn.virtual.ipv4) == "10.1.0.130"
    assert {(str(one.destination), str(one.next_hop)) for one in plan.routes} == {
        ("10.3.0.0/21", "10.1.0.130"),
        ("fd00:0:3::/59", "fd00:0:1:2::2"),
        ("198.51.100.0/24", "10.1.0.130"),
        ("2001:db8:ce::/48", "fd00:0:1:2::2"),
    }
    carried = {ip_network("10.1.0.130/32"), *(route.destination for route in plan.routes)}
    servers = {ip_network("10.2.0.0/20"), ip_network("fd00:0:2::/52")}
    assert carried | servers < set(plan.hosts[-1].carries), "and answers for the other hub to give"
    assert plan.hosts[0].carries == []
    assert [(hub.name, hub.preference, hub.priority) for hub in plan.vpn.hubs] == [
        ("vpn-1", 100, 200),
        ("vpn-2", 200, 180),
    ]


def test_one_hub_alone_needs_no_shared_address() -> None:
    plan = small(**{"vpn-1": {**HUB, "services": ["vpn_hub"]}}).foundation()
    assert plan.vpn is not None
    assert plan.vpn.virtual is None
    assert {str(route.next_hop) for route in plan.routes} == {"10.1.0.138", "fd00:0:1:2::a"}
    assert [str(one) for one in plan.hosts[-1].carries] == ["10.3.0.0/21", "fd00:0:3::/59"]


def test_without_hubs_there_is_no_vpn_and_no_route() -> None:
    plan = small().foundation()
    assert (plan.vpn, plan.routes) == (None, [])
    assert all(host.carries == [] for host in plan.hosts)


def test_one_rule_tells_all_offices_of_a_system() -> None:
    plan = small(**{"vpn-1": HUB, "vpn-2": HUB}).foundation()
    hub = next(host for host in plan.hosts if host.name == "vpn-1")
    ipv4, ipv6 = plan.transit_of(hub)
    assert ipv4.id == "office-a-x-tcp-ipv4"
    assert ipv4.ports == [80, 443]
    assert (ipv4.sources, ipv4.destinations) == (
        [ip_network("10.3.0.0/26")],
        [ip_network("10.2.0.10/32")],
    )
    assert ipv6.family == "ipv6"
    assert not {rule.id for rule in plan.rules_of(hub)} & {ipv4.id, ipv6.id}


def test_bandwidth_and_probes_come_from_the_circuits(inventory: Path) -> None:
    path = inventory / "province.yml"
    path.write_text(path.read_text("utf-8") + HUB_TEXT, "utf-8")
    ledgerfile.allocate(inventory)
    plan = load(inventory).foundation()
    vpn = plan.vpn
    assert vpn is not None
    a, b = (vpn.site(name) for name in ("so-a/tru-so", "xa-b/tru-so"))
    assert a is not None
    assert b is not None
    assert (a.down_mbps, b.up_mbps) == (100, 20)
    assert [(probe.link, str(probe.address)) for probe in (*a.probes, *b.probes)] == [
        ("so-a/tru-so/primary", "10.3.0.1"),
        ("xa-b/tru-so/primary", "192.0.2.9"),
    ]
    ping = (Protocol.ICMP, None)
    assert Managed(plan, plan.hosts[-1]).passes(Direction.EGRESS, ip_address("192.0.2.9"), ping)
    assert not Managed(plan, plan.hosts[0]).passes(Direction.EGRESS, ip_address("192.0.2.9"), ping)


HUB_TEXT = """
  vpn-1: {size: tiny, zone: vpn, services: [vpn_hub], floating_ip: true}
"""


@pytest.mark.parametrize("zone", list(Zone))
def test_only_the_first_tier_is_reached(zone: Zone) -> None:
    tiers = {
        one.value: {"size": "tiny", "ports": [{"port": 443}]}
        for one in Zone
        if list(Zone).index(one) >= list(Zone).index(zone)
    }
    system = {
        "slug": "x",
        "name": {"vi": "x", "en": "x"},
        "tiers": tiers,
        "exposure": {"own_agency": True},
    }
    site = {"slug": "s", "name": {"vi": "s", "en": "s"}, "address": "a"}
    province = make(
        [{"slug": "a", "name": {"vi": "a", "en": "a"}, "kind": "commune", "users": 1,
          "sites": [site], "systems": [system]}],
        HOSTS,
    )  # fmt: skip
    [only] = vpn_of(province).sites
    first = province.addresses.zone("a", zone)
    assert all(
        network.subnet_of(first.ipv4 if network.version == 4 else first.ipv6)
        for network in only.reaches
    )
    assert len(only.reaches) == 2
