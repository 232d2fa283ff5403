"""The program of a restore drill: one server beside its agency's, and nothing of the agency's."""

from __future__ import annotations

import runpy
from typing import Any

import pulumi
import pytest

from hoaban.model import load
from hoaban.model.outputs import StackOutputs
from hoaban.workspace import toolkit_root
from tests.unit.stacks.recording import FakeCloud, Recording, record

pytestmark = pytest.mark.usefixtures("workspace_of_its_own")
ROOT = toolkit_root()
PROVINCE = load(ROOT / "inventory")
AGENCY, HOST = "xa-long-sap", "xa-long-sap-mot-cua-app-1"
PROJECT = f"{PROVINCE.environment(AGENCY).project}-id"
NETWORKS = {
    "app": {"network_id": "net", "subnet_ipv4_id": "four", "subnet_ipv6_id": "six"},
}


def run_program(
    agency: dict[str, Any] | None = None, stack: str = AGENCY, host: str = HOST, **cloud: Any
) -> Recording:
    pulumi.runtime.set_all_config({"drill:host": host})
    lent = {
        "router_id": "router",
        "key_pair": "key",
        "image_id": "image",
        "image_name": "debian-13",
        "flavor_ids": {name: f"flavor-{name}" for name in PROVINCE.spec.sizes},
        "bastion": "bastion",
    }
    stacks = {
        f"organization/province/{PROVINCE.spec.slug}": {
            "province": lent,
            "project_id": f"{PROVINCE.foundation().project}-id",
            "networks": {"services": {name: f"own-{name}" for name in NETWORKS["app"]}},
        },
        f"organization/agency/{AGENCY}": (
            {"project_id": PROJECT, "networks": NETWORKS} if agency is None else agency
        ),
    }
    return record(
        lambda: runpy.run_path(str(ROOT / "stacks/drill/__main__.py"), run_name="__main__"),
        cloud=FakeCloud(stacks=stacks, **cloud),
        project="drill",
        stack=stack,
    )


def test_of_the_province_s_own_host_it_is_the_foundation_s_guest() -> None:
    run = run_program(stack="province", host="backup-1")
    port = run.one("Port")
    assert port.inputs["networkId"] == "own-network_id"
    assert port.inputs["tenantId"] == f"{PROVINCE.foundation().project}-id"
    assert f"province:{PROVINCE.spec.slug}" in port.inputs["tags"]
    outputs = StackOutputs.model_validate(run.exports)
    assert outputs.environment == PROVINCE.drill("province", "backup-1")
    assert set(outputs.hosts) == {"province-drill"}


def test_it_makes_a_server_with_its_rules_and_volumes_and_nothing_else() -> None:
    plan = PROVINCE.drill(AGENCY, HOST)
    run = run_program()
    made = {r.type.rsplit(":", 1)[-1] for r in run.resources if r.type.startswith("openstack:")}
    assert made == {"SecGroup", "SecGroupRule", "Port", "Instance", "Volume", "VolumeAttach"}
    assert len(run.of("Instance")) == 1
    assert len(run.of("SecGroupRule")) == len(plan.security_groups[0].rules)
    assert len(run.of("Volume")) == len(plan.hosts[0].volumes)


def test_it_stands_in_the_network_and_project_of_its_agency_and_bears_its_mark() -> None:
    run = run_program()
    port = run.one("Port")
    assert port.inputs["networkId"] == "net"
    assert port.inputs["tenantId"] == PROJECT
    (host,) = PROVINCE.drill(AGENCY, HOST).hosts
    addresses = {(ip["subnetId"], ip["ipAddress"]) for ip in port.inputs["fixedIps"]}
    assert addresses == {("four", str(host.ipv4)), ("six", str(host.ipv6))}
    for kind in ("Port", "Instance", "SecGroup"):
        assert f"agency:{AGENCY}" in run.one(kind).inputs["tags"]
    assert run.one("Volume").inputs["metadata"]["agency"] == AGENCY


def test_what_it_exports_is_the_contract_that_the_inventory_reads() -> None:
    outputs = StackOutputs.model_validate(run_program().exports)
    assert outputs.environment == PROVINCE.drill(AGENCY, HOST)
    assert outputs.project_id == PROJECT
    assert set(outputs.hosts) == {f"{AGENCY}-drill"}
    assert outputs.networks["app"].network_id == "net"


def test_without_its_agency_s_network_it_says_what_is_to_be_built() -> None:
    with pytest.raises(pulumi.RunError, match=rf"has not been built(.|\n)*hoaban up {AGENCY}"):
        run_program({"project_id": PROJECT, "networks": {}})


def test_a_provider_that_works_in_another_project_is_refused() -> None:
    with pytest.raises(pulumi.RunError, match="the provider works in project elsewhere"):
        run_program(scoped=lambda _: "elsewhere")
