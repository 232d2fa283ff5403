"""The planner: old state, goals and differences in, steps out. No cloud, no program, no file."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from pulumi.automation.events import OpType

from hoaban.engine.api import ProtectedError
from hoaban.engine.embedded.candidate import force_replacement
from hoaban.engine.embedded.plan import Planner
from hoaban.engine.embedded.scope import Patterns, Scope
from hoaban.engine.embedded.state import Resource
from hoaban.engine.embedded.steps import Goal, Step, compare
from hoaban.engine.embedded.urns import make_urn
from hoaban.engine.provider import DiffKind, DiffResult
from hoaban.engine.values import UNKNOWN, PropertyMap, Secret, Unknown
from hoaban.errors import HoabanError, ManyErrors

THING = "fake:index:Thing"
PROVIDER_URN = make_urn("dev", "shop", "", "pulumi:providers:fake", "default")
PROVIDER = f"{PROVIDER_URN}::id"


def urn(name: str, type_: str = THING, parent: str = "") -> str:
    return make_urn("dev", "shop", parent, type_, name)


def old(name: str, inputs: PropertyMap | None = None, **kw: Any) -> Resource:
    depends = tuple(urn(one) for one in kw.pop("on", ()))
    by_property = {key: [urn(one)] for key, one in kw.pop("by", {}).items()}
    values: dict[str, Any] = {
        "urn": urn(name),
        "type": THING,
        "custom": True,
        "id": f"id-{name}",
        "provider": PROVIDER,
        "inputs": inputs or {},
        "dependencies": depends,
        "property_dependencies": by_property,
    }
    return Resource(**{**values, **kw})


def goal(name: str, inputs: PropertyMap | None = None, **kw: Any) -> Goal:
    depends = tuple(urn(one) for one in kw.pop("on", ()))
    values: dict[str, Any] = {
        "urn": urn(name),
        "type": THING,
        "name": name,
        "custom": True,
        "provider": PROVIDER,
        "inputs": inputs or {},
        "dependencies": depends,
    }
    return Goal(**{**values, **kw})


def fake_diff(olds: PropertyMap, news: PropertyMap) -> DiffResult:
    """Inputs whose name begins with r force a replacement."""
    changes = {
        key: DiffKind.UPDATE_REPLACE if key.startswith("r") else kind
        for key, kind in compare(olds, news).changes.items()
    }
    return DiffResult(changes, delete_before_replace=bool(news.get("dbr")))


@dataclass
class Differ:
    asked: list[tuple[str, PropertyMap]] = field(default_factory=list)

    def diff(self, old: Resource, inputs: PropertyMap) -> DiffResult:
        self.asked.append((old.urn, inputs))
        return fake_diff(old.inputs, inputs)


@dataclass
class Plan:
    """Runs goals through a planner as a deployment does."""

    olds: list[Resource]
    targets: tuple[str, ...] = ()
    replace: tuple[str, ...] = ()
    scope: dict[str, Any] = field(default_factory=dict)
    differ: Differ = field(default_factory=Differ)

    def __post_init__(self) -> None:
        self.planner = Planner(self.olds, self.differ, self.made())

    def made(self) -> Scope:
        return Scope(self.targets, self.replace, **self.scope)

    def one(self, wanted: Goal) -> list[Step]:
        candidate = self.planner.match(wanted)
        diff = None
        if candidate.old is not None and not candidate.creates:
            diff = fake_diff(candidate.old.inputs, candidate.inputs)
        return self.planner.decide(candidate, candidate.inputs, diff)

    def all(self, *goals: Goal) -> list[str]:
        steps = [step for wanted in goals for step in self.one(wanted)]
        return told([*steps, *self.planner.deletes("test")])


def told(steps: list[Step]) -> list[str]:
    return [f"{step.op.value} {step.urn.rpartition('::')[2]}" for step in steps]


CASES: dict[str, tuple[list[Resource], list[Goal], list[str]]] = {
    "first run": ([], [goal("a"), goal("b")], ["create a", "create b"]),
    "nothing changed": ([old("a", {"x": 1})], [goal("a", {"x": 1})], ["same a"]),
    "an input changed": ([old("a", {"x": 1})], [goal("a", {"x": 2})], ["update a"]),
    "an input that replaces": (
        [old("a", {"r": 1})],
        [goal("a", {"r": 2})],
        ["create-replacement a", "replace a", "delete-replaced a"],
    ),
    "not in the program any more": ([old("a"), old("b")], [goal("a")], ["same a", "delete b"]),
    "deletes in reverse order": (
        [old("a"), old("b", on=["a"]), old("c", on=["b"])],
        [],
        ["delete c", "delete b", "delete a"],
    ),
    "deletes first when the provider says so": (
        [old("a", {"r": 1, "dbr": True})],
        [goal("a", {"r": 2, "dbr": True})],
        ["delete-replaced a", "replace a", "create-replacement a"],
    ),
    "deletes first when the program says so": (
        [old("a", {"r": 1})],
        [goal("a", {"r": 2}, delete_before_replace=True)],
        ["delete-replaced a", "replace a", "create-replacement a"],
    ),
    "the program wins over the provider": (
        [old("a", {"r": 1, "dbr": True})],
        [goal("a", {"r": 2, "dbr": True}, delete_before_replace=False)],
        ["create-replacement a", "replace a", "delete-replaced a"],
    ),
    "dependents that the change replaces go before": (
        [old("a", {"r": 1}), old("b", {"r": "id-a"}, on=["a"], by={"r": "a"})],
        [
            goal("a", {"r": 2}, delete_before_replace=True),
            goal("b", {"r": "id-a2"}, on=["a"]),
        ],
        [
            "delete-replaced b",
            "delete-replaced a",
            "replace a",
            "create-replacement a",
            "replace b",
            "create-replacement b",
        ],
    ),
    "dependents that the change only updates stay": (
        [old("a", {"r": 1}), old("b", {"x": "id-a"}, on=["a"], by={"x": "a"})],
        [goal("a", {"r": 2}, delete_before_replace=True), goal("b", {"x": "id-a2"}, on=["a"])],
        ["delete-replaced a", "replace a", "create-replacement a", "update b"],
    ),
    "a dependent deleted before, and then not in the program": (
        [old("a", {"r": 1}), old("b", {"r": "id-a"}, on=["a"], by={"r": "a"})],
        [goal("a", {"r": 2}, delete_before_replace=True)],
        [
            "delete-replaced b",
            "delete-replaced a",
            "replace a",
            "create-replacement a",
            "remove-pending-replace b",
        ],
    ),
    "what an earlier run replaced and did not delete": (
        [old("a"), old("a", id="id-0", delete=True)],
        [goal("a")],
        ["same a", "delete-replaced a"],
    ),
    "what an earlier run deleted and did not make again": (
        [old("a", pending_replacement=True)],
        [goal("a")],
        ["replace a", "create-replacement a"],
    ),
    "half made by an earlier run": (
        [old("a", init_errors=("no valid host",))],
        [goal("a")],
        ["update a"],
    ),
    "tainted": (
        [old("a", taint=True)],
        [goal("a")],
        ["create-replacement a", "replace a", "delete-replaced a"],
    ),
    "ignored changes": (
        [old("a", {"x": 1, "tags": {"p": 1, "q": 2}})],
        [goal("a", {"x": 2, "tags": {"p": 3, "q": 2}}, ignore_changes=("x", "tags.p"))],
        ["same a"],
    ),
    "changes that the program makes replace": (
        [old("a", {"x": {"y": 1}})],
        [goal("a", {"x": {"y": 2}}, replace_on_changes=("x",))],
        ["create-replacement a", "replace a", "delete-replaced a"],
    ),
    "a component's inputs changed": (
        [old("g", {"n": 1}, custom=False, id="", provider="")],
        [goal("g", {"n": 2}, custom=False, provider="")],
        ["update g"],
    ),
    "renamed, with an alias": ([old("a")], [goal("b", aliases=(urn("a"),))], ["same b"]),
    "renamed, without": ([old("a")], [goal("b")], ["create b", "delete a"]),
    "external before, managed now": (
        [old("a", external=True)],
        [goal("a")],
        ["replace a", "create-replacement a"],
    ),
    "external and gone from the program": ([old("a", external=True)], [], ["discard a"]),
    "to be imported": ([], [goal("a", import_id="x")], ["import a"]),
    "imported before": ([old("a", import_id="x")], [goal("a", import_id="x")], ["same a"]),
}


@pytest.mark.parametrize("case", CASES)
def test_steps(case: str) -> None:
    olds, goals, expected = CASES[case]
    assert Plan(olds).all(*goals) == expected


def test_dependents_are_asked_with_unknowns() -> None:
    plan = Plan([old("a", {"r": 1}), old("b", {"r": "id-a", "y": 1}, on=["a"], by={"r": "a"})])
    plan.one(goal("a", {"r": 2}, delete_before_replace=True))
    assert plan.differ.asked == [(urn("b"), {"r": UNKNOWN, "y": 1})]
    assert isinstance(plan.differ.asked[0][1]["r"], Unknown)


def test_children_of_a_renamed_parent_are_found() -> None:
    group = "fake:index:Group"
    before, after = urn("g", group), urn("h", group)
    parent = old("g", urn=before, type=group, custom=False, id="", provider="")
    child = old("g-net", urn=urn("g-net", parent=before), parent=before)
    renamed = goal("h", urn=after, type=group, custom=False, provider="", aliases=(before,))
    moved = goal("h-net", urn=urn("h-net", parent=after), parent=after)
    plan = Plan([parent, child])
    assert plan.all(renamed, moved) == ["same h", "same h-net"]
    assert plan.planner.aliased[moved.urn] == child.urn


def test_an_alias_serves_one() -> None:
    plan = Plan([old("a")])
    plan.one(goal("b", aliases=(urn("a"),)))
    with pytest.raises(HoabanError, match="taken over"):
        plan.one(goal("c", aliases=(urn("a"),)))


def test_a_urn_is_registered_once() -> None:
    plan = Plan([])
    plan.one(goal("a"))
    with pytest.raises(HoabanError, match="two resources of type fake:index:Thing are called 'a'"):
        plan.one(goal("a"))


def test_protected_is_not_replaced() -> None:
    plan = Plan([old("a", {"r": 1}, protect=True)])
    with pytest.raises(HoabanError, match="protected and would be replaced") as caught:
        plan.one(goal("a", {"r": 2}, protect=True))
    assert caught.value.where is not None
    assert caught.value.where.urn == urn("a")


def test_protected_dependent_is_not_deleted_before() -> None:
    olds = [old("a", {"r": 1}), old("b", {"r": "x"}, on=["a"], by={"r": "a"}, protect=True)]
    with pytest.raises(HoabanError, match="protected") as caught:
        Plan(olds).one(goal("a", {"r": 2}, delete_before_replace=True))
    assert caught.value.where is not None
    assert caught.value.where.urn == urn("b")


def test_all_protected_are_named_before_any_delete() -> None:
    plan = Plan([old("a", protect=True), old("b"), old("c", protect=True)])
    with pytest.raises(ManyErrors) as caught:
        plan.planner.deletes("the stack is destroyed")
    named = [one.where.urn for one in caught.value.errors if one.where]
    assert named == [urn("c"), urn("a")]


def test_protection_is_the_states_not_the_programs() -> None:
    """Taking protect off takes one update, and only the next may delete."""
    plan = Plan([old("a", {"x": 1}, protect=True)])
    steps = plan.one(goal("a", {"x": 1}, protect=False))
    assert told(steps) == ["same a"]
    assert steps[0].new is not None
    assert not steps[0].new.protect


def test_targets_leave_the_rest() -> None:
    olds = [old("a", {"x": 1}), old("b", {"x": 1}), old("c")]
    plan = Plan(olds, targets=(urn("b"),))
    steps = [
        *plan.one(goal("a", {"x": 2})),
        *plan.one(goal("b", {"x": 2})),
        *plan.one(goal("new")),
        *plan.planner.deletes("test"),
    ]
    assert told(steps) == ["same a", "update b"]
    assert steps[0].new is olds[0], "what is not targeted stays as it is in the state"
    assert plan.planner.skipped == {urn("new")}


def test_a_target_needs_what_it_depends_on() -> None:
    plan = Plan([], targets=(urn("b"),))
    assert plan.one(goal("a")) == []
    with pytest.raises(HoabanError, match="does not exist yet and is not targeted"):
        plan.one(goal("b", on=["a"]))


def test_a_targeted_delete_leaves_no_dependent_behind() -> None:
    plan = Plan([old("a"), old("b", on=["a"])], targets=(urn("a"),))
    with pytest.raises(HoabanError, match="cannot be deleted alone"):
        plan.planner.deletes("test")
    both = Plan([old("a"), old("b", on=["a"])], targets=("**::a", "**::b"))
    assert told(both.planner.deletes("test")) == ["delete b", "delete a"]


def test_asked_for_replacement() -> None:
    plan = Plan([old("a", {"x": 1})], replace=(urn("a"), urn("typo")))
    steps = plan.one(goal("a", {"x": 1}))
    assert told(steps) == ["create-replacement a", "replace a"]
    assert steps[0].keys == ["id"]
    with pytest.raises(HoabanError, match=f"no resource fits {re.escape(urn('typo'))}"):
        plan.planner.refuse_unknown()


def test_reading() -> None:
    plan = Plan([old("mine"), old("theirs", external=True)])
    steps = [
        *plan.planner.read(goal("mine"), "other-id"),
        *plan.planner.read(goal("theirs"), "id-theirs"),
        *plan.planner.read(goal("new"), "id-new"),
        *plan.planner.deletes("test"),
    ]
    assert told(steps) == [
        "read-replacement mine",
        "replace mine",
        "read theirs",
        "read new",
        "delete-replaced mine",
    ]
    assert all(step.resource.external for step in steps if step.op is OpType.READ)


def test_released_to_its_reader() -> None:
    """A resource that the program only reads from now on, by the same id, is not deleted."""
    plan = Plan([old("a")])
    assert told(plan.planner.read(goal("a"), "id-a")) == ["read a"]
    assert plan.planner.deletes("test") == []


def test_import_in_place_of_a_managed_one() -> None:
    plan = Plan([old("a")])
    assert told(plan.one(goal("a", import_id="other"))) == ["import-replacement a", "replace a"]
    assert told(plan.planner.deletes("test")) == ["delete-replaced a"]
    with pytest.raises(ProtectedError, match="imports other in its place"):
        Plan([old("a", protect=True)]).one(goal("a", import_id="other"))


def test_replaced_with_another() -> None:
    """Also when that one was deleted first, or is in the state only as waiting to be made again."""
    follows = goal("b", replace_with=(urn("a"),))
    plan = Plan([old("a"), old("b")])
    plan.one(goal("a", {"replace": 2}))
    assert told(plan.one(follows)) == ["create-replacement b", "replace b"]
    plan = Plan([old("a"), old("b")])
    plan.one(goal("a"))
    assert told(plan.one(follows)) == ["same b"]
    plan = Plan([old("a", pending_replacement=True), old("b")])
    plan.one(goal("a"))
    assert told(plan.one(follows)) == ["create-replacement b", "replace b"]


@pytest.mark.parametrize(
    ("before", "now", "replaced"),
    [
        (1, 1, False),
        (1, 2, True),
        (None, 1, True),
        (1, None, False),
        ("x", UNKNOWN, True),
        (Secret("x"), Secret("y"), True),
    ],
)
def test_replacement_trigger(before: Any, now: Any, replaced: bool) -> None:
    plan = Plan([old("a", replacement_trigger=before)])
    steps = told(plan.one(goal("a", replacement_trigger=now)))
    assert (steps != ["same a"]) == replaced


def test_forcing_replacement_by_path() -> None:
    diff = DiffResult(
        {"rules[0].port": DiffKind.UPDATE, "rules[1].port": DiffKind.ADD, "x": DiffKind.DELETE}
    )
    assert force_replacement(diff, ["rules[*].port"]).replaces == ["rules[0].port", "rules[1].port"]
    assert force_replacement(diff, ["rules[1]"]).replaces == ["rules[1].port"]
    assert force_replacement(diff, ["*"]).replaces == ["rules[0].port", "rules[1].port", "x"]
    assert force_replacement(diff, []) == diff


def test_patterns() -> None:
    patterns = Patterns([urn("a"), "**Thing::web-*"])
    assert urn("a") in patterns
    assert urn("web-1") in patterns
    assert urn("aa") not in patterns
    assert not patterns.unused
    assert urn("a") not in Patterns(["*::a"]), "one * ends at a colon, as with Pulumi"
    assert urn("a") in Patterns(["urn:*:*::*::fake:*:Thing::a"])
    assert not Patterns([])


def test_goal_becomes_state() -> None:
    wanted = goal("a", {"x": 1}, protect=True, retain_on_delete=True, hide_diff=("x",))
    state = wanted.resource({"x": 2})
    assert (state.inputs, state.protect, state.retain_on_delete) == ({"x": 2}, True, True)
    assert replace(state, id="n").id == "n"
