"""Objects that exist, brought under a stack: real programs of the text that comes of it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from hoaban.engine.api import Options, UpdateResult
from hoaban.engine.embedded import importing
from hoaban.engine.embedded.backend import Backend, StackName
from hoaban.engine.embedded.ledger import Ledger
from hoaban.engine.embedded.lock import Lock, LockedError
from hoaban.engine.imports import ImportRequest, ImportSpec
from hoaban.engine.provider import PartialFailureError, ProviderError, ResourceState
from hoaban.errors import HoabanError, ManyErrors
from hoaban.provision.importdraft import draft
from hoaban.provision.importing import read_request
from tests.engine.conftest import Lab
from tests.engine.fake_provider import Crash, FakeCloud, FakeProvider

if TYPE_CHECKING:
    from pathlib import Path

THING = "fake:index:Thing"
URN = "urn:pulumi:dev::shop::fake:index:Thing::"
ROOT = "urn:pulumi:dev::shop::pulumi:pulumi:Stack::shop-dev"
NETWORK = "openstack:networking/network:Network"
SUBNET = "openstack:networking/subnet:Subnet"
PACKAGE = """
import pulumi


class Thing(pulumi.CustomResource):
    def __init__(self, name, opts=None, **props):
        super().__init__("fake:index:Thing", name, {"address": None, **props}, opts)


class Remote(pulumi.ComponentResource):
    def __init__(self, name, opts=None):
        super().__init__("fake:index:Remote", name, {}, opts)
"""


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    """A stack whose program is there, and would fail: an import does not run it."""
    lab = Lab(tmp_path, FakeCloud())
    lab.program("raise SystemExit('the program was run')")
    return lab


def thing(name: str, id_: str, **how: Any) -> ImportSpec:
    return ImportSpec(type=THING, name=name, id=id_, **how)


def bring(
    lab: Lab, *specs: ImportSpec, names: dict[str, str] | None = None, **how: Any
) -> UpdateResult:
    lab.events.clear()
    request = ImportRequest(resources=specs, names=names or {}, **how)
    return lab.engine.import_resources(lab.stack, request, Options(), lab.events.append)


def run_text(lab: Lab, text: str) -> UpdateResult:
    """An update of the generated program, and nothing else."""
    (lab.program_folder / "pulumi_fake.py").write_text(PACKAGE)
    (lab.program_folder / "__main__.py").write_text(text)
    lab.events.clear()
    return lab.engine.up(lab.stack, Options(), lab.events.append)


def by_hand(lab: Lab, token: str = THING, **properties: Any) -> str:
    """An object that no stack made."""
    return lab.cloud.add(token, "", properties).id


def test_an_update_with_the_text_changes_nothing(lab: Lab) -> None:
    net = by_hand(lab, size=3, label='của "tôi"', on=True)
    web = by_hand(lab, network=net, uses=[net, "other"], ratio=1.5, tags={"a b": "c", "n": net})
    result = bring(lab, thing("web", web), thing("net", net))
    assert result.changes == {"create": 2, "import": 2}
    assert lab.cloud.names("create") == []
    made = lab.resources()
    assert list(made) == ["shop-dev", "default", "net", "web"]
    assert made["net"]["id"] == net
    assert made["net"]["inputs"] == {"size": 3, "label": 'của "tôi"', "on": True}
    assert made["net"]["parent"] == ROOT
    assert made["net"]["protect"]
    assert made["net"]["created"]
    assert "importID" not in made["net"]
    assert made["web"]["dependencies"] == [URN + "net"]
    assert made["web"]["propertyDependencies"]["network"] == [URN + "net"]
    assert (
        result.program
        == """import pulumi
import pulumi_fake as fake

net = fake.Thing(
    "net",
    size=3,
    label="của \\"tôi\\"",
    on=True,
    opts=pulumi.ResourceOptions(protect=True),
)

