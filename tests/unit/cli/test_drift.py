"""What was changed by hand, as ``plan`` and ``up`` tell it."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from rich.console import Console

from hoaban.cli import operation
from hoaban.cli.operation import consent
from hoaban.engine.api import Options, UpdateKind, UpdateResult
from hoaban.engine.drift import Deed, Difference, Drift, Fate, Sight, Unseen
from hoaban.provision import operations
from hoaban.provision.display.drift import render_drift, render_unseen
from hoaban.provision.drift import drift_json
from hoaban.provision.fleet import Action, Outcome
from hoaban.provision.operations import Plan
from hoaban.sidebyside import describe
from tests.unit.cli.test_choosing import asked, run
from tests.unit.provision.fakes import step

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rich.text import Text

__all__ = ("asked",)

AGENCY = "so-thu-nghiem"
SERVER = "openstack:compute/instance:Instance"
RULE = "openstack:networking/secGroupRule:SecGroupRule"
PORT = "openstack:networking/port:Port"
RENAMED = step("update", SERVER, "web-1")
GONE = step("create", RULE, "https")
KEPT = step("same", PORT, "web-1")
DEED = Deed("stop", "u-1", "req-1", "2026-11-30T00:59:00.000000")
SIGHT = Sight(
    [
        Drift(
            RENAMED.urn,
            SERVER,
            "s-1",
            Fate.CHANGED,
            [Difference("name", "web-1", "renamed"), Difference("powerState", "active", "shutoff")],
            "2026-11-30T01:00:00Z",
            DEED,
        ),
        Drift(GONE.urn, RULE, "r-1", Fate.REMOVED),
        Drift(
            KEPT.urn,
            PORT,
            "p-1",
            Fate.CHANGED,
            [Difference("adminStateUp", state=True, cloud=False)],
        ),
    ],
    [
        Unseen("openstack:objectstorage/container:Container", 12, "a list does not tell metadata"),
        Unseen("openstack:dns/zone:Zone", 1, "there is no DNS service"),
        Unseen("openstack:dns/recordSet:RecordSet", 3, "there is no DNS service"),
    ],
    looked=40,
)
RESULT = UpdateResult(
    UpdateKind.PREVIEW,
    {"same": 40, "update": 1, "create": 1},
    [RENAMED, GONE, KEPT],
    {},
    0.1,
    sight=SIGHT,
)
QUIET = replace(RESULT, changes={"same": 43}, steps=[], sight=Sight([], [], looked=43))


def told(lines: Iterable[Text]) -> str:
    console = Console(width=200)
    with console.capture() as captured:
        for line in lines:
            console.print(line)
    return captured.get()


def planned(monkeypatch: pytest.MonkeyPatch, result: UpdateResult) -> None:
    drift = drift_json(result, AGENCY, refreshed=False)
    monkeypatch.setattr(
        operations, "plan", lambda *_, **__: Plan(result, [], [], drift=drift)
    )  # fmt: skip


def test_each_object_is_told_with_what_differs_who_did_it_and_what_up_does() -> None:
    text = told(render_drift(drift_json(RESULT, AGENCY, refreshed=False)))
    assert text.splitlines() == [
        "changed by hand, since the last up or refresh:",
        "  ~ openstack:compute:Instance web-1 was changed",
        '      name: "web-1" => "renamed"',
        '      powerState: "active" => "shutoff"',
        (
            "      last changed 2026-11-30T01:00:00Z; stop by user u-1 at "
            "2026-11-30T00:59:00.000000 (request req-1); up brings it back"
        ),
        "  - openstack:networking:SecGroupRule https is gone",
        "      up makes it again",
        "  ~ openstack:networking:Port web-1 was changed",
        "      adminStateUp: true => false",
        "      up leaves it: the program does not say otherwise",
        "  to bring it back:  hoaban up so-thu-nghiem",
        (
            "  to keep it:        hoaban refresh so-thu-nghiem (and say it in the inventory, or "
            "the next up brings it back)"
        ),
    ]


def test_what_was_not_looked_at_is_told_a_line_a_reason() -> None:
    assert list(render_unseen(drift_json(RESULT, AGENCY, refreshed=False))) == [
        "not looked at: 12 openstack:objectstorage:Container: a list does not tell metadata",
        "not looked at: 1 openstack:dns:Zone, 3 openstack:dns:RecordSet: there is no DNS service",
    ]


def test_when_nothing_was_changed_there_is_nothing_to_tell() -> None:
    drift = drift_json(QUIET, None, refreshed=False)
    assert list(render_drift(drift)) == []
    assert list(render_unseen(drift)) == []
    assert drift["commands"] == {"revert": "hoaban up", "keep": "hoaban refresh"}


def test_a_state_that_was_believed_is_told_as_such() -> None:
    """The official engine takes no look, and with --no-refresh nobody does."""
    believed = drift_json(replace(RESULT, sight=None), AGENCY, refreshed=False)
    assert believed["compared_with"] == "state"
    (line,) = render_unseen(believed, AGENCY)
    assert line == (
        "so-thu-nghiem: compared with the state alone; changes by hand show with --refresh"
    )
    refreshed = drift_json(replace(RESULT, sight=None), AGENCY, refreshed=True)
    assert list(render_unseen(refreshed)) == []


def test_a_replacement_is_told_as_one() -> None:
    steps = [replace(RENAMED, op="create-replacement"), replace(RENAMED, op="delete-replaced")]
    drift = drift_json(replace(RESULT, steps=steps), AGENCY, refreshed=False)
    assert [one["up"] for one in drift["changed"]] == ["replace", "same", "same"]
    assert "up replaces it" in told(render_drift(drift))
    assert "nothing is left to do" in told(render_drift(drift))


# --- the verbs ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "refresh", "look"),
    [([], False, True), (["--refresh"], True, True), (["--no-refresh"], False, False)],
)
@pytest.mark.parametrize("verb", ["plan", "up"])
def test_how_the_cloud_is_looked_at(
    asked: list[Options], verb: str, words: list[str], refresh: bool, look: bool
) -> None:
    assert run(verb, *words).exit_code == 0
    assert (asked[0].refresh, asked[0].look) == (refresh, look)


def test_plan_tells_people(asked: list[Options], monkeypatch: pytest.MonkeyPatch) -> None:
    planned(monkeypatch, RESULT)
    outcome = run("plan")
    assert outcome.exit_code == 0
    assert "hoaban refresh so-thu-nghiem" in outcome.output
    assert "not looked at: 12 openstack:objectstorage:Container" in outcome.output
    assert asked == []


def test_plan_tells_programs(asked: list[Options], monkeypatch: pytest.MonkeyPatch) -> None:
    planned(monkeypatch, RESULT)
    drift = json.loads(run("plan", "--json").stdout)["drift"]
    assert drift["compared_with"] == "cloud"
    assert drift["objects"] == 40
    assert drift["commands"] == {
        "revert": "hoaban up so-thu-nghiem", "keep": "hoaban refresh so-thu-nghiem",
    }  # fmt: skip
    server, rule, port = drift["changed"]
    assert (server["fate"], server["up"], server["id"]) == ("changed", "update", "s-1")
    assert server["properties"][0] == {"path": "name", "state": "web-1", "cloud": "renamed"}
    assert server["by"]["request"] == "req-1"
    assert (rule["fate"], rule["up"], rule["by"]) == ("removed", "create", None)
    assert port["up"] == "same"
    assert drift["not_looked_at"][0] == {
        "type": "openstack:objectstorage/container:Container", "count": 12,
        "why": "a list does not tell metadata",
    }  # fmt: skip
    assert asked == []


def test_expecting_no_changes_minds_those_by_hand(
    asked: list[Options], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also those that ``up`` would leave as they are."""
    planned(monkeypatch, QUIET)
    assert run("plan", "--expect-no-changes").exit_code == 0
    kept = replace(QUIET, sight=Sight(SIGHT.drifts[2:], [], looked=43))
    planned(monkeypatch, kept)
    assert run("plan", "--expect-no-changes").exit_code == 4
    assert run("plan").exit_code == 0
    assert asked == []


