"""Orphans: found by their mark at one list a type, adopted into their stack, or deleted."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from hoaban.engine.embedded import secrets, stackfiles
from hoaban.engine.embedded.backend import StackName
from hoaban.engine.embedded.custody import held
from hoaban.engine.embedded.keys import resource_key
from hoaban.engine.embedded.state import Resource
from hoaban.errors import HoabanError
from hoaban.openstack import OpenStackProvider
from hoaban.provision import orphans as lost
from hoaban.provision.stacks import stack_for
from tests.unit.openstack.conftest import CLOUDS, environ, world

if TYPE_CHECKING:
    from hoaban.engine.api import Stack
    from hoaban.provision.target import Target
    from tests.cloud.province import SmallProvince
    from tests.unit.openstack.fake_services import World

__all__ = ["environ", "world"]  # fixtures

NETWORK = "openstack:networking/network:Network"
VOLUME = "openstack:blockstorage/volume:Volume"


@pytest.fixture(autouse=True)
def _quick_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(secrets, "PBKDF2_COUNT", 1000)
    secrets._derive.cache_clear()


class Scene:
    """A stack with a provider, in the cloud in memory."""

    def __init__(self, target: Target) -> None:
        self.target = target
        self.name = StackName(target.project, target.stack_name)
        self.stack: Stack = stack_for(target)
        self.cloud = OpenStackProvider(self.stack.environment)
        self.cloud.configure({}, preview=False)
        stackfiles.init(self.stack)
        self.provider = Resource(
            urn=self.urn("pulumi:providers:openstack", "default"),
            type="pulumi:providers:openstack",
            custom=True,
            id="p",
        )
        self.write(self.provider)

    def urn(self, type_: str, name: str) -> str:
        return f"urn:pulumi:{self.name.stack}::{self.name.project}::{type_}::{name}"

    def write(self, *resources: Resource) -> None:
        with held(self.stack) as one:
            fresh = [replace(resource) for resource in resources]
            one.commit(replace(one.snapshot, resources=fresh), "made", kind="update")

    def make(self, type_: str, name: str, **inputs: object) -> Resource:
        """An object as a create of this stack leaves it."""
        urn = self.urn(type_, name)
        key = resource_key(str(self.name), urn)
        given = self.cloud.check(urn, type_, {}, {"name": name, **inputs}).inputs
        made = self.cloud.create(urn, type_, given, key=key, timeout=None, preview=False)
        return Resource(
            urn=urn,
            type=type_,
            custom=True,
            id=made.id,
            inputs=given,
            outputs=made.outputs,
            provider=f"{self.provider.urn}::p",
        )

    def orphans(self) -> list[lost.Orphan]:
        return lost.orphans(self.target.workspace, self.cloud)


@pytest.fixture
def scene(
    world: World,
    environ: dict[str, str],
    small: SmallProvince,
    monkeypatch: pytest.MonkeyPatch,
) -> Scene:
    Path(environ["OS_CLIENT_CONFIG_FILE"]).write_text(CLOUDS)
    monkeypatch.setenv("OS_CLIENT_CONFIG_FILE", environ["OS_CLIENT_CONFIG_FILE"])
    return Scene(small.target())


def test_what_a_state_owns_is_no_orphan(scene: Scene, world: World) -> None:
    net, volume = scene.make(NETWORK, "net"), scene.make(VOLUME, "data", size=1)
    scene.write(scene.provider, net, volume)
    world.http.log.clear()
    assert scene.orphans() == []
    listed = ("/networks", "/ports", "/servers/detail", "/volumes/detail", "/projects", "/images")
    asked = [one.path for one in world.http.log if one.path.endswith(listed)]
    assert len(asked) == len(set(asked)) == len(listed), "one list a type"


def test_what_left_the_state_is_found_by_its_mark(scene: Scene) -> None:
    net, volume = scene.make(NETWORK, "net"), scene.make(VOLUME, "data", size=1)
    scene.write(scene.provider, net, volume)
    scene.write(scene.provider)
    found = {one.object.id: one for one in scene.orphans()}
    assert set(found) == {net.id, volume.id}
    assert found[net.id].urn == net.urn
    assert found[net.id].stack == str(scene.name)
    assert found[volume.id].object.name == "data"


def test_adopted_into_its_state(scene: Scene) -> None:
    net = scene.make(NETWORK, "net", description="as made")
    scene.write(scene.provider, net)
    scene.write(scene.provider)
    (made,) = lost.adopt(scene.target, scene.orphans())
    assert (made.urn, made.id) == (net.urn, net.id)
    assert made.inputs["description"] == "as made"
    assert made.provider == net.provider
    assert scene.orphans() == []


def test_one_too_many_is_not_adopted_but_deleted(scene: Scene) -> None:
    first, second = scene.make(NETWORK, "net"), scene.make(NETWORK, "net")
    scene.write(scene.provider, first)
    (one,) = scene.orphans()
    assert one.object.id == second.id
    with pytest.raises(HoabanError, match="one too many"):
        lost.adopt(scene.target, [one])
    assert [error for _, error in lost.delete(scene.cloud, [one])] == [""]
    assert scene.orphans() == []
    assert scene.cloud.read(first.urn, NETWORK, first.id, None) is not None


def test_what_nobody_knows_is_of_no_stack(scene: Scene) -> None:
    """Another workspace's: shown with all, and not to be adopted."""
    key = resource_key("organization/elsewhere/x", "urn:pulumi:x::elsewhere::a:b:C::d")
    scene.cloud.create("u", NETWORK, {"name": "theirs"}, key=key, timeout=None, preview=False)
    (one,) = scene.orphans()
    assert (one.stack, one.urn) == ("", "")
    assert "not known" in str(one)
    assert lost.of_stack([one], scene.target) == []
    with pytest.raises(HoabanError, match="nothing here tells"):
        lost.adopt(scene.target, [one])


def test_unmarked_objects_are_not_ours(scene: Scene, world: World) -> None:
    world.neutron.networks.make({"name": "by hand", "tags": ["own"]})
    assert scene.orphans() == []
