"""The two programs as engines run them, over the sample province."""

from __future__ import annotations

import runpy
from typing import TYPE_CHECKING

import pulumi
import pytest

from hoaban.model import load
from hoaban.workspace import toolkit_root
from tests.unit.stacks.recording import FakeCloud, Recording, record

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ROOT = toolkit_root()
PROVINCE = load(ROOT / "inventory")
FOUNDATION = PROVINCE.spec.slug
DETAILED = [
    slug
    for slug in PROVINCE.agencies
    if len(PROVINCE.environment(slug).hosts) > 1 or PROVINCE.agency(slug).contact
]
TAGGED = ("Project", "Network", "Subnet", "Router", "SecGroup", "Port", "Instance", "FloatingIp")
DESCRIBED = ("SecGroupRule", "Flavor")
METADATA = ("Volume", "Container")
UNMARKED = {  # the cloud has no place for a mark on these
    "RoleAssignment",
    "QuotaSetV2",
    "QuoteSetV3",
    "QuotaV2",
    "RouterInterface",
    "ServerGroup",
    "VolumeAttach",
    "Keypair",
}


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("HOABAN_ROOT", str(ROOT))
    monkeypatch.setenv("HOABAN_HOME", str(tmp_path))
    (tmp_path / "keys").mkdir()
    (tmp_path / "keys" / "deploy.pub").write_text("ssh-ed25519 AAAA deploy\n")
    yield
    pulumi.runtime.config.CONFIG.set({})


def run_program(project: str, stack: str, *, preview: bool = False) -> Recording:
    pulumi.runtime.set_all_config({"province:image": "debian-13"})
    sizes = {name: f"flavor-{name}" for name in PROVINCE.spec.sizes}
    lent = {
        "router_id": "router",
        "key_pair": "key",
        "image_id": "image",
        "image_name": "debian-13",
        "flavor_ids": sizes,
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
    for resource in run.resources:
        kind = resource.type.rsplit(":", 1)[-1]
        if not resource.type.startswith("openstack:") or kind in UNMARKED:
            continue
        key, slug = owner.split(":")
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
