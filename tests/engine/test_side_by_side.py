"""Processes side by side under Ctrl-C, as a terminal sends it: to all processes of the group."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest

from hoaban.engine.embedded import lock
from hoaban.engine.embedded.backend import Backend, StackName
from tests.engine.conftest import Lab
from tests.engine.crowd import PROGRAM, WORKERS
from tests.engine.direct import load_cloud

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT = Path(__file__).parents[2]
STACKS = 4


class Crowd:
    """The command, with as many stacks under way as it has workers."""

    def __init__(self, folder: Path) -> None:
        self.folders = [folder / str(number) for number in range(STACKS)]
        for one in self.folders:
            one.mkdir()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.engine.crowd", *map(str, self.folders)],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        assert eventually(lambda: len(self.begun()) == WORKERS), "both workers have begun"
        self.workers = [int((one / "begun").read_text()) for one in self.begun()]

    def begun(self) -> list[Path]:
        return [one for one in self.folders if (one / "begun").exists()]

    def press(self) -> None:
        os.killpg(self.process.pid, signal.SIGINT)

    def hear(self) -> str:
        assert self.process.stderr is not None
        return self.process.stderr.readline()

    def go_on(self) -> None:
        for one in self.folders:
            (one / "go-on").touch()

    def lab(self, folder: Path) -> Lab:
        lab = Lab(folder, load_cloud(folder / "cloud.json"))
        lab.program(PROGRAM)
        return lab

    def unlocked(self) -> bool:
        name = StackName("shop", "dev")
        return not any(lock.holders(Backend(one / "backend"), name) for one in self.folders)

    def all_gone(self) -> bool:
        return not any(psutil.pid_exists(pid) for pid in self.workers)


def eventually(true: Callable[[], bool], seconds: float = 60) -> bool:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if true():
            return True
        time.sleep(0.05)
    return False


@pytest.fixture
def crowd(tmp_path: Path) -> Iterator[Crowd]:
    crowd = Crowd(tmp_path)
    yield crowd
    crowd.go_on()
    if crowd.process.poll() is None:
        crowd.process.kill()
    crowd.process.communicate()
    eventually(crowd.all_gone)


def test_once_leaves_what_has_not_begun_and_ends_the_rest_whole(crowd: Crowd) -> None:
    begun = crowd.begun()
    crowd.press()
    assert crowd.hear().startswith("stopping: agencies that have not begun are left")
    # The workers look at what they are told a few times a second; only then let calls return.
    time.sleep(1)
    crowd.go_on()
    out, err = crowd.process.communicate(timeout=60)
    assert (crowd.process.returncode, err) == (0, ""), "no worker says anything of its own"
    told = json.loads(out)
    assert sorted(told.values()) == ["interrupted"] * WORKERS + ["not begun"] * (STACKS - WORKERS)
    assert crowd.begun() == begun
    assert crowd.unlocked()
    for folder in begun:
        lab = crowd.lab(folder)
        assert set(lab.resources()) == {"shop-dev", "default", "a", "b"}
        assert lab.up().changes == {"same": 4, "create": 1}


def test_twice_waits_for_nothing_and_the_next_run_goes_on(crowd: Crowd) -> None:
    crowd.press()
    crowd.hear()
    began = time.monotonic()
    crowd.press()
    crowd.process.communicate(timeout=60)
    assert crowd.process.returncode == 130
    assert eventually(crowd.all_gone)
    assert time.monotonic() - began < 30, "calls are held for two minutes"
    assert crowd.unlocked()
    for folder in crowd.begun():
        lab = crowd.lab(folder)
        lab.up()
        assert lab.cloud.names("create") == ["b", "c"]
        assert len(lab.cloud.things) == 3


def test_no_worker_outlives_a_command_that_was_killed(crowd: Crowd) -> None:
    crowd.process.kill()
    time.sleep(1)
    crowd.go_on()
    assert eventually(crowd.all_gone)
    assert crowd.unlocked(), "what was under way came to a whole state"
    for folder in crowd.begun():
        assert set(crowd.lab(folder).resources()) == {"shop-dev", "default", "a", "b"}


def test_a_worker_that_dies_takes_no_other_along(crowd: Crowd) -> None:
    """As the kernel does it where memory runs out. The pool ends the other worker by SIGTERM."""
    first, second = crowd.begun()
    os.kill(int((first / "begun").read_text()), signal.SIGKILL)
    time.sleep(1)
    crowd.go_on()
    out, err = crowd.process.communicate(timeout=120)
    assert (crowd.process.returncode, err) == (0, "")
    told = {Path(folder): became for folder, became in json.loads(out).items()}
    assert told.pop(first) == "died"
    assert second in told
    assert set(told) == set(crowd.folders) - {first}
    assert set(told.values()) == {"done"}
    name = StackName("shop", "dev")
    held = [one for one in crowd.folders if lock.holders(Backend(one / "backend"), name)]
    assert held == [first], "its process is dead: hoaban cancel releases it"
    for folder in told:
        lab = crowd.lab(folder)
        assert set(lab.resources()) == {"shop-dev", "default", "a", "b", "c"}
        assert len(lab.cloud.things) == 3
    assert lock.release(Backend(first / "backend"), name)
    lab = crowd.lab(first)
    lab.up()
    assert len(lab.cloud.things) == 3


def test_a_time_limit_stops_it_as_ctrl_c_does(crowd: Crowd) -> None:
    crowd.process.terminate()
    assert crowd.hear().startswith("stopping: ")
    time.sleep(1)
    crowd.go_on()
    out, _ = crowd.process.communicate(timeout=60)
    assert sorted(json.loads(out).values()) == ["interrupted"] * WORKERS + ["not begun"] * 2
    assert crowd.unlocked()
