"""The official engine behind the same interface.

Against a stand-in that speaks what the Automation API expects of the command; the real one, where
it is installed, at the end.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from hoaban.engine.api import Interrupted, Options, ProtectedError
from hoaban.engine.embedded.lock import LockedError
from hoaban.engine.imports import ImportRequest, ImportSpec
from hoaban.engine.official import OfficialEngine
from hoaban.engine.pulumi_command import available, errors_of
from hoaban.engine.values import Secret
from hoaban.errors import HoabanError, ManyErrors
from hoaban.provision.engines import EngineName, engine_for

if TYPE_CHECKING:
    from hoaban.engine.api import UpdateResult
    from tests.engine.conftest import Lab

URN = "urn:pulumi:dev::shop::fake:index:Thing::a"


def step(op: str, name: str = "a", **state: Any) -> dict[str, Any]:
    urn = URN.replace("::a", f"::{name}")
    one = {
        "type": "fake:index:Thing",
        "urn": urn,
        "id": f"id-{name}",
        "parent": "",
        "provider": "",
        "custom": True,
        "protect": False,
        "inputs": {"size": 1},
        "outputs": {},
        **state,
    }
    meta = {
        "op": op,
        "urn": urn,
        "type": "fake:index:Thing",
        "provider": "",
        "old": None if op == "create" else one,
        "new": None if op == "delete" else one,
        "logical": True,
    }
    return {"resOutputsEvent": {"metadata": meta, "planning": False}}


def told(message: str, urn: str = "") -> dict[str, Any]:
    return {
        "diagnosticEvent": {"severity": "error", "message": message, "urn": urn, "color": "never"}
    }


def summary(**changes: int) -> dict[str, Any]:
    body = {"maybeCorrupt": False, "durationSeconds": 1, "resourceChanges": changes}
    return {"summaryEvent": {**body, "policyPacks": {}}}


class Official:
    """A lab whose engine is the official one, with a stand-in for its command."""

    def __init__(self, lab: Lab, folder: Path) -> None:
        self.lab, self.folder = lab, folder
        lab.engine = OfficialEngine()  # type: ignore[assignment]
        lab.program("")
        self.scenario(events=[summary(same=1)])

    def scenario(self, **body: Any) -> None:
        (self.folder / "scenario.json").write_text(json.dumps(body))

    def asked(self, verb: str) -> dict[str, Any]:
        lines = (self.folder / "asked.jsonl").read_text().splitlines()
        bodies = [json.loads(line) for line in lines]
        return next(one for one in reversed(bodies) if one["arguments"][0] == verb)


@pytest.fixture
def official(lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Official:
    folder = tmp_path / "fake"
    folder.mkdir()
    command = folder / "pulumi"
    source = Path(__file__).with_name("fake_pulumi.py")
    command.write_text(f'#!/bin/sh\nexec {sys.executable} {source} "$@"\n')
    command.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("FAKE_PULUMI", str(folder))
    monkeypatch.setenv("PULUMI_CONFIG_PASSPHRASE", "of another stack")
    return Official(lab, folder)


def test_an_update(official: Official) -> None:
    """Events, steps and counts are as the embedded engine's; options go to the command."""
    lab = official.lab
    lab.config = {"size": "3", "token": Secret("hush-hush")}
    official.scenario(events=[step("create"), step("same", "b"), summary(create=1, same=1)])
    result = lab.up(parallel=7, targets=[URN], replace=["x"], refresh=True, message="why")
    assert result.changes == {"create": 1, "same": 1}
    first = result.steps[0]
    assert (first.op, first.urn, first.id) == ("create", URN, "id-a")
    assert result.steps[0].new == {"size": 1}
    assert [one.sequence for one in lab.events] == [0, 1, 2]
    asked = official.asked("up")
    line = " ".join(asked["arguments"])
    for part in (f"--target {URN}", "--replace x", "--parallel 7", "--message why", "--refresh",
                 "--yes --skip-preview", "--stack dev"):  # fmt: skip
        assert part in line
    assert asked["variables"] == {
        "PULUMI_BACKEND_URL": (lab.folder / "backend").as_uri(),
        "PULUMI_CONFIG_PASSPHRASE_FILE": str(lab.passphrase_file),
    }
    assert "--exclude" not in line
    config = json.loads(asked["config"])
    assert config["config"]["size"] == "3"
    assert config["config"]["token"]["secure"].startswith("v1:")
    assert "hush-hush" not in json.dumps(asked)
    assert config["encryptionsalt"] == lab.checkpoint["checkpoint"]["latest"]["secrets_providers"][
        "state"]["salt"]  # fmt: skip


