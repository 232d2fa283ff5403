"""A look at the cloud before a plan: what was changed by hand, one list a type."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hoaban.engine.drift import Deed, Difference, Drift, Fate, Sight, Unseen
from hoaban.engine.embedded.properties import MASK
from hoaban.engine.provider import ProviderError
from hoaban.errors import DriftError, HoabanError
from tests.engine.fake_provider import FakeProvider

if TYPE_CHECKING:
    from hoaban.engine.api import UpdateResult
    from tests.engine.conftest import Lab

THING = "fake:index:Thing"
PROGRAM = """
Thing("a", size=1)
Thing("b", size=1, type_="fake:index:Disk")
Thing("c", size=1)
"""


def sight(result: UpdateResult) -> Sight:
    assert result.sight is not None
    return result.sight


def drifts(result: UpdateResult) -> dict[str, Drift]:
    return {one.urn.rpartition("::")[2]: one for one in sight(result).drifts}


def lists(lab: Lab) -> list[str]:
    return sorted(lab.cloud.names("list"))


def test_what_nobody_changed_is_told_of_by_one_list_a_type(lab: Lab) -> None:
    lab.up(PROGRAM)
    lab.cloud.calls.clear()
    result = lab.preview(look=True)
    assert sight(result) == Sight([], [], looked=3)
    assert not result.changed
    assert [op for op, _ in lab.cloud.calls] == ["list", "list"]
    assert lists(lab) == ["fake:index:Disk", THING]


def test_without_a_look_the_state_is_believed(lab: Lab) -> None:
    lab.up(PROGRAM)
    lab.cloud.by_name("a").properties["size"] = 9
    lab.cloud.calls.clear()
    result = lab.preview()
    assert result.sight is None
    assert not result.changed
    assert lab.cloud.calls == []


def test_what_was_changed_by_hand_is_told_and_brought_back(lab: Lab) -> None:
    lab.up(PROGRAM)
    changed = lab.cloud.by_name("a")
    changed.properties["size"] = 9
    lab.cloud.changed_at = "2026-11-30T01:00:00Z"
    lab.cloud.deeds[changed.id] = Deed("resize", "u-1", "req-1", "2026-11-30T00:59:00")
    checkpoint = lab.checkpoint_file.read_bytes()
    result = lab.preview(look=True)
    (drift,) = drifts(result).values()
    assert (drift.fate, drift.type, drift.id) == (Fate.CHANGED, THING, changed.id)
    assert drift.differences == [Difference("size", 1, 9)]
    assert drift.at == "2026-11-30T01:00:00Z"
    assert drift.deed is not None
    assert drift.deed.user == "u-1"
    assert result.changes["update"] == 1
    assert lab.checkpoint_file.read_bytes() == checkpoint, "a plan writes nothing"
    done = lab.up(look=True)
    assert done.changes["update"] == 1
    assert lab.cloud.by_name("a").properties["size"] == 1
    assert not lab.preview(look=True).changed


def test_what_was_removed_by_hand_is_told_and_made_again(lab: Lab) -> None:
    lab.up(PROGRAM)
    gone = lab.cloud.by_name("b")
    del lab.cloud.things[gone.id]
    result = lab.preview(look=True)
    assert {name: one.fate for name, one in drifts(result).items()} == {"b": Fate.REMOVED}
    assert result.changes["create"] == 1
    lab.up(look=True)
    assert lab.cloud.by_name("b").id != gone.id
    assert sight(lab.preview(look=True)).drifts == []


def test_a_change_that_the_program_does_not_mind_is_told_and_kept(lab: Lab) -> None:
    program = 'Thing("a", size=1, opts=Opts(ignore_changes=["size"]))'
    lab.up(program)
    lab.cloud.by_name("a").properties["size"] = 9
    result = lab.up(program, look=True)
    assert drifts(result)["a"].differences == [Difference("size", 1, 9)]
    assert lab.cloud.names("update") == []
    assert lab.resources()["a"]["outputs"]["size"] == 9
    assert sight(lab.preview(look=True)).drifts == []


def test_values_of_secrets_are_not_told(lab: Lab) -> None:
    lab.up('Thing("a", key=Output.secret("was"), note="was", tags={"x": "1", "y": "1"})')
    now = lab.cloud.by_name("a").properties
    now["key"], now["note"], now["tags"] = "becomes", "becomes", {"x": "1", "y": "2"}
    lab.cloud.hidden = {"note"}
    result = lab.preview(look=True)
    assert drifts(result)["a"].differences == [
        Difference("key", MASK, MASK),
        Difference("note", MASK, MASK),
        Difference("tags.y", "1", "2"),
    ]
    assert "becomes" not in repr(result.sight)


def test_a_list_that_fails_is_told_and_stops_nothing(lab: Lab) -> None:
    lab.up(PROGRAM)
    for one in lab.cloud.things.values():
        one.properties["size"] = 9
    lab.cloud.fail[f"list {THING}"] = ProviderError("Policy doesn't allow this.")
    result = lab.preview(look=True)
    assert sight(result).unseen == [Unseen(THING, 2, "Policy doesn't allow this.")]
    assert list(drifts(result)) == ["b"]
    assert sight(result).looked == 1
    assert result.changes["update"] == 1


def test_a_record_that_cannot_be_read_is_left_out(lab: Lab) -> None:
    lab.up(PROGRAM)
    changed = lab.cloud.by_name("a")
    changed.properties["size"] = 9
    lab.cloud.fail[f"deed {changed.id}"] = ProviderError("Policy doesn't allow this.")
    assert drifts(lab.preview(look=True))["a"].deed is None


def test_a_provider_without_lists_is_told(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    lab.up(PROGRAM)
    monkeypatch.delattr(FakeProvider, "look")
    (disks, things) = sight(lab.preview(look=True)).unseen
    assert (disks.type, disks.count, things.count) == ("fake:index:Disk", 1, 2)
    assert "one object at a time" in things.why


@pytest.mark.parametrize("how", [{"targets": ["**::b"]}, {"excludes": ["**::a", "**::c"]}])
def test_only_what_may_be_touched_is_looked_at(lab: Lab, how: dict[str, list[str]]) -> None:
    lab.up(PROGRAM)
    for one in lab.cloud.things.values():
        one.properties["size"] = 9
    lab.cloud.calls.clear()
    result = lab.preview(look=True, **how)
    assert list(drifts(result)) == ["b"]
    assert lists(lab) == ["fake:index:Disk"]


def test_with_a_refresh_each_object_may_be_read(lab: Lab) -> None:
    lab.up(PROGRAM)
    lab.cloud.by_name("a").properties["size"] = 9
    lab.cloud.calls.clear()
    result = lab.preview(look=True, refresh=True)
    assert list(drifts(result)) == ["a"]
    assert lists(lab) == ["fake:index:Disk each", f"{THING} each"]
    assert result.changes["update"] == 1


def test_two_providers_are_two_lists(lab: Lab) -> None:
    lab.up(
        """
        other = pulumi.ProviderResource("fake", "other", {"region": "b"})
        Thing("a")
        Thing("b", opts=Opts(provider=other))
        """
    )
    lab.cloud.calls.clear()
    lab.preview(look=True)
    assert lists(lab) == [THING, THING]


def test_a_recorded_plan_brings_back_what_it_showed(lab: Lab) -> None:
    lab.up(PROGRAM)
    lab.cloud.by_name("a").properties["size"] = 9
    gone = lab.cloud.by_name("b")
    del lab.cloud.things[gone.id]
    plan = lab.preview(look=True, record=True).plan
    result = lab.up(look=True, plan=plan)
    assert (result.changes["update"], result.changes["create"]) == (1, 1)
    assert sight(lab.preview(look=True)).drifts == []


def test_a_recorded_plan_does_not_bring_back_what_came_after(lab: Lab) -> None:
    lab.up(PROGRAM)
    plan = lab.preview(look=True, record=True).plan
    lab.cloud.by_name("a").properties["size"] = 9
    with pytest.raises(HoabanError, match="plan"):
        lab.up(look=True, plan=plan)
    assert lab.cloud.by_name("a").properties["size"] == 9


def test_an_update_that_expects_no_changes_minds_those_by_hand(lab: Lab) -> None:
    lab.up(PROGRAM)
    lab.cloud.by_name("a").properties["size"] = 9
    with pytest.raises(DriftError, match="1 update"):
        lab.up(look=True, expect_no_changes=True)
    assert lab.cloud.names("update") == []