web = fake.Thing(
    "web",
    network=net.id,
    uses=[net.id, "other"],
    ratio=1.5,
    tags={"a b": "c", "n": net.id},
    opts=pulumi.ResourceOptions(protect=True),
)
"""
    )
    assert net not in result.program
    again = run_text(lab, result.program)
    assert again.changes == {"same": 4}
    assert lab.cloud.names("update") == lab.cloud.names("create") == []
    assert bring(lab, thing("web", web), thing("net", net)).changes == {"same": 4}


def test_real_classes_of_the_openstack_package(lab: Lab) -> None:
    """Names of arguments are the SDK's, also inside; keys of maps stay a person's own."""
    net = by_hand(lab, NETWORK, name="lan", valueSpecs={"dnsDomain": "x."})
    sub = by_hand(
        lab, SUBNET, name="lan-4", networkId=net, ipVersion=4, cidr="10.1.0.0/24",
        allocationPools=[{"start": "10.1.0.2", "end": "10.1.0.9"}],
    )  # fmt: skip
    result = bring(
        lab,
        ImportSpec(type=NETWORK, name="lan", id=net),
        ImportSpec(type=SUBNET, name="v4", logical_name="lan-v4", id=sub),
        protect=False,
    )
    assert "default_5_5_3" in lab.resources()
    assert 'v4 = openstack.networking.Subnet(\n    "lan-v4",' in result.program
    assert "    network_id=lan.id,\n    ip_version=4,\n" in result.program
    assert 'allocation_pools=[{"start": "10.1.0.2", "end": "10.1.0.9"}],' in result.program
    assert 'value_specs={"dnsDomain": "x."}' in result.program
    assert "protect" not in result.program
    again = run_text(lab, result.program)
    assert again.changes == {"same": 4}
    assert lab.cloud.names("update") == []


def test_parents_providers_and_components(lab: Lab) -> None:
    lab.up("""
    project = pulumi.ProviderResource("fake", "project", {"region": "x"})
    Group("db")
    """)
    project = next(
        one["urn"] for one in lab.resources().values() if one["urn"].endswith("::project")
    )
    group = lab.resources()["db"]["urn"]
    a, b, c = by_hand(lab, size=1), by_hand(lab, size=2), by_hand(lab, size=3)
    lab.config = {}
    result = bring(
        lab,
        thing("deep", c, parent="site"),
        ImportSpec(type="fake:index:Site", name="site", component=True, parent="far"),
        ImportSpec(type="fake:index:Remote", name="far", component=True, remote=True),
        thing("disk", a, parent="grp", provider="prj"),
        thing("plain", b),
        names={"grp": group, "prj": project},
    )
    made = lab.resources()
    assert result.changes == {"same": 3, "create": 1, "import": 5}
    assert made["disk"]["urn"] == "urn:pulumi:dev::shop::fake:index:Group$fake:index:Thing::disk"
    assert made["disk"]["provider"].startswith(f"{project}::")
    assert made["plain"]["provider"].startswith(
        "urn:pulumi:dev::shop::pulumi:providers:fake::default"
    )
    assert made["site"]["custom"] is False
    assert made["deep"]["urn"].endswith(
        "::fake:index:Remote$fake:index:Site$fake:index:Thing::deep"
    )
    (told,) = {one for one in lab.messages("warning") if "default provider" in one}
    assert f"--provider name={project}" in told
    assert f"# grp: {group}\n# prj: {project}\n" in result.program
    own = f"""
import pulumi


class Group(pulumi.ComponentResource):
    def __init__(self, name, opts=None, **props):
        super().__init__("fake:index:Group", name, props, opts)


grp = Group("db")
prj = pulumi.ProviderResource("fake", "project", {{"region": "x"}})
{result.program}"""
    again = run_text(lab, own)
    assert not again.changed, again.changes


@pytest.mark.parametrize("protect", [True, False])
def test_a_preview_writes_nothing_and_shows_the_text(lab: Lab, protect: bool) -> None:
    there = by_hand(lab, size=1)
    result = bring(lab, thing("a", there), preview=True, protect=protect)
    assert result.changes == {"create": 2, "import": 1}
    assert ("protect=True" in result.program) is protect
    assert not lab.checkpoint_file.exists()
    assert bring(lab, thing("a", there), generate_code=False).program == ""


def test_what_a_plan_would_make_is_a_file_to_import(lab: Lab) -> None:
    """Once the ids are in: names, parents and providers are the program's own."""
    program = """
    project = pulumi.ProviderResource("fake", "project", {})
    have = Group("have")
    """
    lab.up(program)
    more = """
    web = Group("web", Opts(parent=have))
    Thing("web", Opts(parent=web, provider=project), size=1)
    Thing("lone", size=2)
    """
    lab.preview(program + more)
    body = draft(lab.events)
    assert body == {
        "nameTable": {
            "have": "urn:pulumi:dev::shop::fake:index:Group::have",
            "project": "urn:pulumi:dev::shop::pulumi:providers:fake::project",
        },
        "resources": [
            {"type": THING, "name": "lone", "id": "<PLACEHOLDER>"},
            {"type": "fake:index:Group", "name": "web", "component": True, "parent": "have"},
            {
                "type": THING, "name": "web_2", "logicalName": "web", "id": "<PLACEHOLDER>",
                "parent": "web", "provider": "project",
            },
        ],
    }  # fmt: skip
    for entry in body["resources"]:
        if "id" in entry:
            entry["id"] = by_hand(lab, size=1 if entry["name"] == "web_2" else 2)
    file = lab.folder / "adopt.json"
    file.write_text(json.dumps(body))
    request = read_request(file)
    lab.program("raise SystemExit('the program was run')")
    lab.engine.import_resources(lab.stack, request, Options(), lab.events.append)
    assert not lab.up(program + more).changed
    assert lab.cloud.names("create") == []


