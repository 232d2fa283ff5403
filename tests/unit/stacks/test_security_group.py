from __future__ import annotations

from typing import Any

import pytest

from hoaban.model.types import Direction, Family, Protocol
from stacks.components.labels import Labels
from stacks.components.security_group import (
    SecurityGroupComponent,
    SecurityGroupProps,
    protocol_of,
)
from tests.unit import factories
from tests.unit.stacks.recording import Recording, record

PLAN = factories.group(
    "so-y-te-web",
    [
        factories.rule("https-ipv4"),
        factories.rule("https-ipv6", Family.IPV6),
        factories.rule(
            "ping-ipv6", Family.IPV6, protocol=Protocol.ICMP, port_min=None, port_max=None
        ),
        factories.rule(
            "time",
            direction=Direction.EGRESS,
            protocol=Protocol.UDP,
            port_min=123,
            port_max=123,
        ),
    ],
)


@pytest.fixture(scope="module")
def run() -> Recording:
    def program() -> None:
        SecurityGroupComponent(
            SecurityGroupProps(
                plan=PLAN, labels=Labels("thu-nghiem", "so-y-te"), project_id="project-id"
            )
        )

    return record(program)


def match(run: Recording, name: str) -> dict[str, Any]:
    """What a rule matches."""
    inputs = run.of("SecGroupRule")[f"so-y-te-web-{name}"].inputs
    keys = ("direction", "ethertype", "protocol", "portRangeMin", "portRangeMax", "remoteIpPrefix")
    return {key: inputs[key] for key in keys if key in inputs}


def test_the_group_holds_no_rule_but_the_plans(run: Recording) -> None:
    assert run.one("SecGroup").inputs["deleteDefaultRules"] is True
    assert set(run.of("SecGroupRule")) == {f"so-y-te-web-{rule.id}" for rule in PLAN.rules}


def test_rules_of_both_families(run: Recording) -> None:
    assert match(run, "https-ipv4") == {
        "direction": "ingress",
        "ethertype": "IPv4",
        "protocol": "tcp",
        "portRangeMin": 443,
        "portRangeMax": 443,
        "remoteIpPrefix": "10.30.0.0/16",
    }
    assert match(run, "https-ipv6")["ethertype"] == "IPv6"
    assert match(run, "https-ipv6")["remoteIpPrefix"] == "fd00:30::/32"


def test_egress_is_told_as_well(run: Recording) -> None:
    assert match(run, "time")["direction"] == "egress"
    assert match(run, "time")["protocol"] == "udp"


def test_icmp_has_its_ipv6_name_and_no_ports(run: Recording) -> None:
    assert match(run, "ping-ipv6") == {
        "direction": "ingress",
        "ethertype": "IPv6",
        "protocol": "ipv6-icmp",
        "remoteIpPrefix": "fd00:30::/32",
    }


@pytest.mark.parametrize(
    ("protocol", "family", "name"),
    [
        (Protocol.ICMP, Family.IPV4, "icmp"),
        (Protocol.ICMP, Family.IPV6, "ipv6-icmp"),
        (Protocol.TCP, Family.IPV6, "tcp"),
        (Protocol.UDP, Family.IPV4, "udp"),
    ],
)
def test_protocols_in_neutrons_words(protocol: Protocol, family: Family, name: str) -> None:
    assert protocol_of(factories.rule("r", family, protocol=protocol)) == name


def test_a_changed_rule_goes_before_the_new_one_comes(run: Recording) -> None:
    assert all(rule.delete_before_replace for rule in run.of("SecGroupRule").values())


def test_a_corrected_name_in_a_description_replaces_no_rule(run: Recording) -> None:
    """Neutron can't change a rule: whatever isn't ignored is a rule gone for a while."""
    for rule in run.of("SecGroupRule").values():
        assert rule.ignore_changes == ("description",)
    assert run.one("SecGroup").ignore_changes == (), "a group's changes in place"


def test_group_and_rules_say_whose_they_are(run: Recording) -> None:
    assert "agency:so-y-te" in run.one("SecGroup").inputs["tags"]
    for rule in run.of("SecGroupRule").values():
        assert rule.inputs["description"].endswith("[agency:so-y-te]")
        assert rule.inputs["tenantId"] == "project-id"
        assert rule.inputs["securityGroupId"] == "so-y-te-web-id"