@pytest.mark.parametrize("verb", ["preview", "up", "refresh"])
def test_what_is_chosen_goes_to_the_command(official: Official, verb: str) -> None:
    official.scenario(events=[summary(same=1)])
    official.lab.run(verb, excludes=["x", "**::y"], exclude_dependents=True)
    line = " ".join(official.asked(verb)["arguments"])
    assert "--exclude x --exclude **::y --exclude-dependents" in line
    official.lab.run(verb, targets=["x"], target_dependents=True)
    line = " ".join(official.asked(verb)["arguments"])
    assert "--target x" in line
    assert "--target-dependents" in line


def test_a_destroy_reads_first_and_keeps_nothing_out(official: Official) -> None:
    official.scenario(events=[summary(delete=1)])
    official.lab.run("destroy", targets=["x"], target_dependents=True, refresh=True)
    line = " ".join(official.asked("destroy")["arguments"])
    assert all(f in line for f in ("--target x", "--target-dependents", "--refresh"))
    with pytest.raises(HoabanError, match="--exclude") as caught:
        official.lab.run("destroy", excludes=["x"])
    assert "--engine embedded" in (caught.value.mend or "")
    with pytest.raises(HoabanError, match="not both"):
        official.lab.up(targets=["x"], excludes=["y"])


IMPORT = ImportRequest(
    resources=[ImportSpec(type="fake:index:Thing", name="a", id="id-a", parent="g")],
    names={"g": "urn:pulumi:dev::shop::fake:index:Group::g"},
)


def bring(lab: Lab, request: ImportRequest = IMPORT, **options: Any) -> UpdateResult:
    return lab.engine.import_resources(lab.stack, request, Options(**options), lab.events.append)


def test_an_import(official: Official) -> None:
    official.scenario(events=[step("import"), summary(**{"import": 1})], program="a = 1\n")
    result = bring(official.lab, parallel=7, message="why")
    assert (result.kind, result.changes) == ("resource-import", {"import": 1})
    assert [(one.op, one.id) for one in result.steps] == [("import", "id-a")]
    assert result.program == "a = 1\n"
    assert [one.sequence for one in official.lab.events] == [0, 1]
    asked = official.asked("import")
    assert asked["file"] == IMPORT.to_json()
    assert json.loads(asked["config"])["encryptionsalt"]
    line = " ".join(asked["arguments"])
    for part in ("--yes --skip-preview", "--stack dev", "--protect=true", "--parallel 7", "--out ",
                 "--message why"):  # fmt: skip
        assert part in line
    assert "--preview-only" not in line


def test_an_import_that_is_only_looked_at(official: Official) -> None:
    official.scenario(events=[step("import"), summary(**{"import": 1})])
    result = bring(official.lab, replace(IMPORT, preview=True, protect=False))
    assert result.program == ""
    line = " ".join(official.asked("import")["arguments"])
    assert "--preview-only" in line
    assert "--protect=false" in line
    assert "--generate-code=false" in line
    assert "--yes" not in line