def test_all_or_nothing(lab: Lab) -> None:
    lab.up('Thing("old", size=1)')
    before = lab.resources()
    there = by_hand(lab, size=1)
    with pytest.raises(
        HoabanError, match="there is no fake:index:Thing with the id none"
    ) as caught:
        bring(lab, thing("a", there), thing("b", "none"))
    assert caught.value.where is not None
    assert caught.value.where.urn == URN + "b"
    assert caught.value.mend
    assert lab.resources() == before
    with pytest.raises(ManyErrors) as many:
        bring(lab, thing("a", "no"), thing("b", "none"))
    assert len(many.value.errors) == 2
    history = sorted((lab.folder / "backend/.pulumi/history/shop/dev").glob("*.history.json"))
    entries = [json.loads(one.read_text()) for one in history]
    assert [(one["kind"], one["result"]) for one in entries] == [
        ("update", "succeeded"), ("resource-import", "failed"), ("resource-import", "failed"),
    ]  # fmt: skip


def test_what_the_state_has_already(lab: Lab) -> None:
    lab.up('Thing("a", size=1)')
    other = by_hand(lab, size=2)
    mine = lab.resources()["a"]["id"]
    assert bring(lab, thing("a", mine)).changes == {"same": 3}
    with pytest.raises(HoabanError, match=f"the state has {mine} under this name already"):
        bring(lab, thing("a", other))
    with pytest.raises(HoabanError, match=f"{mine} is there already, as {URN}a"):
        bring(lab, thing("b", mine))
    with pytest.raises(HoabanError, match=f"{other} is there already, as {URN}b"):
        bring(lab, thing("b", other), thing("c", other))
    assert set(lab.resources()) == {"shop-dev", "default", "a"}


def test_what_is_named_must_be_there(lab: Lab) -> None:
    lab.up("")
    there = by_hand(lab, size=1)
    missing = {"p": "urn:pulumi:dev::shop::fake:index:Group::p"}
    with pytest.raises(HoabanError, match=r"its parent is not in the state: urn:.*::p") as caught:
        bring(lab, thing("a", there, parent="p"), names=missing)
    assert "component" in (caught.value.mend or "")
    missing = {"p": "urn:pulumi:dev::shop::pulumi:providers:fake::p"}
    with pytest.raises(HoabanError, match="its provider is not in the state"):
        bring(lab, thing("a", there, provider="p"), names=missing)


def test_what_is_there_already_is_depended_on(lab: Lab) -> None:
    """Else a destroy before the next update would begin with what others use."""
    lab.up('Thing("net", size=1)')
    net = lab.resources()["net"]["id"]
    port = by_hand(lab, network=net)
    assert f'network="{net}"' in bring(lab, thing("port", port), protect=False).program
    assert lab.resources()["port"]["dependencies"] == [URN + "net"]
    lab.cloud.calls.clear()
    lab.run("destroy")
    assert lab.cloud.names("delete") == ["port", "net"]


def test_what_the_name_table_has_is_a_variable(lab: Lab) -> None:
    lab.up('Thing("net", size=1)')
    net = lab.resources()["net"]
    port = by_hand(lab, network=net["id"])
    result = bring(lab, thing("port", port), names={"lan": net["urn"]}, preview=True)
    assert "network=lan.id" in result.program
    assert f"# lan: {net['urn']}" in result.program


def test_some_properties(lab: Lab) -> None:
    there = by_hand(lab, size=1, color="red")
    result = bring(lab, thing("a", there, properties=("size", "shape")))
    assert lab.resources()["a"]["inputs"] == {"size": 1}
    assert "color" not in result.program
    assert "the object has no shape: left out" in lab.messages("warning")


