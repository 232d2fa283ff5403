"""Random programs, a cloud that fails at random, one operation after another.

After each operation, come through or not, the state is valid and tells the truth about the cloud.
In the end, with a cloud that works, the cloud is exactly what the last program declares.
"""

from __future__ import annotations

import math
import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st

from hoaban.engine.embedded import ledger
from hoaban.engine.provider import PartialFailureError, ProviderError, ResourceState
from tests.engine.direct import (
    Declared,
    Direct,
    assert_clean,
    check_result,
    check_truth,
)
from tests.engine.fake_provider import FakeCloud

NAMES = "abcdef"


@pytest.fixture(autouse=True)
def _checkpoints_as_usual(monkeypatch: pytest.MonkeyPatch) -> None:
    """Put back what the fuzzer sets."""
    monkeypatch.setattr(ledger, "_CHECKPOINT_SECONDS", ledger._CHECKPOINT_SECONDS)
    monkeypatch.setattr(ledger, "_CHECKPOINT_SHARE", ledger._CHECKPOINT_SHARE)


MEMORY = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # noqa: S108
EXAMPLES = int(os.environ.get("HOABAN_FUZZ_EXAMPLES", "120"))


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


@settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
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
