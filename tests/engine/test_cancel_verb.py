"""``hoaban cancel``: a dead operation's lock goes, a live one's only when a person says so."""

from __future__ import annotations

import json
import socket
import subprocess
from pathlib import Path

import pytest
from typer.testing import CliRunner

from hoaban import console
from hoaban.cli import app
from hoaban.engine.embedded import lock
from hoaban.engine.embedded.backend import Backend, StackName
from hoaban.model import load
from hoaban.workspace import Workspace

ROOT = Path(__file__).parents[2]


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    monkeypatch.setenv("HOABAN_HOME", str(tmp_path))
    monkeypatch.setenv("HOABAN_ROOT", str(ROOT))
    return Workspace.find()


def hold(workspace: Workspace, pid: int) -> tuple[Backend, StackName]:
    backend = Backend(workspace.backend)
    name = StackName("province", load(workspace.inventory).spec.slug)
    folder = backend.storage.path(backend.locks_prefix(name))
    folder.mkdir(parents=True)
    body = {"pid": pid, "username": "lan", "hostname": socket.gethostname(), "timestamp": "t"}
    (folder / "5d0c8e3e.json").write_text(json.dumps(body))
    return backend, name


def run(*arguments: str, answer: str = "") -> tuple[int, str]:
    console.stdout.cache_clear()  # it keeps the standard output it was first used with
    result = CliRunner().invoke(app, ["cancel", *arguments], input=answer)
    console.stdout.cache_clear()
    return result.exit_code, result.output


def test_a_dead_operation(workspace: Workspace) -> None:
    process = subprocess.Popen(["true"])
    process.wait()
    backend, name = hold(workspace, process.pid)
    code, told = run("--json")
    assert code == 0
    assert json.loads(told)["released"] == [
        f"lan on {socket.gethostname()}, process {process.pid}, since t"
    ]
    assert lock.holders(backend, name) == []
    assert "is not locked" in run()[1]


@pytest.mark.parametrize(("answer", "left"), [("n\n", 1), ("y\n", 0)])
def test_a_live_operation(workspace: Workspace, answer: str, left: int) -> None:
    backend, name = hold(workspace, 1)
    code, told = run(answer=answer)
    assert "not known to be dead" in told
    assert len(lock.holders(backend, name)) == left
    assert code == (1 if left else 0)
