"""Waiting for a hypervisor's compute service."""

from __future__ import annotations

import subprocess
import sys
import time
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from hoaban.errors import HoabanError
from hoaban.lab import hypervisor, lock
from hoaban.lab.hypervisor import Hypervisor, choose

if TYPE_CHECKING:
    from pathlib import Path

    from hoaban.lab.layout import Layout

HOLD = """
import sys
from pathlib import Path
from hoaban.lab.lock import locked
with locked("down", Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


class Compute:
    """Nova's list of services: each call gives the next answer."""

    def __init__(self, *reports: str | None) -> None:
        self.reports = list(reports)

    def services(self, **_: str) -> list[Any]:
        report = self.reports.pop(0)
        return [SimpleNamespace(state="up", updated_at=report)]


def test_a_service_that_has_never_reported_is_waited_for(
    layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    # On a new lab Nova has no time of the first report yet, and says null.
    monkeypatch.setattr(hypervisor, "_has_node", lambda *_: True)
    monkeypatch.setattr(time, "sleep", lambda _: None)
    processes = {Hypervisor.QEMU.program: {"statename": "RUNNING", "start": 1_000}}
    compute = Compute(None, "1970-01-01T00:00:10", "1970-01-01T00:16:41")
    found = hypervisor._wait_until_up(
        layout, SimpleNamespace(processes=lambda: processes), compute, Hypervisor.QEMU
    )
    assert found.updated_at == "1970-01-01T00:16:41"
    assert compute.reports == []


def test_a_service_that_is_still_stopping_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    # Chosen again right after it was given up: started now, it would be gone a moment later.
    monkeypatch.setattr(time, "sleep", lambda _: None)
    states = ["STOPPING", "STOPPING", "STOPPED"]
    supervisor = SimpleNamespace(
        processes=lambda: {Hypervisor.FAKE.program: {"statename": states.pop(0)}}
    )
    hypervisor._wait_until_stopped(supervisor, Hypervisor.FAKE)
    assert states == []


@pytest.fixture
def other_lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A lock of the test's own: the machine's may be held by whoever uses its lab."""
    path = tmp_path / "lock"
    monkeypatch.setattr(lock, "lock_file", lambda: path)
    return path


def test_a_choice_is_refused_while_another_hand_is_at_work(
    layout: Layout, other_lock: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hypervisor, "_choose", lambda *_: pytest.fail("chosen without the lock"))
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, other_lock],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert holder.stdout
    assert holder.stdout.readline() == "held\n"
    with pytest.raises(HoabanError, match="another `hoaban lab down`"):
        choose(layout, Hypervisor.FAKE)
    holder.communicate()


def test_a_choice_holds_the_lock_and_is_a_part_of_up(
    layout: Layout, other_lock: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    notes: list[str] = []

    def note(*_: Any) -> bool:
        notes.append(other_lock.read_text())
        return True

    monkeypatch.setattr(hypervisor, "_choose", note)
    assert choose(layout, Hypervisor.FAKE)
    with lock.locked("up"):
        assert choose(layout, Hypervisor.QEMU)
    assert '"verb": "up --hypervisor fake"' in notes[0]
    assert '"verb": "up"' in notes[1]
