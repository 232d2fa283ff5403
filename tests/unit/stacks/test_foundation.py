from __future__ import annotations

from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING

import pulumi
import pytest

from hoaban.errors import HoabanError
from hoaban.model.environment import RoutePlan
from stacks.components.cloud import Cloud
from stacks.components.foundation import FoundationComponent, FoundationProps, bastion_of
from stacks.components.guest_image import GuestImageProps
from stacks.components.labels import Labels
from tests.unit import factories
from tests.unit.stacks.recording import Recording, record

if TYPE_CHECKING:
    from hoaban.model.environment import EnvironmentPlan

PLAN = factories.foundation_plan()


def foundation(plan: EnvironmentPlan) -> Recording:
    def program() -> None:
        made = FoundationComponent(
            FoundationProps(
                plan=plan,
                province=factories.province_spec(),
                cloud=Cloud(user_id="deployer-id", object_storage=False),
                image=GuestImageProps(name="debian-13", labels=Labels.of(plan)),
                deploy_key="ssh-ed25519 AAAA deploy",
            )
        )
        pulumi.export("province", made.resources(plan))

    return record(program, project="province", stack="thu-nghiem")


@pytest.fixture(scope="module")
def run() -> Recording:
    return foundation(PLAN)


def test_one_router_leads_out_and_reaches_every_subnet(run: Recording) -> None:
    router = run.one("Router")
    assert router.inputs["externalNetworkId"] == "network-public"
    assert router.inputs["tenantId"] == "thu-nghiem-id"
    interfaces = run.of("RouterInterface").values()
    assert {i.inputs["subnetId"] for i in interfaces} == {
        f"{subnet}-id" for subnet in run.of("Subnet")
    }
    assert {i.inputs["routerId"] for i in interfaces} == {f"{router.name}-id"}


def test_the_bastion_alone_has_a_floating_ip(run: Recording) -> None:
    assert set(run.of("FloatingIp")) == {"bastion"}


def test_the_backup_hosts_store_is_protected(run: Recording) -> None:
    volume = run.one("Volume")
    assert (volume.name, volume.inputs["size"], volume.protect) == ("backup-store", 40, True)


def test_what_agencies_are_lent_is_exported(run: Recording) -> None:
    assert run.exports["province"] == {
        "router_id": "thu-nghiem-router-id",
        "key_pair": "hoaban-thu-nghiem",
        "image_id": "image-debian-13",
        "image_name": "debian-13",
        "flavor_ids": {"small": "small-id", "large": "large-id"},
        "bastion": "bastion",
        "router_addresses": ["192.0.2.2", "2001:db8::2"],
    }


def test_what_is_the_whole_clouds_is_made_outside_of_the_project(run: Recording) -> None:
    inside = run.one("Network").provider
    assert inside
    shared = [*run.of("Flavor").values(), run.one("Keypair"), *run.of("RouterInterface").values()]
    assert all(resource.provider != inside for resource in shared)
    assert run.one("Router").provider == inside


def test_the_deploy_key_is_public_and_named_after_the_province(run: Recording) -> None:
    key = run.one("Keypair").inputs
    assert (key["name"], key["publicKey"]) == ("hoaban-thu-nghiem", "ssh-ed25519 AAAA deploy")


def test_a_province_without_a_bastion_is_refused() -> None:
    hosts = [host for host in PLAN.hosts if host.name != "bastion"]
    with pytest.raises(HoabanError, match="no bastion"):
        bastion_of(PLAN.model_copy(update={"hosts": hosts}))


def test_ways_past_hubs_wait_for_the_network_of_the_next_hop() -> None:
    routes = [
        RoutePlan(
            destination=ip_network("10.32.0.0/16"),
            next_hop=ip_address("10.30.0.2"),
            zone="management",
        ),
        RoutePlan(
            destination=ip_network("fd00:32::/48"),
            next_hop=ip_address("fd00:30::2"),
            zone="management",
        ),
    ]
    run = foundation(factories.foundation_plan(routes=routes))
    made = run.of("RouterRoute")
    assert set(made) == {"thu-nghiem-10.32.0.0/16", "thu-nghiem-fd00_32__/48"}
    route = made["thu-nghiem-10.32.0.0/16"]
    assert route.inputs["routerId"] == "thu-nghiem-router-id"
    assert (route.inputs["destinationCidr"], route.inputs["nextHop"]) == (
        "10.32.0.0/16",
        "10.30.0.2",
    )
    interfaces = {one.urn for one in run.of("RouterInterface").values()}
    assert interfaces <= route.dependencies
    assert route.delete_before_replace
    assert route.provider == run.one("Router").provider


def test_without_routes_the_router_has_none(run: Recording) -> None:
    assert not run.of("RouterRoute")
