from __future__ import annotations

from ipaddress import IPv4Address

import pytest
from pulumi import ResourceOptions

from stacks.components.labels import Labels
from stacks.components.network import NetworkComponent, NetworkProps
from tests.unit import factories
from tests.unit.stacks.recording import Recording, record

PLAN = factories.network("web", 1)


@pytest.fixture(scope="module")
def run() -> Recording:
    def program() -> None:
        NetworkComponent(
            NetworkProps(
                plan=PLAN,
                labels=Labels("thu-nghiem", "so-y-te"),
                project_id="project-id",
                dns_servers=[IPv4Address("192.0.2.53")],
            )
        )

    return record(program)


def test_a_network_has_one_subnet_a_family(run: Recording) -> None:
    assert set(run.of("Network")) == {"so-y-te-web"}
    assert {
        name: (subnet.inputs["cidr"], subnet.inputs["ipVersion"], subnet.inputs["gatewayIp"])
        for name, subnet in run.of("Subnet").items()
    } == {
        "so-y-te-web-ipv4": ("10.30.1.0/26", 4, "10.30.1.1"),
        "so-y-te-web-ipv6": ("fd00:30:0:1::/64", 6, "fd00:30:0:1::1"),
    }


def test_ipv6_addresses_come_from_dhcp_as_the_plan_says(run: Recording) -> None:
    subnets = run.of("Subnet")
    ipv6 = subnets["so-y-te-web-ipv6"].inputs
    assert (ipv6["ipv6AddressMode"], ipv6["ipv6RaMode"]) == ("dhcpv6-stateful", "dhcpv6-stateful")
    assert ipv6["enableDhcp"] is True
    assert not {"ipv6AddressMode", "ipv6RaMode"} & set(subnets["so-y-te-web-ipv4"].inputs)


def test_the_clouds_own_ports_never_take_an_address_of_a_host(run: Recording) -> None:
    pools = [subnet.inputs["allocationPools"] for subnet in run.of("Subnet").values()]
    assert sorted(pools, key=str) == [
        [{"start": "10.30.1.55", "end": "10.30.1.62"}],
        [{"start": "fd00:30:0:1::37", "end": "fd00:30:0:1::3e"}],
    ]


def test_each_subnet_is_told_the_resolvers_of_its_family(run: Recording) -> None:
    subnets = run.of("Subnet")
    assert subnets["so-y-te-web-ipv4"].inputs["dnsNameservers"] == ["192.0.2.53"]
    assert subnets["so-y-te-web-ipv6"].inputs["dnsNameservers"] == []


def test_subnets_are_in_the_network_and_children_of_the_component(run: Recording) -> None:
    (component,) = [r for r in run.resources if r.type == "hoaban:components:Network"]
    for subnet in run.of("Subnet").values():
        assert subnet.inputs["networkId"] == "so-y-te-web-id"
        assert subnet.parent == component.urn


def test_everything_is_tagged_and_in_the_project(run: Recording) -> None:
    for resource in (*run.of("Network").values(), *run.of("Subnet").values()):
        assert "agency:so-y-te" in resource.inputs["tags"]
        assert resource.inputs["tenantId"] == "project-id"


def test_options_of_the_caller_reach_the_component() -> None:
    def program() -> None:
        NetworkComponent(
            NetworkProps(plan=PLAN, labels=Labels("thu-nghiem"), project_id="p"),
            ResourceOptions(protect=True),
        )

    (component,) = [r for r in record(program).resources if r.type.startswith("hoaban:")]
    assert component.protect is True
