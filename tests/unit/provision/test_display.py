from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import pytest
from pulumi.automation.events import (
    DiagnosticEvent,
    DiffKind,
    EngineEvent,
    OpType,
    PropertyDiff,
    ResOpFailedEvent,
    ResourcePreEvent,
    ResOutputsEvent,
    StepEventMetadata,
    StepEventStateMetadata,
    SummaryEvent,
)
from rich.console import Console

from hoaban.provision.display import Board, Progress, render_changes, render_summary
from hoaban.provision.display.changes import UNKNOWN

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rich.console import RenderableType

STACK = "urn:pulumi:s::agency::pulumi:pulumi:Stack::agency-s"
HOST = "urn:pulumi:s::agency::hoaban:components:Host::web-1"
SERVER = "urn:pulumi:s::agency::hoaban:components:Host$openstack:compute/instance:Instance::web-1"
PORT = "urn:pulumi:s::agency::hoaban:components:Host$openstack:networking/port:Port::web-1"
PARENTS = {STACK: "", HOST: STACK, SERVER: HOST, PORT: HOST}


def state(urn: str, inputs: Mapping[str, Any]) -> StepEventStateMetadata:
    return StepEventStateMetadata(
        type=kind(urn),
        urn=urn,
        id="1",
        parent=PARENTS[urn],
        provider="",
        custom=True,
        delete=False,
        protect=False,
        retain_on_delete=False,
        inputs=inputs,
        outputs={},
    )


def kind(urn: str) -> str:
    return urn.split("::")[2].rsplit("$", 1)[-1]


def meta(
    op: str,
    urn: str,
    old: Mapping[str, Any] | None = None,
    new: Mapping[str, Any] | None = None,
    diff: Mapping[str, DiffKind] | None = None,
) -> StepEventMetadata:
    if old is None and op != "create":
        old = {}
    if new is None and op != "delete":
        new = {}
    return StepEventMetadata(
        op=OpType(op),
        urn=urn,
        type=kind(urn),
        provider="",
        old=None if old is None else state(urn, old),
        new=None if new is None else state(urn, new),
        detailed_diff={p: PropertyDiff(k, input_diff=False) for p, k in (diff or {}).items()},
    )


def begun(data: StepEventMetadata, *, planning: bool = True) -> EngineEvent:
    return EngineEvent(0, 0, resource_pre_event=ResourcePreEvent(data, planning=planning))


def done(data: StepEventMetadata) -> EngineEvent:
    return EngineEvent(0, 0, res_outputs_event=ResOutputsEvent(data, planning=False))


def failed(data: StepEventMetadata) -> EngineEvent:
    return EngineEvent(0, 0, res_op_failed_event=ResOpFailedEvent(data, status=0, steps=0))


def said(severity: str, message: str, urn: str | None = None) -> EngineEvent:
    event = DiagnosticEvent(message=message, color="never", severity=severity, urn=urn)
    return EngineEvent(0, 0, diagnostic_event=event)


def summary(**changes: int) -> EngineEvent:
    counts = {OpType(op): count for op, count in changes.items()}
    return EngineEvent(0, 0, summary_event=SummaryEvent(False, 3, counts, {}))


def board(events: Sequence[EngineEvent]) -> Board:
    made = Board()
    for event in events:
        made.take(event)
    return made


def text(what: RenderableType) -> list[str]:
    out = io.StringIO()
    Console(file=out, width=200, color_system=None).print(what)
    return [line.rstrip() for line in out.getvalue().splitlines()]


def test_a_plan_shows_what_changes_under_its_parents_and_nothing_else() -> None:
    events = [
        begun(meta("same", STACK)),
        begun(meta("same", HOST)),
        begun(meta("create", PORT, new={"name": "web-1"})),
        begun(
            meta(
                "update",
                SERVER,
                old={"flavorId": "a", "tags": ["x"]},
                new={"flavorId": "b", "tags": ["x", "y"]},
                diff={"flavorId": DiffKind.UPDATE, "tags[1]": DiffKind.ADD},
            )
        ),
    ]
    assert text(render_changes(board(events))) == [
        "    pulumi:pulumi:Stack agency-s",
        "    └─ hoaban:components:Host web-1",
        "  ~    ├─ openstack:compute:Instance web-1 update",
        '       │       ~ flavorId: "a" => "b"',
        '       │       + tags[1]: "y"',
        "  +    └─ openstack:networking:Port web-1 create",
    ]


def test_a_replacement_says_which_property_forces_it() -> None:
    data = meta(
        "replace",
        SERVER,
        old={"keyPair": "old"},
        new={"keyPair": UNKNOWN},
        diff={"keyPair": DiffKind.UPDATE_REPLACE},
    )
    halves = [begun(meta("delete-replaced", SERVER)), begun(data)]
    lines = text(render_changes(board(halves)))
    assert lines == [
        " +- openstack:compute:Instance web-1 replace",
        '         ~ keyPair: "old" => (known afterwards) (forces replacement)',
    ]


@pytest.mark.parametrize(
    ("old", "new", "kind_", "line"),
    [
        ({"volumes": 3}, {"volumes": 0}, DiffKind.DELETE, "~ volumes: 3 => 0"),
        ({"volumes": 3}, {}, DiffKind.DELETE, "- volumes: 3"),
        ({}, {"volumes": None}, DiffKind.UPDATE, "~ volumes: (none) => (none)"),
    ],
)
def test_zero_is_a_value_to_people(
    old: dict[str, Any], new: dict[str, Any], kind_: DiffKind, line: str
) -> None:
    data = meta("update", SERVER, old=old, new=new, diff={"volumes": kind_})
    assert text(render_changes(board([begun(data)])))[1].strip() == line


