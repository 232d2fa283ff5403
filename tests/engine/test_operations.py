"""Whole operations: real programs on the SDK, against a cloud in memory."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from pulumi.automation.events import OpType

from hoaban.engine.embedded.keys import resource_key
from hoaban.engine.values import UNKNOWN, Secret
from hoaban.errors import HoabanError
from hoaban.provision.display import Board
from tests.engine.conftest import Lab

if TYPE_CHECKING:
    from pathlib import Path

    from hoaban.engine.api import UpdateResult

URN = "urn:pulumi:dev::shop::fake:index:Thing::"
NETWORK = """
net = Thing("net", cidr="10.0.0.0/24", replace_zone="a")
web = Thing("web", network=net.id, gateway=net.address)
export("address", web.address)
"""


def steps(result: UpdateResult) -> list[str]:
    """Steps of things, without those that change nothing."""
    return [
        f"{one.op} {one.urn.rpartition('::')[2]}"
        for one in result.steps
        if one.op != "same" and "fake:index:" in one.urn
    ]


def test_life_of_a_stack(lab: Lab) -> None:
    """Preview, create, change nothing, update, replace, delete, destroy."""
    plan = lab.preview(NETWORK)
    assert plan.changes == {"create": 4}
    assert plan.outputs["address"] is UNKNOWN
    planned = {one.urn: one for one in plan.steps}
    assert planned[URN + "web"].new["network"] is UNKNOWN
    assert lab.cloud.things == {}
    assert not lab.checkpoint_file.exists()

    made = lab.up()
    assert made.changes == {"create": 4}
    assert made.outputs == {"address": "10.0.0.2"}
    assert lab.cloud.by_name("web").properties["network"] == lab.cloud.by_name("net").id
    assert lab.cloud.by_name("web").key == resource_key("organization/shop/dev", URN + "web")
    assert lab.engine.outputs(lab.stack) == {"address": "10.0.0.2"}

    again = lab.up()
    assert again.changes == {"same": 4}
    assert not again.changed

    changed = lab.up(NETWORK.replace("10.0.0.0/24", "10.9.0.0/24"))
    assert steps(changed) == ["update net"]
    assert changed.steps[[one.urn for one in changed.steps].index(URN + "net")].diffs == ["cidr"]
    assert lab.cloud.by_name("net").properties["cidr"] == "10.9.0.0/24"

    replaced = lab.up(NETWORK.replace('replace_zone="a"', 'replace_zone="b"'))
    assert steps(replaced) == [
        "create-replacement net",
        "replace net",
        "update web",
        "delete-replaced net",
    ]
    assert lab.cloud.by_name("web").properties["network"] == lab.cloud.by_name("net").id
    assert len(lab.cloud.things) == 2

    shrunk = lab.up('net = Thing("net", cidr="10.0.0.0/24", replace_zone="b")')
    assert steps(shrunk) == ["delete web"]
    assert shrunk.outputs == {}

    assert lab.run("destroy").changes == {"delete": 3}
    assert lab.cloud.things == {}
    assert lab.resources() == {}
    history = sorted((lab.folder / "backend/.pulumi/history/shop/dev").glob("*.history.json"))
    kinds = [json.loads(one.read_text())["kind"] for one in history]
    assert kinds == ["update", "update", "update", "update", "update", "destroy"]


def test_state_holds_what_the_official_engine_expects(lab: Lab) -> None:
    lab.up(NETWORK)
    web, default = lab.resources()["web"], lab.resources()["default"]
    assert web["id"] == lab.cloud.by_name("web").id
    assert web["dependencies"] == [URN + "net"]
    assert web["propertyDependencies"] == {"gateway": [URN + "net"], "network": [URN + "net"]}
    assert web["parent"] == "urn:pulumi:dev::shop::pulumi:pulumi:Stack::shop-dev"
    assert web["provider"] == f"{default['urn']}::{default['id']}"
    assert web["sourcePosition"].startswith("project:///__main__.py#")
    assert default["urn"] == "urn:pulumi:dev::shop::pulumi:providers:fake::default"
    assert default["inputs"] == {"__internal": {}}
    assert "parent" not in default
    assert lab.checkpoint["version"] == 3
    assert "pending_operations" not in lab.checkpoint["checkpoint"]["latest"]


def test_delete_before_replace_takes_dependents_along(lab: Lab) -> None:
    program = """
    disk = Thing("disk", Opts(delete_before_replace=True), replace_size=%d, exclusive="slot")
    mount = Thing("mount", replace_disk=disk.id)
    """
    lab.up(program % 1)
    lab.cloud.calls.clear()
    assert steps(lab.up(program % 2)) == [
        "delete-replaced mount",
        "delete-replaced disk",
        "replace disk",
        "create-replacement disk",
        "replace mount",
        "create-replacement mount",
    ]
    assert lab.cloud.calls == [
        ("delete", "mount"),
        ("delete", "disk"),
        ("create", "disk"),
        ("create", "mount"),
    ]
    assert lab.cloud.by_name("mount").properties["replace_disk"] == lab.cloud.by_name("disk").id
    assert set(lab.resources()) == {"shop-dev", "default", "disk", "mount"}


def test_components_aliases_and_parents(lab: Lab) -> None:
    lab.up("""
    group = Group("db")
    disk = Thing("db-disk", Opts(parent=group), size=1)
    lone = Thing("lone", x=1)
    group.register_outputs({"disk": disk.id})
    """)
    disk = lab.cloud.by_name("db-disk").id
    assert lab.resources()["db"]["outputs"] == {"disk": disk}
    assert lab.resources()["db-disk"]["urn"].endswith("fake:index:Group$fake:index:Thing::db-disk")
    result = lab.up("""
    from pulumi import Alias
    group = Group("store", Opts(aliases=[Alias(name="db")]))
    disk = Thing("store-disk", Opts(parent=group), size=1)
    was = Alias(name="lone", parent=pulumi.ROOT_STACK_RESOURCE)
    lone = Thing("lone2", Opts(parent=group, aliases=[was]), x=1)
    typed = Thing("typed", Opts(aliases=[Alias(type_="fake:index:Old")]), x=1)
    group.register_outputs({"disk": disk.id})
    """)
    assert steps(result) == ["create typed"]
    assert lab.resources()["store-disk"]["id"] == disk
    assert "db" not in lab.resources()
    assert URN + "lone" in lab.resources()["lone2"]["aliases"]


def test_secrets_stay_secret(lab: Lab) -> None:
    lab.config = {"shop:token": Secret("kín-1"), "fake:token": Secret("kín-2"), "open": "mở"}
    lab.up("""
    config = pulumi.Config()
    deep = {"deep": [Output.secret("kín-3")]}
    a = Thing("a", password=config.require_secret("token"), nested=deep)
    hidden = Opts(additional_secret_outputs=["address"])
    b = Thing("b", hidden, copy=a.password, title=config.require("open"))
    export("password", b.copy)
    export("address", b.address)
    export("title", b.title)
    """)
    result = lab.up()
    assert result.changes == {"same": 4}
    assert result.outputs == {
        "password": Secret("kín-1"),
        "address": Secret("10.0.0.2"),
        "title": "mở",
    }
    assert lab.cloud.by_name("a").properties["nested"] == {"deep": ["kín-3"]}
    assert lab.cloud.configured[-1] == {"token": "kín-2"}
    everything = "".join(
        one.read_text(encoding="utf-8")
        for one in lab.folder.rglob("*")
        if one.is_file() and one.name != "__main__.py"
    )
    assert "kín-" not in everything
    events = json.dumps([_plain(one) for one in lab.events], default=repr, ensure_ascii=False)
    assert "kín-" not in events
    assert "kín-" not in repr(result)
    entry = next((lab.folder / "backend/.pulumi/history/shop/dev").glob("*.history.json"))
    assert list(json.loads(entry.read_text())["config"]["shop:token"]) == ["secure"]


def _plain(value: Any) -> Any:
    """Event objects as JSON can take them; OpType and the like are strings already."""
    if hasattr(value, "__dict__") and not isinstance(value, str):
        return {key: _plain(item) for key, item in vars(value).items()}
    return value


def test_options_about_changes(lab: Lab) -> None:
    program = """
    a = Thing("a", Opts(ignore_changes=["size", "tags.x"]), size={n}, tags={{"x": {n}, "y": 1}})
    b = Thing("b", Opts(replace_on_changes=["size"]), size={n})
    c = Thing("c", Opts(hide_diffs=["size"]), size={n})
    """
    lab.up(program.format(n=1))
    result = lab.up(program.format(n=2))
    assert sorted(steps(result)) == [
        "create-replacement b", "delete-replaced b", "replace b", "update c",
    ]  # fmt: skip
    assert lab.cloud.by_name("a").properties["size"] == 1
    diffs = {
        one.res_outputs_event.metadata.urn: one.res_outputs_event.metadata.detailed_diff
        for one in lab.events
        if one.res_outputs_event
    }
    assert diffs[URN + "c"] == {}


def test_what_is_kept_when_deleted(lab: Lab) -> None:
    lab.up("""
    kept = Thing("kept", Opts(retain_on_delete=True))
    server = Thing("server")
    inside = Thing("inside", Opts(deleted_with=server))
    """)
    lab.cloud.calls.clear()
    result = lab.up("")
    assert sorted(steps(result)) == ["delete inside", "delete kept", "delete server"]
    assert lab.cloud.names("delete") == ["server"]
    assert sorted(one.properties["__name"] for one in lab.cloud.things.values()) == [
        "inside",
        "kept",
    ]
    assert set(lab.resources()) == {"shop-dev"}


def test_what_goes_with_something_that_stays_is_deleted_itself(lab: Lab) -> None:
    other = lab.cloud.add("fake:index:Thing", "another's", {"cidr": "192.0.2.0/24"})
    lab.up(f"""
    found = pulumi.CustomResource.__new__(Thing)
    pulumi.CustomResource.__init__(
        found, "fake:index:Thing", "found", {{"cidr": None, "address": None}}, Opts(id="{other.id}")
    )
    inside = Thing("inside", Opts(deleted_with=found))
    """)
    lab.cloud.calls.clear()
    lab.run("destroy")
    assert lab.cloud.names("delete") == ["inside"]
    assert list(lab.cloud.things) == [other.id]


def test_time_limits(lab: Lab) -> None:
    limits = 'pulumi.CustomTimeouts(create="1h30m", update="90s", delete="5m")'
    lab.up(f'Thing("a", Opts(custom_timeouts={limits}), x=1)\nThing("b")')
    assert lab.resources()["a"]["customTimeouts"] == {"create": 5400, "update": 90, "delete": 300}
    lab.up(f'Thing("a", Opts(custom_timeouts={limits}), x=2)')
    lab.run("destroy")
    assert lab.cloud.timeouts == {
        "create a": 5400, "update a": 90, "delete a": 300, "create b": None, "delete b": None,
    }  # fmt: skip


def test_a_tainted_resource_of_the_official_engine(lab: Lab) -> None:
    """Read as version 4, replaced, and then no more reason for version 4."""
    lab.up(NETWORK)
    body = lab.checkpoint
    for one in body["checkpoint"]["latest"]["resources"]:
        one.update({"taint": True} if one["urn"] == URN + "web" else {})
    body = {"version": 4, "features": ["taint"], "checkpoint": body["checkpoint"]}
    lab.checkpoint_file.write_text(json.dumps(body), encoding="utf-8")
    kept = lab.up(targets=[URN + "net"])
    assert steps(kept) == []
    assert (lab.checkpoint["version"], lab.resources()["web"]["taint"]) == (4, True)
    assert "create-replacement web" in steps(lab.up())
    assert lab.checkpoint["version"] == 3
    assert "features" not in lab.checkpoint


def test_explicit_providers(lab: Lab) -> None:
    """Each configured once, shared; changed in place or with all that it serves."""
    program = """
    class Fake(pulumi.ProviderResource):
        def __init__(self, name, opts=None, **props):
            super().__init__("fake", name, props, opts)

    base = Thing("base")
    north = Fake("north", region="{region}", token=Output.secret("{token}"), first=base.address)
    group = Group("g", Opts(providers=[north]))
    a = Thing("a", Opts(provider=north))
    b = Thing("b", Opts(parent=group))
    c = Thing("c")
    """
    assert lab.preview(program.format(region="n", token="t1")).changes == {"create": 8}
    assert {"region": "n", "token": "t1", "first": UNKNOWN} in lab.cloud.configured
    lab.cloud.configured.clear()
    lab.up()
    assert len(lab.cloud.configured) == 2, "once for each provider, not for each resource"
    first = lab.resources()["base"]["outputs"]["address"]
    assert {"region": "n", "token": "t1", "first": first} in lab.cloud.configured
    north = lab.resources()["north"]
    assert lab.resources()["b"]["provider"] == f"{north['urn']}::{north['id']}"
    assert lab.resources()["c"]["provider"].split("::")[3] == "default"
    assert steps(lab.up(program.format(region="n", token="t2"))) == []
    assert lab.resources()["north"]["id"] == north["id"]
    moved = lab.up(program.format(region="s", token="t2"))
    assert sorted(one for one in steps(moved) if "replace" in one) == [
        "create-replacement a", "create-replacement b", "delete-replaced a", "delete-replaced b",
        "replace a", "replace b",
    ]  # fmt: skip
    assert set(lab.resources()) == {"shop-dev", "default", "north", "base", "g", "a", "b", "c"}


def test_a_new_provider_asks_nothing_before_what_it_depends_on_is_made(lab: Lab) -> None:
    """As after an interruption: a project is there, the role that opens it is not."""
    lab.up('project = Thing("project")')
    program = """
        project = Thing("project")
        role = Thing("role")
        inside = pulumi.ProviderResource(
            "fake", "inside", {"region": "north"}, Opts(depends_on=[role])
        )
        Thing("a", Opts(provider=inside))
    """
    lab.cloud.configured.clear()
    assert lab.preview(program).changes["create"] == 3
    assert {"region": UNKNOWN} in lab.cloud.configured
    lab.cloud.configured.clear()
    lab.up()
    assert {"region": "north"} in lab.cloud.configured
    lab.cloud.configured.clear()
    lab.preview()
    assert {"region": UNKNOWN} not in lab.cloud.configured


def test_one_default_provider_for_each_version(lab: Lab) -> None:
    lab.config = {"fake:region": "north"}
    lab.up("""
    a = Thing("a", Opts(version="1.2.3"))
    b = Thing("b", Opts(version="1.2.3"))
    c = Thing("c", Opts(version="2.0.0"))
    """)
    assert lab.resources()["default_1_2_3"]["inputs"] == {
        "__internal": {}, "region": "north", "version": "1.2.3",
    }  # fmt: skip
    assert set(lab.resources()) >= {"default_1_2_3", "default_2_0_0"}
    assert lab.cloud.configured == [{"region": "north"}, {"region": "north"}]
    moved = lab.up("""
    a = Thing("a", Opts(version="2.0.0"))
    b = Thing("b", Opts(version="2.0.0"))
    c = Thing("c", Opts(version="2.0.0"))
    """)
    assert steps(moved) == [], "a new version of a package moves nothing"
    assert "default_1_2_3" not in lab.resources()


def test_reading_and_invoking(lab: Lab) -> None:
    other = lab.cloud.add("fake:index:Thing", "", {"cidr": "192.0.2.0/24"})
    program = f"""
    found = Thing.__new__(Thing)
    pulumi.CustomResource.__init__(
        found, "fake:index:Thing", "found", {{"cidr": None, "address": None}}, Opts(id="{other.id}")
    )
    image = pulumi.runtime.invoke("fake:index:getImage", {{"name": "debian"}}).value
    later = pulumi.runtime.invoke_output("fake:index:getImage", {{"name": found.cidr}})
    web = Thing("web", net=found.cidr, image=image["id"], later=later["id"])
    """
    assert lab.preview(program).changes == {"create": 3, "read": 1}
    result = lab.up()
    assert lab.cloud.by_name("web").properties["image"] == "debian-id"
    assert lab.cloud.by_name("web").properties["later"] == "192.0.2.0/24-id"
    assert lab.cloud.by_name("web").properties["net"] == "192.0.2.0/24"
    assert lab.resources()["found"]["external"] is True
    assert not lab.up().changed
    destroyed = lab.run("destroy")
    assert destroyed.changes["discard"] == 1
    assert other.id in lab.cloud.things, "what is only read is not deleted"
    assert result.changed


def test_stack_references(lab: Lab) -> None:
    province = Lab(lab.folder, lab.cloud, project="province", stack_name="main")
    province.up("""
    net = Thing("net")
    export("network", net.id)
    export("key", Output.secret({"private": "kín"}))
    """)
    lab.up("""
    ref = pulumi.StackReference("organization/province/main")
    a = Thing("a", net=ref.get_output("network"), key=ref.require_output("key"))
    export("network", ref.get_output("network"))
    export("key", ref.get_output("key"))
    export("none", ref.get_output("nothing"))
    """)
    result = lab.preview()
    assert result.outputs == {"network": "thing-1", "key": Secret({"private": "kín"})}
    assert lab.cloud.by_name("a").properties["key"] == {"private": "kín"}
    reference = lab.resources()["organization/province/main"]
    assert reference["external"]
    assert reference["outputs"]["secretOutputNames"] == ["key"]
    assert reference["provider"].startswith(
        "urn:pulumi:dev::shop::pulumi:providers:pulumi::default::"
    )
    assert "kín" not in lab.checkpoint_file.read_text()
    with pytest.raises(HoabanError, match="organization/province/none has no state yet"):
        lab.preview('pulumi.StackReference("organization/province/none")')


def test_refresh_tells_what_changed(lab: Lab) -> None:
    lab.up(NETWORK + 'gone = Thing("gone", x=1)\nafter = Thing("after", Opts(depends_on=[gone]))')
    lab.cloud.by_name("net").properties["cidr"] = "by hand"
    del lab.cloud.things[lab.cloud.by_name("gone").id]
    result = lab.run("refresh")
    assert sorted(steps(result)) == ["delete gone", "update net"]
    assert next(one for one in result.steps if one.urn == URN + "net").diffs == ["cidr"]
    assert "gone" not in lab.resources()
    assert "dependencies" not in lab.resources()["after"]
    assert lab.resources()["net"]["inputs"]["cidr"] == "by hand"
    repaired = lab.up()
    assert sorted(steps(repaired)) == ["create gone", "update net"]
    assert lab.cloud.by_name("net").properties["cidr"] == "10.0.0.0/24"


def test_update_with_refresh(lab: Lab) -> None:
    lab.up(NETWORK)
    lab.cloud.by_name("net").properties["cidr"] = "by hand"
    assert steps(lab.preview()) == [], "without a refresh nobody looks"
    before = lab.checkpoint_file.read_text()
    looked = lab.preview(refresh=True)
    assert steps(looked) == ["refresh net", "update net"]
    assert looked.changes == {"refresh": 1, "same": 3, "update": 1}
    assert lab.checkpoint_file.read_text() == before
    lab.up(refresh=True)
    assert lab.cloud.by_name("net").properties["cidr"] == "10.0.0.0/24"


def test_targets(lab: Lab) -> None:
    lab.up(NETWORK + 'old = Thing("old")')
    changed = NETWORK.replace("10.0.0.0/24", "10.9.0.0/24") + 'new = Thing("new")'
    result = lab.up(changed, targets=[URN + "net"])
    assert steps(result) == ["update net"]
    assert {"old", "web"} <= set(lab.resources())
    assert "new" not in lab.resources()
    with pytest.raises(HoabanError, match="no resource fits urn:typo"):
        lab.up(targets=["urn:typo"])
    assert steps(lab.up(targets=["**::old"])) == ["delete old"]
    assert steps(lab.run("destroy", targets=[URN + "web"])) == ["delete web"]
    assert set(lab.resources()) == {"shop-dev", "default", "net"}


def test_the_whole_difference_has_no_secret(lab: Lab) -> None:
    for token in ("hush-1", "hush-2"):
        lab.config = {"shop:token": Secret(token)}
        lab.events.clear()
        lab.up("""
        config = pulumi.Config()
        a = Thing("a", password=config.require_secret("token"), size=1)
        """)
        board = Board(whole=True)
        for event in lab.events:
            board.take(event)
        told = json.dumps(board.properties())
        assert "password" in told
        assert "[secret]" in told
        assert "hush" not in told


def test_exclusions(lab: Lab) -> None:
    lab.up(NETWORK + 'old = Thing("old")')
    changed = NETWORK.replace("10.0.0.0/24", "10.9.0.0/24") + 'new = Thing("new")'
    before = lab.resources()
    with pytest.raises(HoabanError, match="no resource fits") as caught:
        lab.up(changed, excludes=[URN + "nett"])
    assert caught.value.mend == f"the nearest: {URN}net {URN}new"
    assert lab.resources() == before, "it is found out before anything is done"
    only = lab.up(changed, excludes=[URN + "net", "**::old"], exclude_dependents=True)
    assert steps(only) == ["create new"]
    assert lab.cloud.by_name("net").properties["cidr"] == "10.0.0.0/24"
    lab.cloud.by_name("net").properties["cidr"] = "10.5.0.0/24"
    assert lab.run("refresh", excludes=["**::net"]).changes == {"same": 3}
    gone = lab.run("destroy", excludes=[URN + "web"])
    assert sorted(steps(gone)) == ["delete new", "delete old"]
    assert set(lab.resources()) == {"shop-dev", "default", "net", "web"}


def test_a_destroy_may_read_first(lab: Lab) -> None:
    """What somebody deleted by hand is not deleted again."""
    lab.up(NETWORK)
    lab.cloud.things.pop(lab.cloud.by_name("web").id)
    result = lab.run("destroy", refresh=True, targets=["**::web", "**::net"])
    assert steps(result) == ["refresh web", "delete net"]
    assert set(lab.resources()) == {"shop-dev", "default"}


def test_asked_for_replacement(lab: Lab) -> None:
    lab.up(NETWORK)
    before = lab.cloud.by_name("web").id
    result = lab.up(replace=[URN + "web"])
    assert steps(result) == ["create-replacement web", "replace web", "delete-replaced web"]
    assert lab.cloud.by_name("web").id != before
    keys = {one.key for one in lab.cloud.things.values()}
    assert resource_key("organization/shop/dev", URN + "web", replaces=before) in keys


def test_what_was_made_up_is_made_up_anew_for_a_replacement(lab: Lab) -> None:
    lab.up('Thing("a", auto_label=True, replace_x=1)')
    before = lab.cloud.by_name("a").properties["replace_label"]
    assert not lab.up().changed
    lab.up('Thing("a", auto_label=True, replace_x=2)')
    assert lab.cloud.by_name("a").properties["replace_label"] != before
    assert not lab.up().changed


def test_no_changes_expected(lab: Lab) -> None:
    with pytest.raises(HoabanError, match="no changes were expected, but there are: 4 create"):
        lab.up(NETWORK, expect_no_changes=True)
    assert lab.cloud.things == {}
    lab.up()
    assert lab.up(expect_no_changes=True).changes == {"same": 4}
    with pytest.raises(HoabanError, match="1 update"):
        lab.preview(NETWORK.replace("10.0.0.0/24", "x"), expect_no_changes=True)


def test_import(lab: Lab) -> None:
    there = lab.cloud.add("fake:index:Thing", "", {"__name": "a", "size": 1})
    with pytest.raises(HoabanError, match="inputs differ from the object to import: size"):
        lab.up(f'Thing("a", Opts(import_="{there.id}"), size=2)')
    result = lab.up(f'Thing("a", Opts(import_="{there.id}"), size=1)')
    assert steps(result) == ["import a"]
    assert lab.resources()["a"]["id"] == there.id
    assert not lab.up().changed
    with pytest.raises(HoabanError, match="there is no fake:index:Thing with the id nothing"):
        lab.up('Thing("b", Opts(import_="nothing"))')


def test_as_many_at_once_as_asked(lab: Lab) -> None:
    lab.cloud.delay = 0.1
    lab.up("for i in range(12): Thing(f't{i}')", parallel=4)
    assert lab.cloud.most_running == 4
    lab.cloud.most_running = 0
    lab.run("destroy", parallel=3)
    assert lab.cloud.most_running == 3


def test_events(lab: Lab) -> None:
    lab.up(NETWORK)
    changed = NETWORK.replace("10.0.0.0/24", "10.9.0.0/24")
    lab.up(changed + 'print("một dòng")\npulumi.log.warn("cẩn thận")')
    numbers = [one.sequence for one in lab.events]
    assert numbers == sorted(set(numbers))
    assert lab.events[0].prelude_event is not None
    assert lab.events[-1].summary_event is not None
    assert lab.events[-1].summary_event.resource_changes == {OpType.SAME: 3, OpType.UPDATE: 1}
    begun = [one.resource_pre_event.metadata.urn for one in lab.events if one.resource_pre_event]
    ended = [one.res_outputs_event.metadata.urn for one in lab.events if one.res_outputs_event]
    assert sorted(begun) == sorted(ended)
    update = next(
        one.res_outputs_event.metadata
        for one in lab.events
        if one.res_outputs_event and one.res_outputs_event.metadata.op is OpType.UPDATE
    )
    assert update.diffs == ["cidr"]
    assert update.detailed_diff is not None
    assert update.detailed_diff["cidr"].diff_kind.value == "update"
    assert update.old is not None
    assert update.new is not None
    assert (update.old.inputs or {})["cidr"] == "10.0.0.0/24"
    assert (update.new.outputs or {})["cidr"] == "10.9.0.0/24"
    assert lab.messages("info") == ["một dòng"]
    assert lab.messages("warning") == ["cẩn thận"]


def test_configuration_from_the_files(lab: Lab, tmp_path: Path) -> None:
    lab.program('export("all", {k: pulumi.Config().get(k) for k in ("a", "b", "c", "d")})')
    (lab.program_folder / "Pulumi.yaml").write_text(
        "name: shop\nruntime: {name: python}\n"
        "config: {a: from-project, b: {default: from-project}}\n"
    )
    lab.stack.config_file.write_text("config:\n  shop:b: from-stack\n  shop:c: {x: [1]}\n")
    lab.config = {"d": "from-run"}
    result = lab.up()
    assert result.outputs["all"] == {
        "a": "from-project", "b": "from-stack", "c": '{"x":[1]}', "d": "from-run",
    }  # fmt: skip
    text = lab.stack.config_file.read_text()
    assert text.startswith("encryptionsalt: v1:")
    assert "shop:b: from-stack" in text
    assert (
        text.splitlines()[0].removeprefix("encryptionsalt: ")
        == lab.checkpoint["checkpoint"]["latest"]["secrets_providers"]["state"]["salt"]
    )


def test_the_programs_environment(lab: Lab) -> None:
    lab.program("""
    import os, sys
    export("cwd", os.getcwd())
    export("variable", os.environ.get("HOABAN_TEST"))
    export("argv", sys.argv)
    export("names", [pulumi.get_project(), pulumi.get_stack(), pulumi.get_organization()])
    """)
    from dataclasses import replace  # noqa: PLC0415

    from hoaban.engine.api import Options  # noqa: PLC0415

    stack = replace(lab.stack, environment={"HOABAN_TEST": "đây"})
    result = lab.engine.up(stack, Options(), lambda _: None)
    assert result.outputs["cwd"] == str(lab.program_folder)
    assert result.outputs["variable"] == "đây"
    assert result.outputs["names"] == ["shop", "dev", "organization"]


def test_real_openstack_classes(lab: Lab) -> None:
    """The SDK of the OpenStack package, its names as they go to a provider."""
    program = """
    import pulumi_openstack as openstack

    net = openstack.networking.Network("net", admin_state_up=True, tags=["demo"])
    sub = openstack.networking.Subnet("sub", network_id=net.id, cidr="10.20.0.0/24", ip_version=4)
    port = openstack.networking.Port(
        "port",
        network_id=net.id,
        fixed_ips=[openstack.networking.PortFixedIpArgs(subnet_id=sub.id, ip_address="10.20.0.9")],
    )
    export("network", net.id)
    """
    lab.up(program)
    port = lab.cloud.by_name("port")
    assert port.token == "openstack:networking/port:Port"
    assert port.properties["fixedIps"] == [
        {"ipAddress": "10.20.0.9", "subnetId": lab.cloud.by_name("sub").id}
    ]
    assert "default_5_5_3" in lab.resources()
    assert not lab.up().changed