def test_defaults_are_left_out_where_that_changes_nothing(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    check = FakeProvider.check

    def filled(self: FakeProvider, urn: str, token: str, olds: Any, news: Any) -> Any:
        news = {"size": 1, "mode": "quick", **news}
        if "color" in news:
            news.setdefault("depth", 8)
        return check(self, urn, token, olds, news)

    monkeypatch.setattr(FakeProvider, "check", filled)
    usual = by_hand(lab, size=1, mode="slow")
    bound = by_hand(lab, size=1, mode="quick", color="red")
    result = bring(lab, thing("usual", usual), thing("bound", bound))
    assert 'fake.Thing("usual", mode="slow", opts=' in result.program
    assert lab.resources()["usual"]["inputs"] == {"size": 1, "mode": "slow"}
    # What even all that is told does not lead back to is said, and not left out.
    (told,) = lab.messages("warning")
    assert told == "the program's text differs from the object in: depth"
    assert 'color="red"' in result.program
    assert "depth" not in result.program


def test_refused_inputs_are_told_and_imported(lab: Lab) -> None:
    """As the official engine: what exists can be taken in, its text needs a hand."""
    there = by_hand(lab, size=1, refuse="too old")
    bring(lab, thing("a", there))
    assert any("refuse: too old" in one for one in lab.messages("warning"))
    assert lab.resources()["a"]["id"] == there


def test_secrets_are_in_no_text(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        FakeProvider, "secret_outputs", lambda _self, _token: frozenset({"password"}), raising=False
    )
    there = by_hand(lab, user="u", password="hush-hush")
    result = bring(lab, thing("db-user", there))
    assert "hush-hush" not in result.program
    assert "hush-hush" not in lab.checkpoint_file.read_text()
    assert "hush-hush" not in repr([vars(one) for one in lab.events])
    assert lab.resources()["db-user"]["additionalSecretOutputs"] == ["password"]
    assert (
        "# Secret: give it to the stack's configuration as shop:db_user_password" in result.program
    )
    assert 'password=config.require_secret("db_user_password")' in result.program
    from hoaban.engine.values import Secret  # noqa: PLC0415

    lab.config = {"shop:db_user_password": Secret("hush-hush")}
    assert run_text(lab, result.program).changes == {"same": 3}


def test_an_object_that_is_not_well(lab: Lab) -> None:
    there = by_hand(lab, size=1)
    state = ResourceState(there, {"size": 1}, {"size": 1})

    def fail() -> None:
        raise PartialFailureError("went to ERROR", state=state)

    lab.cloud.fail["read a"] = fail
    bring(lab, thing("a", there))
    assert lab.resources()["a"]["initErrors"] == ["went to ERROR"]
    assert "the object is not well: went to ERROR" in lab.messages("warning")


def test_a_provider_that_tells_no_inputs(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    there = by_hand(lab, size=1)
    monkeypatch.setattr(
        FakeProvider,
        "read",
        lambda _self, _urn, _token, id_, _state: ResourceState(id_, {"size": 1}),
    )
    with pytest.raises(ProviderError, match="tells no inputs of a fake:index:Thing"):
        bring(lab, thing("a", there))


def test_one_at_a_time(lab: Lab) -> None:
    lab.up("")
    there = by_hand(lab, size=1)
    with Lock(Backend(lab.stack.backend), StackName("shop", "dev")), pytest.raises(LockedError):
        bring(lab, thing("a", there))
    assert bring(lab, thing("a", there), preview=True).changes["import"] == 1


@pytest.mark.parametrize("where", ["read", "commit"])
def test_a_crash_leaves_all_or_nothing(
    lab: Lab, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    lab.up("")
    before = lab.checkpoint_file.read_bytes()
    ids = [by_hand(lab, size=n) for n in range(3)]
    specs = [thing(f"t{n}", id_) for n, id_ in enumerate(ids)]

    def die(*_: Any) -> None:
        raise Crash

    with monkeypatch.context() as patch:
        patch.setattr(Ledger, "commit", die)  # a process that is killed commits nothing
        if where == "read":
            lab.cloud.fail["read t1"] = Crash()
        with pytest.raises(Crash):
            bring(lab, *specs)
    assert lab.checkpoint_file.read_bytes() == before
    assert not list((lab.folder / "backend").rglob("journals/**/*.jsonl"))
    lab.cloud.fail.clear()
    assert bring(lab, *specs).changes["import"] == 3
    assert set(lab.resources()) == {"shop-dev", "default", "t0", "t1", "t2"}


def test_a_stop_leaves_nothing(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    lab.up("")
    ids = [by_hand(lab, size=n) for n in range(2)]
    looking = importing.Importer._look

    def stopping(self: importing.Importer, *args: Any) -> None:
        looking(self, *args)
        self.failures.cancel()

    monkeypatch.setattr(importing.Importer, "_look", stopping)
    with pytest.raises(HoabanError, match="interrupted"):
        bring(lab, *[thing(f"t{n}", id_) for n, id_ in enumerate(ids)])
    assert set(lab.resources()) == {"shop-dev"}


def test_what_an_interrupted_run_left_is_kept(lab: Lab) -> None:
    """An import settles nothing that only the program can: the next update does."""

    def lose() -> None:
        lost = ProviderError("the cloud did not answer")
        lost.undecided = True
        raise lost

    lab.cloud.fail["after create a"] = lose
    with pytest.raises(ProviderError):
        lab.up('Thing("a", size=1)')
    lab.cloud.fail.clear()
    there = by_hand(lab, size=5)
    bring(lab, thing("b", there))
    (pending,) = lab.checkpoint["checkpoint"]["latest"]["pending_operations"]
    assert pending["type"] == "creating"
    lab.up('Thing("a", size=1)\nThing("b", Opts(protect=True), size=5)')
    assert len(lab.cloud.things) == 2
    assert lab.cloud.names("create") == ["a"]
