"""What a person is told of a saved plan that can't be done: rows of docs/errors.md."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from hoaban import console
from hoaban.cli import main
from hoaban.model import ledgerfile
from hoaban.provision.engines import engine_for
from hoaban.provision.savedplan import FORMAT, SavedPlan, versions
from tests.unit.model.conftest import BASE
from tests.unit.provision.conftest import NO_CLOUD
from tests.user import Told, assert_told, assert_told_as_json

if TYPE_CHECKING:
    from pathlib import Path

UP = ("up", "so-a", "--provision-only", "--plan", "plan.json")
FILES: dict[str, str | None] = {
    "a file that is no saved plan": "{}",
    "a saved plan that was altered": "altered",
    "a saved plan that is not there": None,
}
BODIES: dict[str, dict[str, Any]] = {
    "a saved plan of another stack": {"stack": "agency/xa-b"},
    "a saved plan of another version": {
        "versions": {**versions(engine_for()), "hoaban": "0.0.1"},
    },
    "a state that moved since the plan": {"base": "another"},
}
NO_PLAN, NO_KEY = "a plan that was not asked for", "a planner without a key"
UNAPPROVED, OWN = "a plan that nobody approved", "a planner who approves"
STRANGER, UNSIGNABLE = "a key that does not count", "a key that cannot sign"


@dataclass(frozen=True)
class Person:
    """Somebody who runs the command in a folder. In this process: starting one takes seconds."""

    folder: Path
    monkeypatch: pytest.MonkeyPatch
    capsys: pytest.CaptureFixture[str]

    def run(self, *arguments: str) -> Told:
        fresh_consoles()
        self.monkeypatch.setattr(sys, "argv", ["hoaban", *arguments])
        self.capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        told = self.capsys.readouterr()
        fresh_consoles()
        return Told(int(ended.value.code or 0), told.out, told.err)


def fresh_consoles() -> None:
    """Consoles hold the streams they were made with; those of a test are closed after it."""
    console.stdout.cache_clear()
    console.stderr.cache_clear()


@pytest.fixture
def user(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Person:
    shutil.copytree(BASE, tmp_path / "inventory")
    ledgerfile.allocate(tmp_path / "inventory")
    clouds = tmp_path / "clouds.yaml"
    clouds.write_text(yaml.safe_dump({"clouds": {"lab": {"auth": NO_CLOUD}}}))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOABAN_ROOT", ".")
    monkeypatch.setenv("HOABAN_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("OS_CLIENT_CONFIG_FILE", str(clouds))
    return Person(tmp_path, monkeypatch, capsys)


def write_plan(user: Person, **body: Any) -> SavedPlan:
    """A plan of an agency that is not built, which would do nothing."""
    plan = SavedPlan(
        {
            "format": FORMAT,
            "stack": "agency/so-a",
            "made": "2026-11-01T00:00:00Z",
            "made_by": "an@desk",
            "versions": versions(engine_for()),
            "salt": "",
            "base": "",
            "options": {"refresh": False, "targets": []},
            "losses": [],
            "phases": [{"config": {}, "steps": [], "outputs": {}}],
            **body,
        }
    )
    plan.write(user.folder / "plan.json")
    return plan


def key(user: Person, name: str) -> str:
    file = user.folder / name
    command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(file)]
    subprocess.run(command, check=True)
    return name


@pytest.fixture
def signed(user: Person) -> Person:
    """The agency needs approvals; there is a plan by one of two people whose keys count."""
    file = user.folder / "inventory/agencies/so-a.yml"
    file.write_text(f"{file.read_text('utf-8')}approval: true\n", "utf-8")
    names = [key(user, "an"), key(user, "binh")]
    keys = [(user.folder / f"{name}.pub").read_text() for name in names]
    lines = [f"{name}@x {public}" for name, public in zip(names, keys, strict=True)]
    (user.folder / "inventory/allowed_signers").write_text("".join(lines))
    plan = write_plan(user)
    sign = ["ssh-keygen", "-Y", "sign", "-q", "-f", str(user.folder / "an"), "-n", "hoaban-plan"]
    armour = subprocess.run(
        sign, input=plan.signed_text, check=True, capture_output=True, text=True
    ).stdout
    content = json.loads((user.folder / "plan.json").read_text("utf-8"))
    content["signatures"] = [{"role": "hoaban-plan", "armour": armour}]
    (user.folder / "plan.json").write_text(json.dumps(content))
    return user


@pytest.mark.parametrize("name", FILES)
def test_a_file_that_cannot_be_done(user: Person, name: str) -> None:
    file, content = user.folder / "plan.json", FILES[name]
    if content == "altered":
        write_plan(user)
        file.write_text(file.read_text("utf-8").replace("an@desk", "binh@desk"))
    elif content is not None:
        file.write_text(content)
    assert_told(user.run(*UP), name)
    assert_told_as_json(user.run(*UP, "--json"), name)
    assert_told(user.run("approve", "plan.json"), name)


@pytest.mark.parametrize("name", BODIES)
def test_a_plan_of_something_else(user: Person, name: str) -> None:
    write_plan(user, **BODIES[name])
    assert_told(user.run(*UP), name)


def test_approvals(signed: Person) -> None:
    before = (signed.folder / "plan.json").read_bytes()
    assert_told(signed.run("up", "so-a", "--provision-only"), NO_PLAN)
    assert_told(signed.run("plan", "so-a", "--out", "new.json"), NO_KEY)
    assert_told(signed.run(*UP), UNAPPROVED)
    approve = ("approve", "plan.json", "--yes", "--key")
    assert_told(signed.run(*approve, "an"), OWN)
    assert_told(signed.run(*approve, key(signed, "stranger")), STRANGER)
    assert_told(signed.run(*approve, "nobody"), UNSIGNABLE)
    assert (signed.folder / "plan.json").read_bytes() == before
    done = signed.run(*approve, "binh", "--json")
    assert json.loads(done.out)["approvers"] == ["binh@x"]
    shown = signed.run("approve", "plan.json").out
    assert "planner: an@x\napproved by: binh@x\n" in shown
    assert "nothing would change" in shown


def test_a_plan_is_refused_beside_what_it_says_itself(user: Person) -> None:
    write_plan(user)
    assert user.run(*UP, "--refresh").code == 2
    assert user.run("up", "--all", "--plan", "plan.json").code == 2
    assert user.run("plan", "so-a", "--key", "k").code == 2
    assert user.run("plan", "--all", "--out", "new.json").code == 2
