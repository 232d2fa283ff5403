"""Ctrl-C on the whole command, in a process of its own: once, and twice.

The cloud is in memory and dies with the process, so it is written to a file at each change; a call
that was let finish is in it, one that was abandoned is not, or is there without the state knowing.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from hoaban.engine.embedded import lock
from hoaban.engine.embedded.backend import Backend, StackName
from hoaban.errors import ExitCode
from tests.engine.conftest import Lab
from tests.engine.direct import load_cloud

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
PROGRAM = """
a = Thing("a")
b = Thing("b", a=a.id)
c = Thing("c", b=b.id)
"""
COMMAND = """
import os, sys, time
from pathlib import Path

from hoaban import cli
from hoaban.engine.api import Options
from hoaban.engine.embedded import secrets
from tests.engine.conftest import Lab
from tests.engine.direct import load_cloud

secrets.PBKDF2_COUNT = 1000
folder = Path(sys.argv[1])
cloud = load_cloud(folder / "cloud.json")
lab = Lab(folder, cloud)


def begun():
    print("begun", flush=True)
    until = time.monotonic() + 60
    while not (folder / "go-on").exists() and time.monotonic() < until:
        time.sleep(0.02)


cloud.fail[os.environ["HOLD"]] = begun


def up(**_):
    lab.engine.up(lab.stack, Options(), lambda event: None)


cli.app = up
cli.main()
"""


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    lab = Lab(tmp_path, load_cloud(tmp_path / "cloud.json"))
    lab.program(PROGRAM)
    return lab


class Command:
    """A command that is held in one call to the cloud, until :meth:`go_on`."""

    def __init__(self, lab: Lab, hold: str, *words: str) -> None:
        self.folder = lab.folder
        (self.folder / "go-on").unlink(missing_ok=True)
        self.process = subprocess.Popen(
            [sys.executable, "-c", COMMAND, str(lab.folder), *words],
            cwd=ROOT,
            env={**os.environ, "HOLD": hold, "PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        assert self.process.stderr is not None
        assert self.process.stdout.readline() == "begun\n"

    def press(self) -> None:
        self.process.send_signal(signal.SIGINT)

    def hear(self) -> str:
        """The next line of standard error."""
        assert self.process.stderr is not None
        return self.process.stderr.readline()

    def go_on(self) -> None:
        (self.folder / "go-on").touch()

    def end(self) -> tuple[int, str, str]:
        """Exit status, standard output, standard error."""
        out, err = self.process.communicate(timeout=60)
        return self.process.returncode, out, err


@pytest.fixture
def commands() -> Iterator[list[Command]]:
    """Commands to be ended whatever happens."""
    started: list[Command] = []
    yield started
    for command in started:
        if command.process.poll() is None:
            command.process.kill()
            command.process.communicate()


def unlocked(lab: Lab) -> bool:
    return not lock.holders(Backend(lab.folder / "backend"), StackName("shop", "dev"))


def test_once_lets_the_call_finish_and_saves_the_state(lab: Lab, commands: list[Command]) -> None:
    command = Command(lab, "create b")
    commands.append(command)
    command.press()
    assert command.hear().startswith("stopping: nothing new begins")
    command.go_on()
    status, _, told = command.end()
    assert status == ExitCode.INTERRUPTED
    assert "the state is saved" in told
    assert set(lab.resources()) == {"shop-dev", "default", "a", "b"}
    assert unlocked(lab)
    cloud = load_cloud(lab.folder / "cloud.json")
    again = Lab(lab.folder, cloud)
    assert again.up().changes == {"same": 4, "create": 1}
    assert cloud.names("create") == ["c"]


@pytest.mark.parametrize("hold", ["create b", "after create b"])
def test_twice_stops_at_once_and_the_next_run_goes_on(
    lab: Lab, commands: list[Command], hold: str
) -> None:
    """The call is in the journal: what it made is adopted, what it did not make is made."""
    command = Command(lab, hold)
    commands.append(command)
    command.press()
    assert command.hear().startswith("stopping: ")
    began = time.monotonic()
    command.press()
    status, _, told = command.end()
    assert time.monotonic() - began < 20, "the call that is held was not waited for"
    assert status == ExitCode.INTERRUPTED
    assert told.startswith("error: stopped at once")
    assert "run the same command again" in told
    assert unlocked(lab)
    cloud = load_cloud(lab.folder / "cloud.json")
    made = {thing.properties["__name"] for thing in cloud.things.values()}
    assert made == ({"a", "b"} if hold.startswith("after") else {"a"})
    again = Lab(lab.folder, cloud)
    again.up()
    assert cloud.names("create") == (["c"] if hold.startswith("after") else ["b", "c"])
    assert set(again.resources()) == {"shop-dev", "default", "a", "b", "c"}
    assert len(cloud.things) == 3
    assert again.up().changes == {"same": 5}


def test_twice_tells_it_as_json_where_json_was_asked_for(lab: Lab, commands: list[Command]) -> None:
    command = Command(lab, "create b", "--json")
    commands.append(command)
    command.press()
    command.hear()
    command.press()
    _, out, _ = command.end()
    assert json.loads(out)["error"]["what"].startswith("stopped at once")
