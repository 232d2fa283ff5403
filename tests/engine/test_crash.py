"""Killed with -9 at every instant that matters: the next run ends with exactly what was declared.

The engine runs in a forked process that kills itself at the n-th of: a call reaching the cloud, a
call having changed the cloud, a line of the journal, a file of the backend put in place. Every n is
tried until a run comes through.
"""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

import pytest

from hoaban import files
from hoaban.engine.embedded.journal import Journal
from tests.engine.direct import (
    Declared,
    Direct,
    assert_clean,
    check_result,
    check_truth,
    load_cloud,
    save_cloud,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

BEFORE = (
    Declared("net", {"cidr": 1}),
    Declared("disk", {"replace_size": 1}, delete_before_replace=True),
    Declared("mount", {}, uses=("disk",), replaced_with=True),
    Declared("web", {"replace_image": 1, "x": 1}, uses=("net",)),
    Declared("old", {}, uses=("net",)),
)
AFTER = (
    Declared("net", {"cidr": 2}),
    Declared("disk", {"replace_size": 2}, delete_before_replace=True),
    Declared("mount", {}, uses=("disk",), replaced_with=True),
    Declared("web", {"replace_image": 2, "x": 1}, uses=("net",)),
    Declared("new", {}, uses=("web",)),
)


class Countdown:
    """Kills this process at the n-th tick."""

    def __init__(self, ticks: int) -> None:
        self.left = ticks

    def tick(self) -> None:
        self.left -= 1
        if self.left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    def around(self, function: Callable[..., object]) -> Callable[..., object]:
        def ticking(*args: object, **kwargs: object) -> object:
            self.tick()
            result = function(*args, **kwargs)
            self.tick()
            return result

        return ticking


def direct_in(folder: Path, place: Path | str = "") -> Direct:
    """The stack of a folder, whose cloud is there, too; its state may be in another place."""
    cloud = load_cloud(folder / "cloud.json")
    return Direct(place or folder / "state", cloud, locked=True)


def run_until(
    ticks: int, folder: Path, work: Callable[[Direct], object], place: Path | str = ""
) -> bool:
    """Run in a process that is killed at a tick; tells whether it came through."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            countdown = Countdown(ticks)
            direct = direct_in(folder, place)
            cloud = direct.cloud
            save = cloud.on_change
            cloud.on_change = countdown.around(save)
            cloud.enter = countdown.around(cloud.enter)  # type: ignore[method-assign]
            Journal.sync = countdown.around(Journal.sync)  # type: ignore[method-assign]
            Journal.remove = countdown.around(Journal.remove)  # type: ignore[method-assign]
            files._write_synced = countdown.around(files._write_synced)  # type: ignore[assignment]
            files.sync_folder = countdown.around(files.sync_folder)  # type: ignore[assignment]
            work(direct)
            code = 0
        finally:
            os._exit(code)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        assert os.WTERMSIG(status) == signal.SIGKILL
        return False
    assert os.WEXITSTATUS(status) == 0, "the run itself failed"
    return True


def prepare(folder: Path, program: Sequence[Declared], place: Path | str = "") -> None:
    direct = direct_in(folder, place)
    assert_clean(direct.up(program))
    save_cloud(direct.cloud, folder / "cloud.json")
    check_result(direct, program)


def walk(
    memory_path: Path, work: Callable[[Direct], object], check: Callable[[Direct], None]
) -> int:
    """Kill a run at every tick, each time from the same start; returns how many there were."""
    ticks = 0
    while True:
        ticks += 1
        folder = memory_path / str(ticks)
        folder.mkdir()
        prepare(folder, BEFORE)
        if run_until(ticks, folder, work):
            return ticks - 1
        after = direct_in(folder)
        check_truth(after)
        check(after)


def test_killed_during_an_update(memory_path: Path) -> None:
    def go_on(direct: Direct) -> None:
        assert_clean(direct.up(AFTER))
        check_result(direct, AFTER)

    assert walk(memory_path, lambda direct: direct.up(AFTER), go_on) > 60


def test_killed_during_an_update_and_then_destroyed(memory_path: Path) -> None:
    def give_up(direct: Direct) -> None:
        assert_clean(direct.destroy())
        check_result(direct, ())

    assert walk(memory_path, lambda direct: direct.up(AFTER), give_up) > 60


def test_killed_during_an_update_and_then_refreshed_and_undone(memory_path: Path) -> None:
    def undo(direct: Direct) -> None:
        assert_clean(direct.refresh())
        check_truth(direct)
        assert_clean(direct.up(BEFORE))
        check_result(direct, BEFORE)

    assert walk(memory_path, lambda direct: direct.up(AFTER), undo) > 60


def test_killed_during_a_destroy(memory_path: Path) -> None:
    def go_on(direct: Direct) -> None:
        assert_clean(direct.destroy())
        check_result(direct, ())

    assert walk(memory_path, lambda direct: direct.destroy(), go_on) > 30


def test_killed_twice(memory_path: Path) -> None:
    """The recovery itself is killed, at every tick of it."""
    first = 41
    ticks = 0
    while True:
        ticks += 1
        folder = memory_path / str(ticks)
        folder.mkdir()
        prepare(folder, BEFORE)
        assert not run_until(first, folder, lambda direct: direct.up(AFTER))
        if run_until(ticks, folder, lambda direct: direct.up(AFTER)):
            break
        after = direct_in(folder)
        check_truth(after)
        assert_clean(after.up(AFTER))
        check_result(after, AFTER)
    assert ticks > 40


@pytest.mark.parametrize("continue_on_error", [False, True])
def test_a_create_that_nobody_knows_the_end_of(memory_path: Path, continue_on_error: bool) -> None:
    """Made, but the answer was lost: found by its key, not made twice."""
    direct = Direct(memory_path, load_cloud(memory_path / "cloud.json"))
    direct.cloud.fail["after create web"] = ConnectionResetError("lost")
    failures = direct.up(BEFORE, continue_on_error=continue_on_error)
    assert [str(one) for one in failures.errors()] == ["lost"]
    check_truth(direct)
    made = direct.cloud.by_name("web").id
    direct.cloud.fail.clear()
    assert_clean(direct.up(BEFORE))
    check_result(direct, BEFORE)
    assert direct.cloud.by_name("web").id == made
