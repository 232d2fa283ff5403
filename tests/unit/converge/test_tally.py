from __future__ import annotations

from typing import Any

import pytest

from hoaban.converge.tally import Tally, message_of


def event(kind: str, host: str = "web", task: str = "Install", **data: Any) -> dict[str, Any]:
    return {
        "event": f"runner_on_{kind}",
        "event_data": {"host": host, "task": task, "task_uuid": task, **data},
    }


def test_counts_as_ansibles_recap_does() -> None:
    tally = Tally()
    tally.take(event("start"))
    tally.take(event("ok", res={"changed": True}))
    tally.take(event("ok", task="Template", res={"changed": False}))
    tally.take(event("skipped", task="Only elsewhere"))
    tally.take(event("failed", task="Try", ignore_errors=True, res={"msg": "no"}))
    host = tally.take(event("failed", task="Start", res={"msg": "no such unit"}))
    assert host is not None
    assert (host.ok, host.changed, host.skipped, host.failed) == (3, 1, 1, 1)
    assert host.done == 5
    assert host.changes == ["Install"]
    assert not host.good
    assert [(f.host, f.task, f.message) for f in tally.failures] == [
        ("web", "Start", "no such unit")
    ]


def test_unreachable_is_a_failure_of_its_own_kind() -> None:
    tally = Tally()
    host = tally.take(event("unreachable", res={"msg": "timed out", "unreachable": True}))
    assert host is not None
    assert (host.unreachable, host.done) == (1, 1)
    assert tally.failures[0].unreachable


@pytest.mark.parametrize(
    "other",
    [{}, {"event": "playbook_on_stats", "event_data": {"host": "web"}},
     {"event": "runner_item_on_ok", "event_data": {"host": "web"}},
     {"event": "runner_on_start", "event_data": {}}],
)  # fmt: skip
def test_other_events_move_nothing(other: dict[str, Any]) -> None:
    tally = Tally()
    assert tally.take(other) is None
    assert tally.hosts == {}


@pytest.mark.parametrize(
    ("result", "message"),
    [
        ({"msg": "no package chrony"}, "no package chrony"),
        ({"msg": "non-zero return code", "stderr": "E: locked"}, "non-zero return code\nE: locked"),
        ({"censored": "the output has been hidden"}, "the output has been hidden"),
        ({"msg": "One or more items failed",
          "results": [{"item": "a", "failed": True, "msg": "bad"}, {"item": "b", "msg": "fine"}]},
         "One or more items failed\na: bad"),
        ({"msg": "MODULE FAILURE", "module_stdout": "\n".join(map(str, range(30)))},
         "MODULE FAILURE\n" + "\n".join(map(str, range(20, 30)))),
        ({}, "it gave no reason"),
    ],
)  # fmt: skip
def test_message_of_a_failed_task(result: dict[str, Any], message: str) -> None:
    assert message_of(result) == message
