from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import pytest
from rich.console import Console

from hoaban.errors import ExitCode, HoabanError
from hoaban.provision.display import fleet as display
from hoaban.provision.display.fleet import FleetProgress
from hoaban.provision.fleet import Action, Outcome
from hoaban.sidebyside import describe, each, error_of

if TYPE_CHECKING:
    from collections.abc import Mapping


def shown(monkeypatch: pytest.MonkeyPatch, *, terminal: bool) -> io.StringIO:
    out = io.StringIO()
    console = Console(file=out, width=100, force_terminal=terminal, color_system=None)
    monkeypatch.setattr(display, "stderr", lambda: console)
    return out


def two(progress: FleetProgress) -> None:
    with progress:
        progress.took("xa-ba", ok=True, words="58 created", seconds=12.3)
        progress.took("xa-hai", ok=False, words="the quota is too small", seconds=1)


def test_piped_it_is_a_line_each(monkeypatch: pytest.MonkeyPatch) -> None:
    out = shown(monkeypatch, terminal=False)
    two(FleetProgress("Provisioning agencies", 12, width=6))
    assert out.getvalue().splitlines() == [
        "Provisioning agencies: 12",
        "✓  1/12 xa-ba   58 created (12.3 s)",
        "✗  2/12 xa-hai  the quota is too small (1.0 s)",
    ]


def test_quiet_it_is_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    out = shown(monkeypatch, terminal=False)
    two(FleetProgress("Provisioning agencies", 2, quiet=True))
    assert out.getvalue() == ""


def test_a_terminal_has_a_count_below_the_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    out = shown(monkeypatch, terminal=True)
    progress = FleetProgress("Provisioning agencies", 12, side_by_side=4, width=6)
    two(progress)
    assert "✓  1/12 xa-ba   58 created (12.3 s)" in out.getvalue()
    assert "Provisioning agencies  2 of 12, 1 failed, 4 under way, 0 s" in out.getvalue()


def test_under_way_are_no_more_than_are_left(monkeypatch: pytest.MonkeyPatch) -> None:
    out = shown(monkeypatch, terminal=True)
    progress = FleetProgress("Planning", 3, side_by_side=4)
    two(progress)
    assert "2 of 3, 1 failed, 1 under way" in out.getvalue()


@pytest.mark.parametrize(
    ("action", "result", "words"),
    [
        (Action.PLAN, {"changes": {"same": 3, "read": 1}}, "unchanged"),
        (
            Action.PLAN,
            {"changes": {"create": 2, "delete": 1, "same": 3}, "losses": ["a", "b"]},
            "2 to create, 1 to delete, loses data: 2 objects",
        ),
        (Action.UP, {"changes": {"create": 2, "update": 1}}, "2 created, 1 updated"),
        (Action.REFRESH, {"changes": {"refresh": 5, "update": 1}}, "1 updated"),
    ],
)
def test_an_outcome_in_words(action: Action, result: Mapping[str, Any], words: str) -> None:
    assert describe(Outcome("xa-ba", 1, result), action) == words


def test_a_failure_in_words_is_the_first_thing_that_is_wrong() -> None:
    error = {
        "error": {"what": "the quota is too small", "where": {"file": "f"}, "mend": "raise it"}
    }
    assert describe(Outcome("xa-ba", 1, error=error), Action.UP) == "the quota is too small"
    assert error_of(Outcome("xa-ba", 1)) is None
    stopped = error_of(Outcome("xa-ba", 1, error=error, stopped=True))
    assert stopped is not None
    assert stopped.exit_code == ExitCode.INTERRUPTED
    assert str(stopped.where) == "f"


def test_work_in_threads_keeps_the_order_and_each_error(monkeypatch: pytest.MonkeyPatch) -> None:
    out = shown(monkeypatch, terminal=False)

    def work(agency: str) -> int:
        if agency == "xa-ba":
            raise HoabanError("it does not answer")
        return len(agency)

    names = ["xa-hai", "xa-ba", "xa-bon"]
    found = each("Verifying", names, work, lambda n: (n > 5, f"{n} letters"), parallel=2)
    assert list(found) == names
    assert (found["xa-hai"], found["xa-bon"]) == (6, 6)
    assert isinstance(found["xa-ba"], HoabanError)
    assert "xa-ba   it does not answer" in out.getvalue()


def test_a_defect_in_a_thread_is_raised_and_the_rest_let_go(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shown(monkeypatch, terminal=False)
    begun: list[str] = []

    def work(agency: str) -> None:
        begun.append(agency)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        each("Verifying", [str(n) for n in range(500)], work, lambda _: (True, ""), parallel=1)
    assert len(begun) < 500
