from __future__ import annotations

import pytest
from pulumi import RunError

from stacks.components.labels import Labels
from stacks.components.project import ProjectComponent, ProjectProps, require_scope
from tests.unit import factories
from tests.unit.stacks.recording import FakeCloud, Recording, record

PLAN = factories.agency_plan()
NAME = "thu-nghiem-so-y-te"


def build(cloud: FakeCloud | None = None, floor: dict[str, int] | None = None) -> Recording:
    def program() -> None:
        ProjectComponent(
            ProjectProps(
                plan=PLAN,
                labels=Labels.of(PLAN),
                user_id="deployer-id",
                region="son-la-1",
                quota_floor=floor or {},
            )
        )

    return record(program, cloud=cloud)


@pytest.fixture(scope="module")
def run() -> Recording:
    return build()


def test_the_project_is_named_described_and_tagged(run: Recording) -> None:
    project = run.one("Project")
    assert project.inputs["name"] == NAME
    assert project.inputs["description"] == "Sở Y tế"
    assert "agency:so-y-te" in project.inputs["tags"]


def test_the_deployer_gets_the_least_role_that_will_do(run: Recording) -> None:
    access = run.one("RoleAssignment").inputs
    assert access == {
        "projectId": f"{NAME}-id",
        "userId": "deployer-id",
        "roleId": "role-member",
    }


def test_quotas_are_the_plans(run: Recording) -> None:
    compute = run.one("QuotaSetV2").inputs
    assert (compute["instances"], compute["cores"], compute["ram"]) == (10, 20, 40_960)
    assert (compute["serverGroups"], compute["serverGroupMembers"]) == (5, 6)
    storage = run.one("QuoteSetV3").inputs
    assert (storage["volumes"], storage["gigabytes"]) == (10, 200)
    network = run.one("QuotaV2").inputs
    assert {key: value for key, value in network.items() if key != "projectId"} == {
        "network": 3,
        "subnet": 6,
        "port": 40,
        "securityGroup": 8,
        "securityGroupRule": 60,
        "floatingip": 2,
    }


def test_a_quota_does_not_fall_below_its_floor() -> None:
    run = build(floor={"cores": 30, "instances": 1, "gigabytes": 500})
    compute, storage = run.one("QuotaSetV2").inputs, run.one("QuoteSetV3").inputs
    assert (compute["cores"], compute["instances"]) == (30, 10)
    assert (storage["gigabytes"], storage["volumes"]) == (500, 10)


def test_the_provider_works_in_the_project_and_waits_for_access_and_quotas(run: Recording) -> None:
    (provider,) = [r for r in run.resources if r.type == "pulumi:providers:openstack"]
    assert provider.inputs["tenantId"] == f"{NAME}-id"
    assert provider.inputs["region"] == "son-la-1"
    waited = {
        run.one(name).urn for name in ("RoleAssignment", "QuotaSetV2", "QuoteSetV3", "QuotaV2")
    }
    assert waited <= provider.dependencies


def test_neutron_is_asked_for_the_default_group_inside_the_project_first() -> None:
    cloud = FakeCloud()
    run = build(cloud)
    (provider,) = [r for r in run.resources if r.type == "pulumi:providers:openstack"]
    assert cloud.asked_default_group == [f"{provider.urn}::{NAME}-id"]


def test_a_provider_in_another_project_stops_the_program() -> None:
    with pytest.raises(RunError, match="works in project admin-project, not in"):
        build(FakeCloud(scoped=lambda _: "admin-project"))


def test_scope_that_is_right_passes() -> None:
    assert require_scope("p1", "p1") == "p1"
