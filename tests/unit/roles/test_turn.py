"""Few tests at a time, one of each scenario, and what a killed one leaves."""

from __future__ import annotations

import signal
import subprocess
import sys
from contextlib import ExitStack
from typing import TYPE_CHECKING
from unittest.mock import Mock

import pytest

from hoaban.testing.turn import seat, turn

if TYPE_CHECKING:
    from pathlib import Path

HOLD = """\
import sys, time
from pathlib import Path
from hoaban.testing.turn import turn
with turn("role/other", Path(sys.argv[1]), print, Path(sys.argv[2])):
    print("holding", flush=True)
    sys.stdin.readline()
"""


def nothing(_: Path) -> None:
    """Clear nothing."""


def holder(home: Path, folder: Path) -> subprocess.Popen[str]:
    """Another process that has its turn until it reads a line."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(home), str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "holding\n"
    return process


def test_the_next_waits_and_is_told_for_whom(tmp_path: Path) -> None:
    other = holder(tmp_path / "home", tmp_path)
    waiting = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path), str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert waiting.stdout is not None
    assert "waiting for the test of another checkout" in waiting.stdout.readline()
    other.communicate("\n")
    assert waiting.communicate("\n")[0].endswith("holding\n")


def test_what_a_killed_one_left_is_cleared(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    other = holder(home, tmp_path)
    other.send_signal(signal.SIGKILL)
    other.communicate()
    cleared: list[Path] = []
    with turn("role/other", tmp_path, cleared.append, tmp_path):
        assert cleared == [home]
    with turn("role/other", tmp_path, cleared.append, tmp_path):
        assert cleared == [home], "one that ended leaves nothing"


def test_one_whose_checkout_is_gone_leaves_nothing_to_clear(tmp_path: Path) -> None:
    def interrupted() -> None:
        with turn("role", tmp_path / "gone", nothing, tmp_path):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    cleared: list[Path] = []
    with turn("role", tmp_path, cleared.append, tmp_path):
        assert cleared == []


def test_scenarios_do_not_wait_for_each_other(tmp_path: Path) -> None:
    with (
        turn("role", tmp_path, nothing, tmp_path),
        turn("role/other", tmp_path, nothing, tmp_path),
    ):
        assert len(list(tmp_path.glob("*.lock"))) == 2


def test_no_more_than_there_are_seats(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pauses = []

    def leave(_: float) -> None:
        pauses.append(1)
        first.close()

    monkeypatch.setattr("hoaban.testing.turn.time.sleep", leave)
    monkeypatch.setattr("hoaban.testing.turn.stdout", Mock())
    with ExitStack() as first:
        first.enter_context(seat(2, tmp_path))
        with seat(2, tmp_path):
            assert pauses == []
            with seat(2, tmp_path):
                assert pauses == [1]
