"""Random programs and states, a cloud that fails at random, one operation or one after another.

After each operation, come through or not, the state is valid and tells the truth about the cloud.
In the end, with a cloud that works, the cloud is exactly what the last program declares.

``HYPOTHESIS_PROFILE=nightly`` tries thousands of cases in place of some hundred.
"""

from __future__ import annotations

import math
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st

from hoaban.engine.embedded import ledger
from hoaban.engine.embedded.verify import problems
from hoaban.engine.provider import PartialFailureError, ProviderError, ResourceState
from tests.engine import worlds
from tests.engine.direct import (
    NAME,
    TOKEN,
    Declared,
    Direct,
    assert_clean,
    check_result,
    check_truth,
    urn,
)
from tests.engine.fake_provider import FakeCloud

if TYPE_CHECKING:
    from hoaban.engine.embedded.failures import Failures
    from tests.engine.worlds import World

NAMES = "abcdef"


@pytest.fixture(autouse=True)
def _checkpoints_as_usual(monkeypatch: pytest.MonkeyPatch) -> None:
    """Put back what the fuzzer sets."""
    monkeypatch.setattr(ledger, "_CHECKPOINT_SECONDS", ledger._CHECKPOINT_SECONDS)
    monkeypatch.setattr(ledger, "_CHECKPOINT_SHARE", ledger._CHECKPOINT_SHARE)


MEMORY = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # noqa: S108
NIGHTLY = os.environ.get("HYPOTHESIS_PROFILE") == "nightly"
TRIES = settings(
    max_examples=3000 if NIGHTLY else 100,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)


@st.composite
def programs(draw: st.DrawFn) -> list[Declared]:
    """Up to six resources in any order, each using some of those before it."""
    names = draw(st.permutations(NAMES))[: draw(st.integers(0, len(NAMES)))]
    program: list[Declared] = []
    for name in names:
        before = [one.name for one in program]
        uses = draw(st.lists(st.sampled_from(before), max_size=2, unique=True)) if before else []
        inputs = {"x": draw(st.integers(0, 1)), "replace_y": draw(st.integers(0, 1))}
        program.append(
            Declared(
                name,
                inputs,
                tuple(uses),
                delete_before_replace=draw(st.sampled_from([None, True, False])),
                replaced_with=draw(st.booleans()),
            )
        )
    return program


FAILURES = ["before", "after", "lost before", "lost after", "half"]
failures = st.dictionaries(
    st.tuples(st.sampled_from(["create", "update", "delete"]), st.sampled_from(NAMES)),
    st.sampled_from(FAILURES),
    max_size=3,
)


def arm(cloud: FakeCloud, wanted: dict[tuple[str, str], str]) -> None:
    """Make calls fail: refused, done but the answer lost, lost on the way, left half done."""
    cloud.fail.clear()
    for (op, name), how in wanted.items():

        def half(name: str = name) -> None:
            newest = max(
                (one for one in cloud.things.values() if one.properties["__name"] == name),
                key=lambda one: int(one.id.rpartition("-")[2]),
            )
            state = ResourceState(newest.id, dict(newest.properties))
            raise PartialFailureError("half done", state=state)

        call = f"{op} {name}"
        if how == "before":
            cloud.fail[call] = ProviderError("refused")
        elif how == "half" and op != "delete":
            cloud.fail[f"after {call}"] = half
        elif how == "lost before":
            cloud.fail[call] = TimeoutError("lost on the way")
        else:
            cloud.fail[f"after {call}"] = TimeoutError("the answer was lost")


operations = st.lists(
    st.tuples(
        st.sampled_from(["up", "up", "up", "up on", "refresh", "destroy"]), programs(), failures
    ),
    min_size=1,
    max_size=4,
)


@TRIES
@given(operations, programs(), st.sampled_from([1, 3]), st.booleans())
def test_the_state_tells_the_truth(
    steps: list[tuple[str, list[Declared], dict[tuple[str, str], str]]],
    last: list[Declared],
    parallel: int,
    eager: bool,
) -> None:
    """``eager`` writes a checkpoint after each step; else there is none before the end."""
    ledger._CHECKPOINT_SECONDS = 0.0 if eager else 60.0  # type: ignore[misc]
    ledger._CHECKPOINT_SHARE = math.inf if eager else 1.0  # type: ignore[misc]
    with tempfile.TemporaryDirectory(dir=MEMORY, prefix="hoaban-test-") as folder:
        direct = Direct(Path(folder), FakeCloud(), parallel)
        # What is deleted before its replacement is made may be in use by what is only updated.
        everything = [*last, *(one for _, program, _ in steps for one in program)]
        direct.cloud.refuses_in_use = not any(one.delete_before_replace for one in everything)
        for verb, program, failing in steps:
            arm(direct.cloud, failing)
            note(f"{verb} {program} {failing}")
            match verb:
                case "refresh":
                    direct.refresh()
                case "destroy":
                    direct.destroy()
                case _:
                    direct.up(program, continue_on_error=verb == "up on")
            check_truth(direct)
        direct.cloud.fail.clear()
        note(f"last {last}")
        assert_clean(direct.up(last))
        check_result(direct, last)
        direct.cloud.calls.clear()
        assert_clean(direct.up(last))
        assert direct.cloud.calls == [], "a second run has nothing to do"
        assert_clean(direct.destroy())
        check_result(direct, [])


