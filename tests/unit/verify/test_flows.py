from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Network, IPv6Network, ip_address
from typing import TYPE_CHECKING

import pytest

from hoaban.inventory.fleet import Fleet
from hoaban.model.types import Direction, Family, Protocol
from hoaban.testing import estate
from hoaban.verify.checks.flows_inside import findings
from hoaban.verify.flows import DHCP_PORTS, Endpoint, allowed, from_host, matches, thinned
from hoaban.verify.model import Status
from hoaban.verify.scene import HERE, UNPROVED, Trial, endpoint

if TYPE_CHECKING:
    from hoaban.workspace import Workspace

WEB, APP, DATA = (f"so-y-te-portal-{tier}-1" for tier in ("web", "app", "data"))


@pytest.fixture
def ends(provisioned: Workspace) -> dict[str, Endpoint]:
    return {host.name: endpoint(host) for host in Fleet.read(provisioned).hosts.values()}


@pytest.mark.parametrize("family", list(Family))
@pytest.mark.parametrize(
    ("source", "destination", "protocol", "port", "expected"),
    [
        (WEB, APP, Protocol.TCP, 8080, True),
        (APP, DATA, Protocol.TCP, 5432, True),
        (WEB, DATA, Protocol.TCP, 5432, False),
        (APP, WEB, Protocol.TCP, 443, False),
        (DATA, APP, Protocol.TCP, 8080, False),
        (WEB, APP, Protocol.TCP, 8081, False),
        (WEB, APP, Protocol.UDP, 8080, False),
        (WEB, estate.BASTION, Protocol.UDP, 123, True),
        (estate.BASTION, WEB, Protocol.TCP, 22, True),
        (WEB, APP, Protocol.TCP, 22, False),
        (WEB, estate.BASTION, Protocol.TCP, 22, False),
        (WEB, APP, Protocol.ICMP, 0, False),
    ],
)
def test_a_flow_needs_both_ends(
    ends: dict[str, Endpoint],
    source: str,
    destination: str,
    protocol: Protocol,
    port: int,
    expected: bool,
    family: Family,
) -> None:
    assert allowed(ends[source], ends[destination], family, protocol, port) is expected


def test_one_end_is_not_enough(ends: dict[str, Endpoint]) -> None:
    lonely = Endpoint(WEB, ends[WEB].ipv4, ends[WEB].ipv6, [])
    assert not allowed(lonely, ends[APP], Family.IPV4, Protocol.TCP, 8080)
    deaf = Endpoint(APP, ends[APP].ipv4, ends[APP].ipv6, [])
    assert not allowed(ends[WEB], deaf, Family.IPV4, Protocol.TCP, 8080)


@pytest.mark.parametrize(
    ("remote", "port", "expected"),
    [("10.1.0.9", 8000, True), ("10.1.0.9", 8009, True), ("10.1.0.9", 8010, False),
     ("10.1.0.9", 7999, False), ("10.2.0.9", 8005, False), ("fd00::1", 8005, False)],
)  # fmt: skip
def test_ranges_and_networks(remote: str, port: int, expected: bool) -> None:
    (rule,) = estate.flow("x", Direction.INGRESS, [IPv4Network("10.1.0.0/16")], ("a", "b"), 8000)
    rule = rule.model_copy(update={"port_max": 8009})
    address = ip_address(remote)
    assert matches(rule, Direction.INGRESS, Protocol.TCP, port, address) is expected
    assert not matches(rule, Direction.EGRESS, Protocol.TCP, port, address)


def test_a_rule_without_ports_lets_all_ports_through() -> None:
    (rule,) = estate.flow("x", Direction.EGRESS, [IPv6Network("::/0")], ("a", "b"))
    assert matches(rule, Direction.EGRESS, Protocol.TCP, 65535, ip_address("fd00::1"))


def test_both_families_and_every_canary_are_tried(ends: dict[str, Endpoint]) -> None:
    flows = from_host(ends[WEB], ends.values())
    assert {flow.destination for flow in flows} == set(ends) - {WEB}
    to_data = [flow for flow in flows if flow.destination == DATA]
    for family in Family:
        tried = {(f.protocol, f.port) for f in to_data if f.family is family}
        assert {(Protocol.TCP, 22), (Protocol.TCP, 5432), (Protocol.TCP, 443)} <= tried
        assert {(Protocol.UDP, 123), (Protocol.ICMP, 0)} <= tried
    assert not any(flow.allowed for flow in to_data)
    assert not any(f.port in DHCP_PORTS for f in flows if f.protocol is Protocol.UDP)


def test_thinning_keeps_every_allowed_flow_and_the_same_forbidden_ones(
    ends: dict[str, Endpoint],
) -> None:
    flows = from_host(ends[estate.BASTION], ends.values())
    good = [flow for flow in flows if flow.allowed]
    kept = thinned(flows, 40)
    assert len(kept) == 40
    assert [flow for flow in kept if flow.allowed] == good
    assert {flow.destination for flow in kept if not flow.allowed} == set(ends) - {estate.BASTION}
    assert kept == thinned(flows, 40)
    assert [flow for flow in thinned(flows, 0) if not flow.allowed] == []
    assert thinned(flows, 10_000) == flows


def test_a_flow_reads_well(ends: dict[str, Endpoint]) -> None:
    flow = next(f for f in from_host(ends[WEB], [ends[APP]]) if f.port == 8080)
    assert str(flow) == f"{WEB} → {APP} TCP 8080 (IPv4)"


def test_trials_that_proved_nothing_are_a_finding_of_their_own(ends: dict[str, Endpoint]) -> None:
    shut = next(f for f in from_host(ends[WEB], [ends[DATA]]) if not f.allowed)
    dropped, doubted, entered = (Trial(shut, state, 1) for state in ("silent", UNPROVED, "open"))

    def seen(*trials: Trial) -> list[Status]:
        return [finding.status for finding in findings(WEB, trials)]

    assert seen(dropped) == [Status.PASS]
    assert seen(dropped, doubted, doubted) == [Status.PASS, Status.SKIP]
    assert seen(doubted, entered) == [Status.FAIL, Status.SKIP]
    assert seen(doubted) == [Status.SKIP]
    proved, unproved = findings(WEB, [dropped, doubted, doubted])
    assert "1 forbidden flows: 1 dropped" in proved.evidence.en
    assert unproved.evidence.en.startswith("Not proved: ")
    assert "2 forbidden flows: 2 without an answer" in unproved.evidence.en


@pytest.mark.parametrize("state", ["unreachable", "blocked"])
def test_an_error_of_this_machine_proves_nothing_of_hosts(
    ends: dict[str, Endpoint], state: str
) -> None:
    flow = next(f for f in from_host(ends[WEB], [ends[DATA]]) if not f.allowed)
    here = replace(flow, source=HERE)
    assert Trial(here, state, 1).verdict is Status.SKIP
    assert Trial(here, "silent", 1).verdict is Status.PASS
    assert Trial(flow, state, 1).verdict is Status.PASS
    assert Trial(replace(here, allowed=True), state, 1).verdict is Status.FAIL