def test_an_import_that_fails(official: Official) -> None:
    official.scenario(
        events=[told("resource 'id-a' does not exist", URN), told("import failed")], code=255
    )
    with pytest.raises(HoabanError, match="resource 'id-a' does not exist") as caught:
        bring(official.lab)
    assert caught.value.where is not None
    assert caught.value.where.urn == URN
    orphan = ImportSpec(type="fake:index:Thing", name="a", id="1", parent="none")
    with pytest.raises(HoabanError, match="the parent 'none' has no entry in nameTable"):
        bring(official.lab, replace(IMPORT, resources=[orphan]))


def test_outputs_and_the_other_engine(official: Official) -> None:
    """What the command leaves in the state is read from there, secrets as secrets."""
    lab, own = official.lab, official.lab.engine
    from hoaban.engine.embedded import EmbeddedEngine  # noqa: PLC0415

    lab.engine = EmbeddedEngine(lab.cloud.provider)
    lab.up('export("a", 1)\nexport("s", Output.secret("hush"))\nThing("a", Opts(protect=True))')
    text = lab.checkpoint_file.read_text()
    lab.engine = own
    official.scenario(
        events=[summary(same=2)], checkpoint={"file": str(lab.checkpoint_file), "text": text}
    )
    assert lab.preview().outputs == {"a": 1, "s": Secret("hush")}
    assert lab.engine.outputs(lab.stack) == {"a": 1, "s": Secret("hush")}
    official.scenario(events=[summary(delete=1)])
    urn = lab.resources()["a"]["urn"]
    lab.run("destroy", released=[urn])
    assert "protect" not in lab.resources()["a"], "the command would refuse to delete it"


@pytest.mark.parametrize(
    ("scenario", "kind", "match"),
    [
        ({"events": [told(f"resource {URN} cannot be deleted\nbecause it is protected", URN)]},
         ProtectedError, "protected and would be deleted"),
        ({"events": [told("quota exceeded", URN), told("update failed")]},
         HoabanError, "quota exceeded"),
        ({"events": [told("first", URN), told("second", URN)]}, ManyErrors, "second"),
        ({"stderr": "error: no changes were expected but changes were proposed\n"},
         HoabanError, "no changes were expected"),
        ({"stderr": "error: could not load plugin\n"}, HoabanError, "could not load plugin"),
    ],
)  # fmt: skip
def test_errors(
    official: Official, scenario: dict[str, Any], kind: type[HoabanError], match: str
) -> None:
    official.scenario(code=255, **scenario)
    with pytest.raises(kind, match=match) as caught:
        official.lab.up()
    if kind is not ManyErrors and "events" in scenario:
        assert caught.value.where
        assert caught.value.where.urn == URN


def test_errors_of_programs() -> None:
    trace = "Program failed with an unhandled exception:\nTraceback …\n{}"
    ours = trace.format("hoaban.errors.HoabanError: no such zone\n  mend: take another")
    (error,) = errors_of([(ours, "")], "")
    assert (error.what, error.mend) == ("no such zone", "take another")
    (error,) = errors_of([(trace.format("ValueError: x"), "")], "")
    assert error.what == "the program failed: ValueError: x"
    assert "Traceback" in str(error.detail)
    (error,) = errors_of([], "")
    assert "without a word" in error.what


def test_a_wrong_passphrase(official: Official) -> None:
    official.lab.up()
    official.lab.passphrase_file.write_text("another\n")
    with pytest.raises(HoabanError, match="is wrong for this stack"):
        official.lab.up()


def test_a_locked_stack(official: Official) -> None:
    lab = official.lab
    lab.up()
    folder = lab.folder / "backend/.pulumi/locks/organization/shop/dev"
    folder.mkdir(parents=True, exist_ok=True)
    body = {"pid": 1, "username": "lan", "hostname": "may-1", "timestamp": "2026-01-01T00:00:00Z"}
    (folder / "x.json").write_text(json.dumps(body))
    official.scenario(code=255, stderr="error: the stack is currently locked by 1 lock(s).\n")
    with pytest.raises(LockedError, match="lan"):
        lab.up()


