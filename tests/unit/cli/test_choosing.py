"""Flags that choose resources: what reaches the engine, and what makes no sense."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import typer
from typer.testing import CliRunner

from hoaban import console
from hoaban.cli import destroy as destroy_verb
from hoaban.cli import plan as plan_verb
from hoaban.cli import refresh as refresh_verb
from hoaban.cli import up as up_verb
from hoaban.cli.choosing import choose
from hoaban.engine.api import PARALLEL, Options, UpdateKind, UpdateResult
from hoaban.errors import UsageError
from hoaban.provision import operations
from hoaban.provision.operations import Plan
from tests.cloud.province import SmallProvince

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

CHOSEN = [
    "--target", "a", "--target", "**::b", "--target-dependents", "--operations", "3",
]  # fmt: skip
EXCLUDED = ["--exclude", "a", "--exclude-dependents"]
VERBS: dict[str, Callable[..., None]] = {
    "plan": plan_verb.plan,
    "up": up_verb.up,
    "refresh": refresh_verb.refresh,
    "destroy": destroy_verb.destroy,
}
RESULT = UpdateResult(UpdateKind.UPDATE, {"same": 1}, [], {}, 0.1)


@pytest.fixture
def asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Options]:
    """Options that operations were asked with; none of them does anything."""
    small = SmallProvince(tmp_path / "checkout")
    small.write()
    monkeypatch.setenv("HOABAN_ROOT", str(small.folder))
    monkeypatch.delenv("HOABAN_HOME", raising=False)
    found: list[Options] = []

    def operate(*_: object, options: Options, **__: object) -> UpdateResult:
        found.append(options)
        return RESULT

    def plan(*_: object, options: Options, **__: object) -> Plan:
        found.append(options)
        return Plan(RESULT, [], [])

    for verb in ("up", "refresh", "destroy"):
        monkeypatch.setattr(operations, verb, operate)
    monkeypatch.setattr(operations, "plan", plan)
    return found


def run(verb: str, *words: str) -> Any:
    """The verb's outcome on an agency that nobody is asked about."""
    app = typer.Typer()
    app.command()(VERBS[verb])
    usual = {"up": ["--provision-only", "--yes"], "destroy": ["--yes"]}.get(verb, [])
    fresh_consoles()
    try:
        return CliRunner().invoke(app, ["so-thu-nghiem", *usual, *words])
    finally:
        fresh_consoles()


def fresh_consoles() -> None:
    """Consoles hold the streams that they were made with, which the runner closes."""
    console.stdout.cache_clear()
    console.stderr.cache_clear()


@pytest.mark.parametrize("verb", VERBS)
def test_what_is_chosen_reaches_the_engine(asked: list[Options], verb: str) -> None:
    assert run(verb, *CHOSEN).exit_code == 0
    assert asked[0].targets == ("a", "**::b")
    assert asked[0].target_dependents
    assert asked[0].parallel == 3
    assert run(verb, *EXCLUDED, "--diff", *(["--json"] if verb != "up" else [])).exit_code == 0
    assert (asked[1].excludes, asked[1].exclude_dependents) == (("a",), True)
    assert asked[1].parallel == PARALLEL


@pytest.mark.parametrize("verb", ["plan", "up"])
def test_replacements_reach_the_engine(asked: list[Options], verb: str) -> None:
    assert run(verb, "--replace", "a", "--replace", "b", "--refresh").exit_code == 0
    assert (asked[0].replace, asked[0].refresh) == (("a", "b"), True)


def test_how_up_and_destroy_go_on(asked: list[Options]) -> None:
    assert run("up", "--continue-on-error", "--expect-no-changes").exit_code == 0
    assert (asked[0].continue_on_error, asked[0].expect_no_changes) == (True, True)
    assert run("destroy", "--continue-on-error", "--refresh").exit_code == 0
    assert (asked[1].continue_on_error, asked[1].refresh) == (True, True)


@pytest.mark.parametrize("verb", ["plan", "refresh", "destroy"])
def test_differences_are_told_to_programs(asked: list[Options], verb: str) -> None:
    told = run(verb, "--diff", "--json")
    assert json.loads(told.stdout)["properties"] == {}
    assert "properties" not in json.loads(run(verb, "--json").stdout)


@pytest.mark.parametrize("verb", VERBS)
def test_targets_and_exclusions_are_not_for_one_run(asked: list[Options], verb: str) -> None:
    error = run(verb, "--target", "a", "--exclude", "b").exception
    assert isinstance(error, UsageError)
    assert "--target and --exclude exclude each other" in error.what
    assert asked == []


@pytest.mark.parametrize(
    ("flags", "what"),
    [
        ({"target_dependents": True}, "--target-dependents goes with --target"),
        ({"exclude_dependents": True}, "--exclude-dependents goes with --exclude"),
        ({"replace": ["a"], "exclude": ["a"]}, "both to be replaced and excluded: a"),
        ({"one": False, "target": ["a"]}, "--target goes with one stack only"),
        ({"one": False, "exclude": ["a"]}, "--exclude goes with one stack only"),
        ({"one": False, "replace": ["a"]}, "--replace goes with one stack only"),
        ({"one": False, "diff": True}, "--diff goes with one stack only"),
    ],
)
def test_flags_that_make_no_sense(flags: dict[str, Any], what: str) -> None:
    with pytest.raises(UsageError, match=what):
        choose(**flags)


def test_a_saved_plan_has_choices_of_its_own(asked: list[Options], tmp_path: Path) -> None:
    for flag in ("--exclude", "--replace", "--target"):
        error = run("up", "--plan", str(tmp_path / "plan.json"), flag, "a").exception
        assert isinstance(error, UsageError)
        assert "a saved plan has" in error.what


def test_up_tells_no_properties_to_programs(asked: list[Options]) -> None:
    error = run("up", "--diff", "--json").exception
    assert isinstance(error, UsageError)
    assert "hoaban plan AGENCY --diff --json" in (error.mend or "")