def test_many_are_counted() -> None:
    drift = drift_json(RESULT, AGENCY, refreshed=False)
    outcome = Outcome(AGENCY, 1.0, {"changes": {"update": 1}, "drift": drift})
    assert describe(outcome, Action.PLAN) == "1 to update, 3 changed by hand"


# --- what up asks ------------------------------------------------------------------------------


class Person:
    """Someone at a terminal."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *, says: bool) -> None:
        self.asked: list[str] = []
        self.said: list[Any] = []

        def confirm(question: str, **_: Any) -> bool:
            self.asked.append(question)
            return says

        monkeypatch.setattr(operation.sys.stdin, "isatty", lambda: True, raising=False)
        monkeypatch.setattr(operation.typer, "confirm", confirm)
        monkeypatch.setattr(operation, "stderr", lambda: self)

    def print(self, line: Any, **_: Any) -> None:
        self.said.append(line)


DRIFT = drift_json(RESULT, AGENCY, refreshed=False)


@pytest.mark.parametrize("says", [True, False])
def test_a_person_is_asked_before_it_is_brought_back(
    monkeypatch: pytest.MonkeyPatch, says: bool
) -> None:
    person = Person(monkeypatch, says=says)
    may = consent(yes=False, delete_data=False, allow_replace=False)
    assert may.revert is not None
    assert may.revert(DRIFT) is says
    assert person.asked == ["Bring it back?"]
    assert len(person.said) > 5


def test_nobody_is_asked_with_yes_or_when_nothing_is_brought_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    person = Person(monkeypatch, says=False)
    decided = consent(yes=True, delete_data=False, allow_replace=False)
    asks = consent(yes=False, delete_data=False, allow_replace=False, quiet=True)
    assert decided.revert is not None
    assert asks.revert is not None
    assert decided.revert(DRIFT)
    told_once = len(person.said)
    assert told_once > 5
    assert asks.revert({**DRIFT, "changed": DRIFT["changed"][2:]})
    assert person.asked == []
    assert len(person.said) == told_once, "JSON has it"
