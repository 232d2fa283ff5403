"""Targets, exclusions and what depends on them: what is planned, deleted and refused."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from hoaban.engine.api import Options
from hoaban.engine.embedded.choice import Choice, destroyed
from hoaban.engine.embedded.scope import Scope, nearest
from hoaban.errors import HoabanError
from tests.engine.test_plan import PROVIDER_URN, Plan, goal, old, told, urn

if TYPE_CHECKING:
    from hoaban.engine.embedded.state import Resource
    from hoaban.engine.embedded.steps import Goal

COMPONENT = "shop:index:Group"


def excluding(olds: list[Resource], *names: str, **kw: Any) -> Plan:
    """A plan from which resources are kept out."""
    return Plan(olds, scope={"excludes": [urn(name) for name in names], **kw})


def targeting(olds: list[Resource], *names: str, **kw: Any) -> Plan:
    """A plan of these resources and what depends on them."""
    chosen = tuple(urn(name) for name in names)
    return Plan(olds, targets=chosen, scope={"target_dependents": True, **kw})


def chain(value: int) -> list[Goal]:
    """Three resources in a row, and one by itself."""
    inputs = {"x": value}
    return [
        goal("a", inputs),
        goal("b", inputs, on=["a"]),
        goal("c", inputs, on=["b"]),
        goal("apart", inputs),
    ]


def chain_of_state() -> list[Resource]:
    return [
        old("a", {"x": 1}),
        old("b", {"x": 1}, on=["a"]),
        old("c", {"x": 1}, on=["b"]),
        old("apart", {"x": 1}),
    ]


def test_what_is_excluded_stays_as_the_state_has_it() -> None:
    plan = excluding(chain_of_state(), "b")
    assert plan.all(*chain(2)) == ["update a", "same b", "update c", "update apart"]


def test_what_depends_on_it_is_excluded_with_it() -> None:
    plan = excluding(chain_of_state(), "a", exclude_dependents=True)
    assert plan.all(*chain(2)) == ["same a", "same b", "same c", "update apart"]


def test_targets_bring_along_what_depends_on_them() -> None:
    plan = targeting(chain_of_state(), "b")
    assert plan.all(*chain(2)) == ["same a", "update b", "update c", "same apart"]
    alone = targeting(chain_of_state(), "b", target_dependents=False)
    assert alone.all(*chain(2)) == ["same a", "update b", "same c", "same apart"]


def test_a_resource_may_depend_by_its_parent_or_its_provider() -> None:
    group = goal("g", type=COMPONENT, urn=urn("g", COMPONENT), custom=False, provider="")
    inner = goal("in", urn=urn("in"), parent=group.urn)
    served = goal("served", provider=f"{urn('p', 'pulumi:providers:fake')}::id")
    plan = Plan([], targets=(group.urn,), scope={"target_dependents": True})
    assert plan.all(group, inner) == ["create g", "create in"]
    provider = goal("p", type="pulumi:providers:fake", urn=urn("p", "pulumi:providers:fake"))
    plan = Plan([], scope={"excludes": [provider.urn], "exclude_dependents": True})
    assert plan.all(provider, served, goal("other")) == ["create other"]


def test_what_needs_an_excluded_resource_that_is_not_there_cannot_be_made() -> None:
    plan = excluding([], "a")
    assert plan.one(goal("a")) == []
    with pytest.raises(HoabanError, match="does not exist yet and is excluded") as caught:
        plan.one(goal("b", on=["a"]))
    assert "--exclude-dependents" in (caught.value.mend or "")
    assert excluding([], "a", exclude_dependents=True).all(*chain(1)) == ["create apart"]


def test_an_excluded_component_has_no_children_made() -> None:
    group = goal("g", type=COMPONENT, urn=urn("g", COMPONENT), custom=False, provider="")
    inner = goal("in", custom=False, provider="", parent=group.urn)
    plan = Plan([], scope={"excludes": [group.urn]})
    assert plan.one(group) == []
    with pytest.raises(HoabanError, match="is excluded"):
        plan.one(inner)


def test_what_all_stand_on_is_never_left_out() -> None:
    stack = goal("shop-dev", type="pulumi:pulumi:Stack", urn=urn("s", "pulumi:pulumi:Stack"),
                 custom=False, provider="")  # fmt: skip
    default = goal("default", type="pulumi:providers:fake", urn=PROVIDER_URN, provider="")
    plan = Plan([], scope={"excludes": ["**"]})
    assert plan.all(stack, default, goal("a")) == ["create s", "create default"]


def test_deletes_leave_what_is_excluded_and_what_that_needs() -> None:
    olds = [old("base"), *chain_of_state()]
    assert excluding(olds, "b").all() == ["delete apart", "delete c", "delete base"]
    assert excluding(olds, "b", exclude_dependents=True).all() == ["delete apart", "delete base"]
    assert excluding(olds, "apart").all() == ["delete c", "delete b", "delete a", "delete base"]


def test_what_an_excluded_resource_of_the_program_needs_is_not_deleted() -> None:
    """The program has dropped a, and b stays as it was: on a."""
    plan = excluding([old("a"), old("b", on=["a"])], "b")
    assert plan.all(goal("b")) == ["same b"]


def test_what_waits_to_be_deleted_waits_on_when_excluded() -> None:
    olds = [old("a", delete=True, id="before"), old("a"), old("b", delete=True, id="gone")]
    plan = excluding(olds, "a")
    assert plan.all(goal("a")) == ["same a", "delete-replaced b"]


def test_targeted_deletes_with_what_depends_on_them() -> None:
    assert targeting(chain_of_state(), "b").all() == ["delete c", "delete b"]


def test_a_replacement_takes_along_nothing_that_may_not_be_touched() -> None:
    def state() -> list[Resource]:
        return [
            old("a", {"r": 1}),
            old("b", {"r": "id-a"}, on=["a"], by={"r": "a"}),
        ]

    wanted = goal("a", {"r": 2}, delete_before_replace=True)
    for plan in (excluding(state(), "b"), targeting(state(), "a", target_dependents=False)):
        with pytest.raises(HoabanError, match=r"replacing .*::a takes it along") as caught:
            plan.one(wanted)
        assert caught.value.where is not None
        assert caught.value.where.urn == urn("b")
    steps = ["delete-replaced b", "delete-replaced a", "replace a", "create-replacement a"]
    assert told(targeting(state(), "a").one(wanted)) == steps
    assert told(excluding(state(), "none").one(wanted)) == steps


def test_nothing_is_both_replaced_and_excluded() -> None:
    plan = Plan([old("a")], replace=("**",), scope={"excludes": [urn("a")]})
    with pytest.raises(HoabanError, match="also excluded"):
        plan.one(goal("a"))


def test_targets_and_exclusions_contradict_each_other() -> None:
    with pytest.raises(HoabanError, match="targets or exclusions, not both"):
        Scope.of(Options(targets=["a"], excludes=["b"]))


def test_a_name_that_fits_nothing_is_told_with_the_nearest() -> None:
    olds = [old("web-1"), old("web-2"), old("database")]
    plan = excluding(olds, "wep-1")
    plan.all(goal("web-1"))
    with pytest.raises(HoabanError, match=re.escape(f"no resource fits {urn('wep-1')}")) as caught:
        plan.planner.refuse_unknown()
    assert caught.value.mend == f"the nearest: {urn('web-1')} {urn('web-2')}"
    assert nearest("**::databse*", [one.urn for one in olds]) == [urn("database")]
    assert nearest("nothing like it", [one.urn for one in olds]) == []


def test_what_a_destroy_would_take() -> None:
    olds = chain_of_state()

    def taken(**options: Any) -> list[str]:
        return [one.urn.rpartition("::")[2] for one in destroyed(olds, Options(**options))]

    assert taken() == ["a", "b", "c", "apart"]
    assert taken(targets=[urn("b")], target_dependents=True) == ["b", "c"]
    assert taken(excludes=[urn("b")]) == ["c", "apart"]
    with pytest.raises(HoabanError, match="no resource fits"):
        taken(excludes=["**::nobody"])


def test_what_is_read_again() -> None:
    olds = chain_of_state()

    def read(**kw: Any) -> list[str]:
        return [one.urn.rpartition("::")[2] for one in Choice(Scope(**kw)).may_read(olds)]

    assert read() == ["a", "b", "c", "apart"]
    assert read(targets=[urn("b")]) == ["b"]
    assert read(targets=[urn("b")], target_dependents=True) == ["b", "c"]
    assert read(excludes=[urn("b")], exclude_dependents=True) == ["a", "apart"]


def test_nothing_comes_to_depend_on_itself() -> None:
    """The program has turned a dependence around, and only one of the two may be touched."""
    plan = Plan([old("a"), old("b", on=["a"]), old("c")], targets=(urn("a"), urn("c")))
    assert told(plan.one(goal("b"))) == ["same b"]
    assert told(plan.one(goal("c", on=["b"]))) == ["same c"]
    with pytest.raises(HoabanError, match=r"depends on .*::c, which this operation leaves"):
        plan.one(goal("a", on=["c"]))
    both = Plan([old("a"), old("b", on=["a"])], targets=(urn("a"), urn("b")))
    assert both.all(goal("b"), goal("a", on=["b"])) == ["same b", "same a"]
