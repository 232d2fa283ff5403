from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from pulumi import RunError

from stacks.components.agency import AgencyComponent, AgencyProps
from stacks.components.cloud import Cloud
from stacks.components.lent import Lent
from tests.unit import factories
from tests.unit.stacks.recording import FakeCloud, Recording, record

if TYPE_CHECKING:
    from hoaban.model.environment import EnvironmentPlan

INSIDE = (
    "Network",
    "Subnet",
    "SecGroup",
    "SecGroupRule",
    "ServerGroup",
    "Port",
    "Instance",
    "Volume",
    "VolumeAttach",
    "Container",
)
KEY = "ssh-ed25519 AAAA deploy"


def build(plan: EnvironmentPlan, cloud: FakeCloud | None = None) -> Recording:
    def program() -> None:
        spec = factories.province_spec()
        lent = Lent(spec.slug)
        AgencyComponent(
            AgencyProps(
                plan=plan,
                province=spec,
                cloud=Cloud.ask(),
                router_id=lent.router_id,
                defaults=lent.defaults(plan, spec, KEY),
            )
        )

    return record(program, cloud=cloud)


@pytest.fixture(scope="module")
def run() -> Recording:
    return build(factories.agency_plan())


def test_counts_follow_from_the_plan(run: Recording) -> None:
    counts: dict[str, int] = {}
    for resource in run.resources:
        kind = resource.type.rsplit(":", 1)[-1]
        if resource.type.startswith("openstack:"):
            counts[kind] = counts.get(kind, 0) + 1
    assert counts == {
        "Project": 1,
        "RoleAssignment": 1,
        "QuotaSetV2": 1,
        "QuoteSetV3": 1,
        "QuotaV2": 1,
        "Network": 2,
        "Subnet": 4,
        "RouterInterface": 4,
        "SecGroup": 2,
        "SecGroupRule": 8,
        "ServerGroup": 1,
        "Port": 3,
        "Instance": 3,
        "Volume": 2,
        "VolumeAttach": 2,
        "Container": 1,
    }


def test_subnets_join_the_provinces_router_with_the_deployers_own_rights(run: Recording) -> None:
    inside = run.one("ServerGroup").provider
    for interface in run.of("RouterInterface").values():
        assert interface.inputs["routerId"] == "router-of-the-province"
        assert interface.provider != inside


def test_all_that_is_the_agencys_is_made_inside_its_project(run: Recording) -> None:
    (provider,) = {resource.provider for kind in INSIDE for resource in run.of(kind).values()}
    assert provider.startswith("urn:pulumi:so-y-te::agency::")
    assert "pulumi:providers:openstack::thu-nghiem-so-y-te" in provider


def test_alike_servers_are_kept_apart_where_possible(run: Recording) -> None:
    assert run.one("ServerGroup").inputs["policies"] == "soft-anti-affinity"
    hints = {name: s.inputs.get("schedulerHints") for name, s in run.of("Instance").items()}
    together = [{"group": "so-y-te-portal-web-id"}]
    assert hints == {
        "so-y-te-portal-web-1": together,
        "so-y-te-portal-web-2": together,
        "so-y-te-portal-data-1": None,
    }


def test_image_flavor_and_key_are_the_provinces(run: Recording) -> None:
    server = run.of("Instance")["so-y-te-portal-web-1"].inputs
    assert server["imageId"] == "image-of-the-province"
    assert server["flavorId"] == "flavor-small"
    assert server["keyPair"] == "hoaban-thu-nghiem"


def test_only_what_holds_data_is_protected(run: Recording) -> None:
    protected = {(r.type.rsplit(":", 1)[-1], r.name) for r in run.resources if r.protect}
    assert protected == {
        ("Volume", "so-y-te-portal-data-1-db"),
        ("Volume", "so-y-te-portal-data-1-log"),
        ("Container", "so-y-te-portal-files"),
    }


def test_a_tier_that_grows_leaves_the_others_as_they_are(run: Recording) -> None:
    plan = factories.agency_plan()
    third = plan.hosts[1].model_copy(
        update={
            "name": "so-y-te-portal-web-3",
            "ipv4": plan.networks[0].ipv4[12],
            "ipv6": plan.networks[0].ipv6[12],
        }
    )
    grown = build(plan.model_copy(update={"hosts": [*plan.hosts, third]}))
    before = {r.urn: r.inputs for r in run.resources}
    after = {r.urn: r.inputs for r in grown.resources}
    assert {urn for urn, inputs in before.items() if after[urn] != inputs} == set()
    assert {urn.rsplit("::", 1)[-1] for urn in set(after) - set(before)} == {"so-y-te-portal-web-3"}


def refused(province_outputs: dict[str, Any]) -> str:
    stacks = {"organization/province/thu-nghiem": province_outputs}
    with pytest.raises(RunError) as caught:
        build(factories.agency_plan(), FakeCloud(stacks=stacks))
    return str(caught.value)


def test_an_agency_before_its_province_is_told_what_to_do_first() -> None:
    assert "hoaban up" in refused({})


def test_a_size_that_the_foundation_has_not_made_yet_is_named() -> None:
    message = refused(
        {"province": {"router_id": "r", "image_id": "i", "key_pair": "k", "flavor_ids": {}}}
    )
    assert "no flavor for size `small`" in message
    assert "hoaban up" in message
