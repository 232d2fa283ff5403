"""The two programs as engines run them, over the sample province."""

from __future__ import annotations

import runpy
from typing import TYPE_CHECKING

import pulumi
import pytest

from hoaban.model import load
from hoaban.model.outputs import StackOutputs
from hoaban.workspace import toolkit_root
from tests.unit.stacks.recording import FakeCloud, Recording, record

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.usefixtures("workspace_of_its_own")
ROOT = toolkit_root()
PROVINCE = load(ROOT / "inventory")
FOUNDATION = PROVINCE.spec.slug
DETAILED = [slug for slug, agency in PROVINCE.agencies.items() if agency.contact]
TAGGED = ("Project", "Network", "Subnet", "Router", "SecGroup", "Port", "Instance", "FloatingIp")
DESCRIBED = ("SecGroupRule", "Flavor")
METADATA = ("Volume", "Container")
UNMARKED = {  # the cloud has no place for a mark on these
    "RoleAssignment",
    "QuotaSetV2",
    "QuoteSetV3",
    "QuotaV2",
    "RouterInterface",
    "RouterRoute",
    "ServerGroup",
    "VolumeAttach",
    "Keypair",
}
MATCH = (
    "securityGroupId",
    "direction",
    "ethertype",
    "protocol",
    "portRangeMin",
    "portRangeMax",
    "remoteIpPrefix",
)


def run_program(project: str, stack: str, *, preview: bool = False) -> Recording:
    pulumi.runtime.set_all_config({"province:image": "debian-13"})
    lent = {
        "router_id": "router",
        "key_pair": "key",
        "image_id": "image",
        "image_name": "debian-13",
        "flavor_ids": {name: f"flavor-{name}" for name in PROVINCE.spec.sizes},
        "bastion": "bastion",
    }
    cloud = FakeCloud(stacks={f"organization/province/{FOUNDATION}": {"province": lent}})
    program = str(ROOT / "stacks" / project / "__main__.py")
    return record(
        lambda: runpy.run_path(program, run_name="__main__"),
        cloud=cloud,
        project=project,
        stack=stack,
        preview=preview,
    )


def check_marks(run: Recording, owner: str) -> None:
    """Every resource carries its owner's tag, in the way that its type has."""
    key, slug = owner.split(":")
    for resource in run.resources:
        kind = resource.type.rsplit(":", 1)[-1]
        if not resource.type.startswith("openstack:") or kind in UNMARKED:
            continue
        if kind in TAGGED:
            assert owner in resource.inputs["tags"], resource.urn
        elif kind in DESCRIBED:
            assert resource.inputs["description"].endswith(f"[{owner}]"), resource.urn
        elif kind in METADATA:
            mark = {"agency": "agency", "province": "hoaban"}[key]
            assert resource.inputs["metadata"][mark] == slug, resource.urn
        else:
            raise AssertionError(f"no rule says how a {kind} is marked")


def check_names(run: Recording) -> None:
    """URNs are unique: the engine refuses a program that registers one twice."""
    urns = [resource.urn for resource in run.resources]
    assert len(urns) == len(set(urns))


def counts(run: Recording, *kinds: str) -> dict[str, int]:
    return {kind: len(run.of(kind)) for kind in kinds}


def test_the_sample_has_its_four_detailed_agencies() -> None:
    assert len(DETAILED) == 4


@pytest.mark.parametrize("slug", DETAILED)
def test_an_agency_is_built_as_planned(slug: str) -> None:
    plan = PROVINCE.environment(slug)
    run = run_program("agency", slug)
    check_names(run)
    check_marks(run, f"agency:{slug}")
    volumes = sum(len(host.volumes) for host in plan.hosts)
    assert counts(run, "Network", "Subnet", "RouterInterface", "SecGroup", "SecGroupRule") == {
        "Network": len(plan.networks),
        "Subnet": 2 * len(plan.networks),
        "RouterInterface": 2 * len(plan.networks),
        "SecGroup": len(plan.security_groups),
        "SecGroupRule": sum(len(group.rules) for group in plan.security_groups),
    }
    assert counts(run, "Port", "Instance", "Volume", "VolumeAttach", "Container") == {
        "Port": len(plan.hosts),
        "Instance": len(plan.hosts),
        "Volume": volumes,
        "VolumeAttach": volumes,
        "Container": len(plan.containers),
    }
    families = {rule.inputs["ethertype"] for rule in run.of("SecGroupRule").values()}
    assert families == {"IPv4", "IPv6"}


@pytest.mark.parametrize("slug", DETAILED)
def test_no_two_rules_of_a_group_match_the_same(slug: str) -> None:
    """Neutron refuses the second (409)."""
    rules = run_program("agency", slug).of("SecGroupRule").values()
    matches = [tuple(rule.inputs.get(key) for key in MATCH) for rule in rules]
    assert len(matches) == len(set(matches))


@pytest.mark.parametrize("slug", DETAILED)
def test_what_an_agency_exports_is_the_contract(slug: str) -> None:
    plan = PROVINCE.environment(slug)
    outputs = StackOutputs.model_validate(run_program("agency", slug).exports)
    assert outputs.environment == plan
    assert outputs.settings == PROVINCE.settings()
    assert outputs.province is None
    assert set(outputs.networks) == {network.zone for network in plan.networks}
    for host in plan.hosts:
        assert set(outputs.hosts[host.name].volume_ids) == {v.name for v in host.volumes}
    assert set(outputs.container_names) == {container.name for container in plan.containers}


def test_the_foundation_is_built_as_planned_and_exports_the_contract() -> None:
    plan = PROVINCE.foundation()
    run = run_program("province", FOUNDATION)
    check_names(run)
    check_marks(run, f"province:{FOUNDATION}")
    assert counts(run, "Instance", "Flavor", "Router", "Keypair") == {
        "Instance": len(plan.hosts),
        "Flavor": len(PROVINCE.spec.sizes),
        "Router": 1,
        "Keypair": 1,
    }
    outputs = StackOutputs.model_validate(run.exports)
    assert outputs.environment == plan
    assert outputs.province is not None
    assert set(outputs.province.flavor_ids) == set(PROVINCE.spec.sizes)
    assert outputs.hosts[outputs.province.bastion].floating_ip == "203.0.113.10"


def test_a_preview_registers_the_same_resources() -> None:
    slug = DETAILED[0]
    previewed, run = (run_program("agency", slug, preview=preview) for preview in (True, False))
    assert {r.urn for r in previewed.resources} == {r.urn for r in run.resources}


def test_an_unknown_agency_is_an_error_that_names_near_ones() -> None:
    with pytest.raises(pulumi.RunError, match=r"no agency `xa-long-xap`(.|\n)*xa-long-sap"):
        run_program("agency", "xa-long-xap")


def test_the_stack_of_another_province_is_refused() -> None:
    with pytest.raises(pulumi.RunError, match="the stack of `lao-cai`"):
        run_program("province", "lao-cai")


def test_a_missing_deploy_key_is_told_with_the_command_that_makes_it(tmp_path: Path) -> None:
    (tmp_path / "keys" / "deploy.pub").unlink()
    with pytest.raises(pulumi.RunError, match="ssh-keygen -t ed25519"):
        run_program("agency", DETAILED[0])
