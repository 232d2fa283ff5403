"""What an operation leaves as it is may refer to what comes later, or is in no program any more."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hoaban.engine.embedded.contents import Contents
from hoaban.engine.embedded.order import in_order
from hoaban.engine.embedded.state import Snapshot
from hoaban.engine.embedded.store import Store
from hoaban.engine.embedded.verify import problems
from tests.engine.direct import Declared, Direct, assert_clean, check_result, check_truth, urn
from tests.engine.fake_provider import FakeCloud
from tests.engine.test_plan import old

if TYPE_CHECKING:
    from pathlib import Path

BEFORE = [Declared("a", {"x": 0}), Declared("b", {"x": 0}, uses=("a",)), Declared("c", {"x": 0})]


@pytest.fixture
def direct(memory_path: Path) -> Direct:
    """A cloud with three resources, one of which uses another."""
    made = Direct(memory_path, FakeCloud())
    assert_clean(made.up(BEFORE))
    return made


def names(direct: Direct) -> list[str]:
    return [one.urn.rpartition("::")[2] for one in direct.load().resources[1:]]


def test_what_it_refers_to_is_in_no_program_any_more(direct: Direct) -> None:
    after = [Declared("b", {"x": 1}), Declared("c", {"x": 1})]
    assert_clean(direct.up(after, targets=[urn("c")]))
    check_truth(direct)
    assert names(direct) == ["a", "b", "c"]
    assert_clean(direct.up(after))
    check_result(direct, after)


def test_what_it_refers_to_is_registered_later(direct: Direct) -> None:
    after = [Declared("b", {"x": 1}), Declared("a", {"x": 1}), Declared("c", {"x": 1})]
    assert_clean(direct.up(after, targets=[urn("a"), urn("c")]))
    check_truth(direct)
    assert names(direct) == ["a", "b", "c"]
    assert_clean(direct.up(after))
    check_result(direct, after)


def test_a_checkpoint_in_the_middle_knows_each_resource_by_its_number(
    direct: Direct, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is written then is in order, and the journal goes on from that order."""
    monkeypatch.setattr("hoaban.engine.embedded.ledger._CHECKPOINT_SECONDS", 0)
    monkeypatch.setattr("hoaban.engine.embedded.ledger._CHECKPOINT_SHARE", 1e9)
    after = [
        Declared("b", {"x": 1}),
        Declared("c", {"x": 1}),
        Declared("a", {"x": 1}),
        Declared("d", {"x": 1}),
    ]
    assert_clean(direct.up(after, targets=[urn("c"), urn("a"), urn("d")]))
    check_truth(direct)
    assert_clean(direct.up(after))
    check_result(direct, after)


def test_what_a_crash_left_in_its_journal_is_read_in_order(
    direct: Direct, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: object) -> str:
        raise OSError("killed")

    after = [Declared("b", {"x": 1}), Declared("c", {"x": 1})]
    with monkeypatch.context() as patched:
        patched.setattr(Store, "commit", killed)
        with pytest.raises(OSError, match="killed"):
            direct.up(after, targets=[urn("c")])
    assert direct.store().load().recovered
    assert problems(direct.load().resources) == []
    assert_clean(direct.up(after))
    check_result(direct, after)


def test_resources_in_order() -> None:
    a, b, c = old("a"), old("b", on=["a"]), old("c")
    assert in_order([b, c, a]) == [a, b, c]
    assert in_order([c, a, b]) == [c, a, b], "what is in order stays so"


def test_what_moves_ahead_of_something_registered_counts_as_registered() -> None:
    a, b, c = old("a"), old("b", on=["a"]), old("c")
    contents = Contents.of(Snapshot([b, a, c]), registered=1)
    contents.reorder([1, 0, 2])
    assert (list(contents.registered), list(contents.before)) == ([1, 0], [2])
    assert contents.resources() == [a, b, c]