def test_a_journal_is_the_embedded_engines_to_recover(official: Official) -> None:
    official.lab.up()
    journal = official.lab.folder / "backend/.pulumi/journals/shop/dev.jsonl"
    journal.parent.mkdir(parents=True, exist_ok=True)
    journal.write_text("{}\n")
    with pytest.raises(HoabanError, match="not recovered yet"):
        official.lab.up()


def test_saved_plans_are_refused(official: Official) -> None:
    with pytest.raises(HoabanError, match="saved plans") as caught:
        official.lab.preview(record=True)
    assert "--engine embedded" in str(caught.value)


def test_ctrl_c(official: Official) -> None:
    """The command is asked once to stop, and let finish."""
    official.scenario(waits=True, code=255, events=[summary(create=1)])

    def press() -> None:
        until = time.monotonic() + 120
        while not (official.folder / "running").exists() and time.monotonic() < until:
            time.sleep(0.02)
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=press)
    thread.start()
    with pytest.raises(Interrupted, match="calls under way were let finish"):
        official.lab.up()
    thread.join()


def test_which_engine(official: Official, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a choice it is the official one only where its plugin is, too."""
    monkeypatch.setenv("PULUMI_HOME", str(official.folder))
    assert engine_for(EngineName.AUTO).name == "embedded"
    assert engine_for(EngineName.OFFICIAL).name == "official"
    plugin = official.folder / "plugins/resource-openstack-v5.5.3/pulumi-resource-openstack"
    plugin.parent.mkdir(parents=True)
    plugin.touch()
    assert engine_for(EngineName.AUTO).name == "official"
    assert engine_for(EngineName.EMBEDDED).name == "embedded"
    monkeypatch.setenv("PATH", "/nowhere")
    assert engine_for(EngineName.AUTO).name == "embedded"
    with pytest.raises(HoabanError, match="the pulumi command is not on this machine"):
        engine_for(EngineName.OFFICIAL)


@pytest.mark.skipif(not available(), reason="the pulumi command and its openstack plugin")
@pytest.mark.parametrize("first", ["embedded", "official"])
def test_the_real_command_takes_turns_with_the_embedded_engine(lab: Lab, first: str) -> None:
    """A stack without resources of a cloud, made by one engine, is unchanged to the other."""
    program = """
    config = pulumi.Config()
    Group("g")
    export("size", config.get("size"))
    export("token", config.require_secret("token"))
    """
    lab.config = {"size": "3", "token": Secret("hush")}
    engines = {"embedded": lab.engine, "official": OfficialEngine()}
    second = {"embedded": "official", "official": "embedded"}[first]
    for name in (first, second, first):
        lab.engine = engines[name]  # type: ignore[assignment]
        result = lab.up(program)
        assert result.outputs == {"size": "3", "token": Secret("hush")}
        assert result.changed == (name == first and result.changes.get("create", 0) > 0)
    lab.run("destroy")
    assert lab.resources() == {}


@pytest.mark.skipif(not available(), reason="the pulumi command and its openstack plugin")
@pytest.mark.parametrize("first", ["embedded", "official"])
def test_the_real_command_imports_as_the_embedded_engine(lab: Lab, first: str) -> None:
    """A component, which takes no cloud: what one engine imported is the same to the other."""
    lab.program("")
    component = ImportSpec(type="fake:index:Group", name="g", component=True)
    request = ImportRequest(resources=[component], names={}, generate_code=False)
    engines = {"embedded": lab.engine, "official": OfficialEngine()}
    second = {"embedded": "official", "official": "embedded"}[first]
    for name in (first, second):
        lab.engine = engines[name]  # type: ignore[assignment]
        result = bring(lab, request)
        assert result.changed == (name == first)
    assert lab.resources()["g"]["protect"]