def test_long_values_are_cut_to_one_line() -> None:
    data = meta(
        "update",
        SERVER,
        old={"userData": "a\nb"},
        new={"userData": "x" * 500},
        diff={"userData": DiffKind.UPDATE},
    )
    (line,) = text(render_changes(board([begun(data)])))[1:]
    assert "a\\nb" in line
    assert line.endswith("…")


def test_the_order_of_siblings_does_not_depend_on_events() -> None:
    events = [begun(meta("create", urn, new={})) for urn in (STACK, HOST, SERVER, PORT)]
    mixed = [events[0], events[3], events[1], events[2]]
    assert text(render_changes(board(events))) == text(render_changes(board(mixed)))


def test_the_summary_counts_in_words() -> None:
    made = board([summary(create=3, update=1, delete=2, same=40, read=1)])
    assert text(render_summary(made, planned=True)) == [
        "+3 to create, ~1 to update, -2 to delete, 41 unchanged"
    ]
    assert text(render_summary(made, planned=False)) == [
        "+3 created, ~1 updated, -2 deleted, 41 unchanged"
    ]


def piped(events: Sequence[EngineEvent]) -> list[str]:
    out = io.StringIO()
    console = Console(file=out, width=200, color_system=None)
    with Progress("Updating", console=console) as progress:
        for event in events:
            progress.handle(event)
    return [line.rstrip() for line in out.getvalue().splitlines()]


def test_piped_progress_is_a_line_a_change() -> None:
    update = meta("update", SERVER, {"size": 1}, {"size": 2}, {"size": DiffKind.UPDATE})
    lines = piped(
        [
            begun(meta("same", STACK), planning=False),
            done(meta("same", STACK)),
            begun(meta("create", PORT), planning=False),
            done(meta("create", PORT)),
            begun(update, planning=False),
            done(update),
        ]
    )
    assert lines == [
        "  + openstack:networking:Port web-1 created (0.0 s)",
        "  ~ openstack:compute:Instance web-1 updated (0.0 s)",
        "      ~ size: 1 => 2",
    ]


def test_failures_and_warnings_are_told_but_an_error_s_words_only_by_the_error() -> None:
    create = meta("create", SERVER)
    lines = piped(
        [
            begun(create, planning=False),
            said("error", "no valid host", SERVER),
            failed(create),
            said("warning", "the cloud is slow"),
            said("info", "hello"),
            said("error", "the program logged this"),
        ]
    )
    assert lines == [
        "  + openstack:compute:Instance web-1 create FAILED (0.0 s)",
        "    warning: the cloud is slow",
        "    error: the program logged this",
    ]


def test_messages_of_a_resource_stand_below_it() -> None:
    events = [begun(meta("create", SERVER)), said("error", "no valid host\nof two", SERVER)]
    assert text(render_changes(board(events)))[1:] == ["      no valid host", "      of two"]


def test_a_quiet_progress_says_nothing() -> None:
    out = io.StringIO()
    with Progress("Updating", console=Console(file=out), quiet=True) as progress:
        progress.handle(begun(meta("create", SERVER), planning=False))
        progress.handle(done(meta("create", SERVER)))
    assert out.getvalue() == ""
    assert progress.board.rows[SERVER].op == "create"


def test_the_live_picture_shows_what_is_under_way() -> None:
    progress = Progress("Updating so-y-te", total=4, quiet=True)
    progress.handle(begun(meta("create", PORT), planning=False))
    progress.handle(done(meta("create", PORT)))
    progress.handle(begun(meta("create", SERVER), planning=False))
    lines = text(progress.render())
    assert lines[0].startswith("Updating so-y-te  1 done  ━")
    assert lines[-1].split() == ["+", "openstack:compute:Instance", "web-1", "0", "s"]


def test_a_crowd_is_counted_not_listed() -> None:
    progress = Progress("Updating", quiet=True)
    for number in range(20):
        urn = f"{SERVER}-{number}"
        PARENTS[urn] = HOST
        progress.handle(begun(meta("create", urn), planning=False))
    assert text(progress.render())[-1].strip() == "and 8 more"


def test_a_refresh_that_finds_a_change_shows_it() -> None:
    changed = meta("update", SERVER, {"name": "a"}, {"name": "b"}, {"name": DiffKind.UPDATE})
    events = [begun(meta("refresh", SERVER), planning=False), done(changed)]
    lines = text(render_changes(board(events)))
    assert lines[0].startswith("  ~ openstack:compute:Instance web-1 updated")
    assert lines[1].strip() == '~ name: "a" => "b"'


def test_the_whole_difference_has_every_property_uncut() -> None:
    long = "x" * 200
    made = Board(whole=True)
    for event in (
        begun(meta("create", PORT, new={"name": "web-1", "tags": [long], "__internal": 1})),
        begun(meta("delete", HOST, old={"name": "gone"})),
        begun(
            meta(
                "update",
                SERVER,
                old={"userData": "[secret]", "flavorId": "a"},
                new={"userData": "[secret]", "flavorId": long},
                diff={"userData.token": DiffKind.UPDATE, "flavorId": DiffKind.UPDATE},
            )
        ),
    ):
        made.take(event)
    assert [str(one) for one in made.rows[PORT].changes] == [
        '+ name: "web-1"',
        f'+ tags: ["{long}"]',
    ]
    assert [str(one) for one in made.rows[HOST].changes] == ['- name: "gone"']
    assert [str(one) for one in made.rows[SERVER].changes] == [
        f'~ flavorId: "a" => "{long}"',
        '~ userData.token: "[secret]" => "[secret]"',
    ]
    assert made.properties()[HOST] == [
        {"path": "name", "sign": "-", "old": '"gone"', "new": "(none)", "replaces": False}
    ]
    assert list(made.properties()) == [PORT, HOST, SERVER]