EVERYTHING = [urn(name) for name in worlds.NAMES]


def operate(direct: Direct, world: World) -> Failures:
    """A world's operation."""
    how: dict[str, Any] = {"targets": world.targets, "excludes": world.excludes}
    how |= {"target_dependents": world.dependents, "exclude_dependents": world.dependents}
    if world.verb == "refresh":
        return direct.refresh(**how)
    if world.verb == "destroy":
        return direct.destroy(**how)
    how["replace"] = world.replace
    if world.verb == "preview":
        return direct.preview(world.program, **how)
    return direct.up(world.program, **how, continue_on_error=world.continue_on_error)


def check_any(direct: Direct, foreign: set[str], excused: set[str]) -> None:
    """The state is valid and tells the truth; nothing is in the cloud that it does not tell of.

    ``foreign`` are objects that are nobody's, ``excused`` names of what may be left to itself: what
    is retained, or goes with another.
    """
    snapshot = direct.load()
    assert problems(snapshot.resources) == []
    things = [one for one in snapshot.resources if one.type == TOKEN and one.id]
    told = {one.id for one in things if not one.pending_replacement}
    deleting = {one.resource.id for one in snapshot.pending if one.type == "deleting"}
    assert told - deleting <= set(direct.cloud.things), "the state tells of what is not there"
    creating = {one.resource.urn for one in snapshot.pending if one.type == "creating"}
    for thing in direct.cloud.things.values():
        name = thing.properties["__name"]
        known = thing.id in told | foreign or name in excused or urn(name) in creating
        assert known, f"{thing.id} ({name}) is an orphan"


def run_world(world: World, failing: dict[tuple[str, str], str], last: list[Declared]) -> None:
    """The world's operation, and then another program with a cloud that works."""
    with tempfile.TemporaryDirectory(dir=MEMORY, prefix="hoaban-test-") as folder:
        direct, foreign = worlds.build(world, Path(folder), FakeCloud())
        direct.cloud.refuses_in_use = False  # what is deleted first may still be in use
        left = [*world.olds, *world.program]
        excused = {one.name for one in left if one.retain or one.deleted_with}
        excused |= {one.was for one in world.program if one.was}
        protected = [one.id for one in direct.load().resources if one.protect and one.id]
        before = direct.store().backend.read(NAME)[1], set(direct.cloud.things)
        arm(direct.cloud, failing)
        operate(direct, world)
        check_any(direct, foreign, excused)
        assert set(protected) <= set(direct.cloud.things), "something protected is gone"
        if world.verb == "preview":
            assert before == (direct.store().backend.read(NAME)[1], set(direct.cloud.things))
        direct.cloud.fail.clear()
        assert_clean(direct.up(last, released=EVERYTHING))
        check_any(direct, foreign, excused)
        state = {one.urn: one for one in direct.load().resources if one.type == TOKEN}
        assert set(state) == {urn(one.name) for one in last}
        assert direct.load().pending == []
        for one in last:
            made = direct.cloud.things[state[urn(one.name)].id].properties
            assert {key: made[key] for key in one.inputs} == one.inputs
            assert all(made[f"use_{used}"] == state[urn(used)].id for used in one.uses)
        direct.cloud.calls.clear()
        assert_clean(direct.up(last, released=EVERYTHING))
        assert direct.cloud.calls == [], "a second run has nothing to do"
        assert_clean(direct.destroy(released=EVERYTHING))
        assert [one for one in direct.load().resources if one.type == TOKEN] == []
        check_any(direct, foreign, excused)


def test_a_lost_answer_while_leftovers_are_cleared() -> None:
    """Deleting what an interrupted run made fails in no way that someone foresaw: it is told."""
    world = worlds.World([], ["a"], ["a"], [], "up")
    with tempfile.TemporaryDirectory(dir=MEMORY, prefix="hoaban-test-") as folder:
        direct, _ = worlds.build(world, Path(folder), FakeCloud())
        arm(direct.cloud, {("delete", "a"): "lost before"})
        assert isinstance(operate(direct, world).errors()[0], TimeoutError)
        assert [one.resource.urn for one in direct.load().pending] == [urn("a")]
    run_world(world, {("delete", "a"): "lost after"}, [])


@TRIES
@given(worlds.worlds(), failures, worlds.declared([], options=False))
def test_one_operation_on_any_state(
    world: World, failing: dict[tuple[str, str], str], last: list[Declared]
) -> None:
    note(f"{world} {failing} {last}")
    run_world(world, failing, last)


@pytest.mark.parametrize("how", FAILURES)
@pytest.mark.parametrize("op", ["create", "update", "delete"])
def test_each_failure_alone(memory_path: Path, op: str, how: str) -> None:
    """The fuzzer's failures, one by one, where the replacement is what fails."""
    before = [Declared("a", {"replace_y": 0, "x": 0}), Declared("b", {"x": 0}, uses=("a",))]
    after = [Declared("a", {"replace_y": 1, "x": 0}), Declared("b", {"x": 1}, uses=("a",))]
    direct = Direct(memory_path, FakeCloud())
    assert_clean(direct.up(before))
    arm(direct.cloud, {(op, "b" if op == "update" else "a"): how})
    assert direct.up(after).errors()
    check_truth(direct)
    direct.cloud.fail.clear()
    assert_clean(direct.up(after))
    check_result(direct, after)
