"""Providers in processes of their own: the SDK's for dynamic resources, and one with components."""

from __future__ import annotations

import json
import os
import sys
import textwrap
from typing import TYPE_CHECKING

import pytest

from hoaban.engine.provider import UnknownPackageError
from hoaban.errors import HoabanError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from hoaban.engine.provider import Provider
    from tests.engine.conftest import Lab

DYNAMIC = """
import json, pathlib
from pulumi import dynamic

STORE = pathlib.Path({store!r})

class Files(dynamic.ResourceProvider):
    def _load(self):
        return json.loads(STORE.read_text()) if STORE.exists() else {{}}

    def _save(self, body):
        STORE.write_text(json.dumps(body))

    def create(self, props):
        if props["name"] == "bad":
            raise ValueError("no room")
        body = self._load()
        body[props["name"]] = props["size"]
        self._save(body)
        return dynamic.CreateResult(props["name"], {{**props, "made": True}})

    def diff(self, id_, olds, news):
        return dynamic.DiffResult(
            changes=olds["size"] != news["size"] or olds["name"] != news["name"],
            replaces=["name"] if olds["name"] != news["name"] else [],
        )

    def update(self, id_, olds, news):
        body = self._load()
        body[id_] = news["size"]
        self._save(body)
        return dynamic.UpdateResult({{**news, "made": True}})

    def read(self, id_, props):
        return dynamic.ReadResult(id_, {{**props, "size": self._load()[id_]}})

    def delete(self, id_, props):
        body = self._load()
        del body[id_]
        self._save(body)

class File(dynamic.Resource):
    made: Output[bool]
    def __init__(self, name, **props):
        super().__init__(Files(), name, {{"made": None, "name": name, **props}})
"""


def test_dynamic_providers(lab: Lab, tmp_path: Path) -> None:
    store = tmp_path / "store.json"
    base = DYNAMIC.format(store=str(store))
    lab.preview(base + 'export("made", File("a", size=1).made)\n')
    assert not store.exists()
    assert lab.up().outputs["made"] is True
    assert json.loads(store.read_text()) == {"a": 1}
    made = lab.resources()["a"]
    assert made["type"] == "pulumi-python:dynamic:Resource"
    assert "ciphertext" in made["inputs"]["__provider"]
    assert not lab.up().changed
    assert lab.up(base + 'File("a", size=2)\n').changes["update"] == 1
    assert json.loads(store.read_text()) == {"a": 2}
    store.write_text('{"a": 9}')
    assert lab.run("refresh").changes["update"] == 1
    with pytest.raises(HoabanError, match="no room") as caught:
        lab.up(base + 'File("a", size=9)\nFile("bad", size=1)\n')
    assert "Traceback" in str(caught.value.detail)
    lab.run("destroy")
    assert store.read_text() == "{}"
    assert lab.resources() == {}


PLUGIN = """
import pulumi, sys
from pulumi.provider import ConstructResult, CallResult, Provider, main

class Pair(pulumi.ComponentResource):
    def __init__(self, name, inputs, opts=None):
        super().__init__("far:index:Pair", name, {}, opts)
        child = pulumi.ResourceOptions(parent=self)
        for side in ("left", "right"):
            props = {"size": inputs["size"], "address": None}
            one = pulumi.CustomResource("fake:index:Thing", f"{name}-{side}", props, child)
        self.address = pulumi.Output.from_input(one.id)
        self.register_outputs({"last": self.address})

class Far(Provider):
    def construct(self, name, resource_type, inputs, options=None):
        pair = Pair(name, inputs, options)
        return ConstructResult(pair.urn, {"last": pair.address})

    def call(self, token, args):
        return CallResult({"doubled": pulumi.Output.from_input(args["n"]).apply(lambda n: n * 2)})

main(Far("1.0.0"), sys.argv[1:])
"""


@pytest.fixture
def far(lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lab:
    """A lab whose cloud serves the package ``fake`` only, and a plugin of the package ``far``."""
    folder = tmp_path / "bin"
    folder.mkdir()
    plugin = folder / "pulumi-resource-far"
    plugin.write_text(f"#!{sys.executable}\n{textwrap.dedent(PLUGIN)}")
    plugin.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    make: Callable[[str, str], Provider] = lab.engine._factory

    def only_fake(package: str, version: str) -> Provider:
        if package != "fake":
            raise UnknownPackageError(f"there is no provider for the package `{package}`")
        return make(package, version)

    lab.engine._factory = only_fake
    return lab


REMOTE = """
class Pair(pulumi.ComponentResource):
    last: Output[str]
    def __init__(self, name, size):
        super().__init__("far:index:Pair", name, {"size": size, "last": None}, None, remote=True)

pair = Pair("p", Thing("base", size=4).size)
Thing("after", last=pair.last)
export("doubled", pulumi.runtime.call("far:index:Pair/double", {"n": 21}, pair))
"""


def test_remote_components_and_methods(far: Lab) -> None:
    program = REMOTE.replace("address: Output[str]", "").replace(
        'Thing("base", size=4).size', 'Thing("base", size=4).id.apply(lambda _: 4)'
    )
    far.preview(program)
    assert far.cloud.things == {}
    far.up()
    resources = far.resources()
    assert resources["p-left"]["parent"] == resources["p"]["urn"]
    assert far.cloud.by_name("p-right").properties["size"] == 4
    assert far.cloud.by_name("after").properties["last"] == resources["p-right"]["id"]
    assert resources["shop-dev"]["outputs"]["doubled"] == {"doubled": 42}
    assert not far.up().changed
    far.run("destroy")
    assert far.cloud.things == {}


def test_a_package_that_is_nowhere(far: Lab) -> None:
    with pytest.raises(HoabanError, match="no provider for the package `nowhere`"):
        far.preview('Thing("a", type_="nowhere:index:Thing")')
