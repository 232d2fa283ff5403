"""``hoaban import``, as it is typed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from hoaban.cli import import_ as verb
from hoaban.engine.embedded import EmbeddedEngine
from hoaban.errors import HoabanError, ManyErrors, UsageError
from hoaban.provision import importing
from tests.engine.fake_provider import FakeCloud
from tests.unit.cli.test_stack_verbs import AGENCY, NETWORK, PROVIDER, ROOT, run, stack, told

if TYPE_CHECKING:
    from pathlib import Path

    from hoaban.engine.api import Stack

__all__ = ["stack"]  # a fixture

TYPE = "openstack:networking/network:Network"
SUBNET = "openstack:networking/subnet:Subnet"
TWICE = """{"resources": [{"type": "a:b:C", "id": "1", "name": "x"},
{"type": "a:b:C", "id": "2", "name": "x"}]}"""


@pytest.fixture(autouse=True)
def cloud(monkeypatch: pytest.MonkeyPatch) -> FakeCloud:
    made = FakeCloud()
    monkeypatch.setattr(verb, "engine_for", lambda _name: EmbeddedEngine(made.provider))
    monkeypatch.setattr(importing, "reach", lambda _stack: None)
    return made


def exported() -> dict[str, Any]:
    body = json.loads(run("stack", "export", AGENCY)[1])
    return {one["urn"].rpartition("::")[2]: one for one in body["deployment"]["resources"]}


def write(folder: Path, body: Any) -> str:
    file = folder / "adopt.json"
    file.write_text(body if isinstance(body, str) else json.dumps(body, indent=1))
    return str(file)


def test_one_resource(stack: Stack, cloud: FakeCloud, tmp_path: Path) -> None:
    there = cloud.add(TYPE, "", {"name": "lan"}).id
    words = (AGENCY, TYPE, "lan", there, "--provider", f"p={PROVIDER.urn}")
    with pytest.raises(UsageError, match="nobody is here to be asked"):
        run("import", *words)
    assert "lan" not in exported()
    code, text = run("import", *words, "--preview-only")
    assert code == 0
    assert text.startswith("import pulumi\nimport pulumi_openstack as openstack\n")
    assert "lan" not in exported()

    assert run("import", *words, "--yes") == (0, text)
    lan = exported()["lan"]
    assert (lan["id"], lan["protect"], lan["parent"]) == (there, True, ROOT.urn)
    assert lan["provider"] == f"{PROVIDER.urn}::1"
    assert "provider=p, protect=True" in text
    (_, entry) = sorted(told("stack", "history", AGENCY), key=lambda one: one["version"])
    assert (entry["kind"], entry["resourceChanges"]) == (
        "resource-import",
        {"import": 1, "same": 3},
    )

    out = tmp_path / "lan.py"
    body = told("import", *words, "--yes", "--out", str(out))
    assert body["changes"] == {"same": 4}
    assert body["out"] == str(out)
    assert "program" not in body
    assert out.read_text() == text
    code, text = run("import", *words, "--yes", "--no-generate-code", "--properties", "name, mtu")
    assert (code, text) == (0, "")


def test_a_file(stack: Stack, cloud: FakeCloud, tmp_path: Path) -> None:
    net = cloud.add(TYPE, "", {"name": "lan"}).id
    sub = cloud.add(SUBNET, "", {"networkId": net, "cidr": "10.1.0.0/24"}).id
    file = write(tmp_path, {
        "nameTable": {"net": NETWORK.urn},
        "resources": [
            {"type": SUBNET, "name": "v4", "id": sub, "parent": "lan", "properties": ["networkId"]},
            {"type": TYPE, "name": "lan", "logicalName": "lan 1", "id": net, "version": "5.5.3"},
            {"type": "hoaban:components:Site", "name": "site", "component": True, "parent": "net"},
        ],
    })  # fmt: skip
    body = told("import", AGENCY, "--file", file, "--yes", "--no-protect")
    assert body["kind"] == "resource-import"
    assert body["changes"] == {"same": 3, "create": 1, "import": 3}
    assert "hush" not in json.dumps(body)
    assert (
        "    network_id=lan.id,\n    opts=pulumi.ResourceOptions(parent=lan),\n" in body["program"]
    )
    made = exported()
    assert made["v4"]["inputs"] == {"networkId": net}
    assert made["site"]["parent"] == NETWORK.urn
    assert "protect" not in made["lan 1"]


@pytest.mark.parametrize(
    ("text", "line", "key", "what"),
    [
        ('{\n "resources": [\n  {"type": "a" "name": "b"}\n ]\n}', 3, None, "not valid JSON"),
        ("[]", 1, None, "the file must hold an object"),
        ("", 1, None, "not valid JSON"),
        ('{\n\t"resource": []\n}', 2, "resource", "there is no key resource"),
        ('{\n "resources": {}\n}', 2, "resources", "resources must be a list"),
        ('{\n "nameTable": []\n}', 2, "nameTable", "nameTable must be an object"),
        ('{\n "nameTable": {"a":\n 3}\n}', 2, "nameTable.a", "the URN of a must be a text"),
        ('{"resources": [\n 3]}', 2, "resources[0]", "a resource must be an object"),
        ('{"resources": [{\n"id": 3}]}', 2, "resources[0].id", "id must be a text"),
        ('{"resources": [{\n"properties": [1]}]}', 2, "resources[0].properties", "must be a list"),
        ('{"resources": [{\n"component": "yes"}]}', 2, "resources[0].component", "true or false"),
        ('{"resources": [{\n"idd": "x"}]}', 2, "resources[0].idd", "there is no key idd"),
        ('{"resources": [{\n"pluginDownloadUrl": "x"}]}', 2, "resources[0].pluginDownloadUrl",
         "pluginDownloadUrl is not supported"),
        ('{"resources": [{\n"id": "x",\n"id": "y"}]}', 3, "resources[0].id", "is there twice"),
        ('{"resources": [\n\t{"type": "a:b:C",\n\t"name": "x", "id": "1",\n\t"parent": "p"}]}',
         4, "resources[0].parent", "the parent 'p' has no entry in nameTable"),
        (TWICE, 2, "resources[1].name",
         "two resources of type a:b:C are called 'x'"),
    ],
)  # fmt: skip
def test_a_file_that_is_wrong(
    stack: Stack, tmp_path: Path, text: str, line: int, key: str | None, what: str
) -> None:
    file = write(tmp_path, text)
    with pytest.raises(HoabanError) as caught:
        run("import", AGENCY, "--file", file, "--yes")
    error = caught.value
    assert not isinstance(error, ManyErrors)
    assert error.where is not None
    assert (error.where.file, error.where.line, error.where.key) == (file, line, key)
    assert what in error.what
    assert error.mend


def test_what_is_typed_wrong(stack: Stack, cloud: FakeCloud, tmp_path: Path) -> None:
    file = write(tmp_path, {"resources": []})
    one = (TYPE, "lan", "n-2")
    for words, what in (
        ((), "give TYPE NAME ID, or --file FILE"),
        ((AGENCY, TYPE, "lan", "n-2", "more"), "give TYPE NAME ID, or --file FILE"),
        ((AGENCY, "lan", "--file", file), "a file goes without TYPE NAME ID"),
        ((AGENCY, "--file", file, "--parent", "urn:x"), "are in the file"),
        ((AGENCY, *one, "--parent", "p"), "--parent is not name=urn: p"),
        ((AGENCY, *one, "--out", "x", "--no-generate-code"), "--out is for the program's text"),
        ((AGENCY, *one, "--parent", f"p={NETWORK.urn}", "--provider", f"p={PROVIDER.urn}"),
         "are both called p"),
    ):  # fmt: skip
        with pytest.raises(UsageError, match=what):
            run("import", *words, "--yes")
    for words, what in (
        (("so-nao-day", *one), "so-nao-day"),
        ((AGENCY, "network", "lan", "n-2"), "not a type: network"),
        ((AGENCY, TYPE, "net", "n-2"), "the state has n-1 under this name already"),
        ((AGENCY, *one), f"there is no {TYPE} with the id n-2"),
        ((AGENCY, *one, "--provider", f"p={NETWORK.urn}"), "p is no provider"),
        ((AGENCY, "--file", str(tmp_path / "none")), "the file can't be read"),
        (one, "province/thu-nghiem has no stack yet"),
    ):
        with pytest.raises(HoabanError, match=what) as caught:
            run("import", *words, "--yes")
        assert caught.value.mend
    assert set(exported()) == {f"agency-{AGENCY}", "p", "net"}


def test_an_unknown_type(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verb, "engine_for", lambda _name: real_engine("embedded"))
    with pytest.raises(
        HoabanError, match="the embedded provider has no type openstack:net/net:Net"
    ):
        run("import", AGENCY, "openstack:net/net:Net", "lan", "1", "--yes")
    with pytest.raises(HoabanError, match="no provider for the package `azure`"):
        run("import", AGENCY, "azure:net/net:Net", "lan", "1", "--yes")


def real_engine(name: str) -> Any:
    from hoaban.provision.engines import engine_for  # noqa: PLC0415 (the verb's own is patched)

    return engine_for(name)


def test_a_urn_alone_is_called_as_its_option(stack: Stack, cloud: FakeCloud) -> None:
    there = cloud.add(TYPE, "", {"name": "lan"}).id
    words = (AGENCY, TYPE, "lan", there, "--provider", PROVIDER.urn, "--parent", NETWORK.urn)
    _, text = run("import", *words, "--preview-only")
    assert "parent=parent, provider=provider" in text
    assert f"# provider: {PROVIDER.urn}" in text
