"""An update that is held to a plan: it does that and nothing else, or stops."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hoaban.engine.updateplan import Held, PinnedStep, PlanError, UpdatePlan
from hoaban.engine.values import UNKNOWN, Secret
from tests.user import rows

if TYPE_CHECKING:
    from tests.engine.conftest import Lab

URN = "urn:pulumi:dev::shop::fake:index:Thing::"
TWO = """
net = Thing("net", cidr="10.0.0.0/24")
web = Thing("web", network=net.id, password=Output.secret("hunter-2"), auto_label=True)
export("address", web.address)
"""
LATE = """
net = Thing("net", cidr="10.0.0.0/24")
def more(address):
    Thing("surprise", size={size})
net.address.apply(more)
"""


def plan_of(lab: Lab, program: str) -> UpdatePlan:
    plan = lab.preview(program, record=True).plan
    assert plan is not None
    return plan


def test_an_update_does_what_its_plan_holds(lab: Lab) -> None:
    """Also where the provider makes up a name, another one in each run."""
    plan = plan_of(lab, TWO)
    web = next(one for one in plan.steps if one.urn == URN + "web")
    assert (web.op, web.id, web.inputs["network"]) == ("create", "", UNKNOWN)
    assert web.inputs["password"] == Secret("hunter-2")
    assert "replace_label" not in web.inputs
    assert lab.up(plan=plan).changes == {"create": 4}
    assert plan_of(lab, TWO).differences(plan_of(lab, TWO)) == []


def test_a_plan_is_of_one_state(lab: Lab) -> None:
    plan = plan_of(lab, TWO)
    lab.up('net = Thing("net", cidr="10.0.0.0/24")')
    before = dict(lab.cloud.things)
    with pytest.raises(PlanError, match="the state has changed since the plan was made"):
        lab.up(TWO, plan=plan)
    assert lab.cloud.things == before


def test_a_state_that_only_was_written_anew_is_the_same(lab: Lab) -> None:
    lab.up(TWO)
    plan = plan_of(lab, TWO.replace("10.0.0.0/24", "10.9.0.0/24"))
    lab.run("refresh")
    assert lab.up(plan=plan).changes["update"] == 1


@pytest.mark.parametrize(
    ("program", "told"),
    [
        (TWO + 'Thing("more")', "the plan holds no create of this resource, but nothing more"),
        (TWO.replace("10.0.0.0/24", "10.9.0.0/24"), 'cidr: planned "10.0.0.0/24", now "10.9'),
        (TWO.replace("hunter-2", "hunter-3"), r"password: planned \[secret\], now \[secret\]"),
        (TWO.replace("auto_label=True", "auto_label=True, opts=Opts(protect=True)"), "protect"),
    ],
)
def test_a_step_that_is_not_planned_is_not_begun(lab: Lab, program: str, told: str) -> None:
    plan = plan_of(lab, TWO)
    with pytest.raises(PlanError, match=told) as caught:
        lab.up(program, plan=plan)
    assert "hunter" not in str(caught.value)
    assert "more" not in {thing.properties["__name"] for thing in lab.cloud.things.values()}
    assert plan.differences(plan_of(lab, program))


def test_what_only_a_run_knows_may_not_add_steps(lab: Lab) -> None:
    """A program can make more once it knows an address; no preview sees that."""
    plan = plan_of(lab, LATE.format(size=1))
    row = rows()["a step that shows only in the run"]
    with pytest.raises(PlanError, match=row.said.removeprefix("…: ")) as caught:
        lab.up(plan=plan)
    assert (caught.value.mend, caught.value.exit_code) == (row.mend, row.code)
    assert caught.value.where is not None
    assert caught.value.where.urn == URN + "surprise"
    assert [thing.properties["__name"] for thing in lab.cloud.things.values()] == ["net"]
    assert "net" in lab.resources(), "the state tells the truth about what was done"
    assert lab.up().changes["create"] == 1, "and without the plan it goes on from there"


def test_a_delete_that_is_not_planned_is_not_done(lab: Lab) -> None:
    lab.up(TWO)
    plan = plan_of(lab, TWO.replace("10.0.0.0/24", "10.9.0.0/24"))
    with pytest.raises(PlanError, match="the plan holds no delete of this resource, but same"):
        lab.up('net = Thing("net", cidr="10.9.0.0/24")', plan=plan)
    assert len(lab.cloud.things) == 2


def test_a_replacement_and_its_delete_are_held(lab: Lab) -> None:
    lab.up('a = Thing("a", replace_zone="x")')
    plan = plan_of(lab, 'a = Thing("a", replace_zone="y")')
    assert [one.op for one in plan.steps if one.urn == URN + "a"] == [
        "create-replacement",
        "delete-replaced",
        "replace",
    ]
    assert lab.up(plan=plan).changes["replace"] == 1
    assert len(lab.cloud.things) == 1


def test_less_than_planned_is_no_difference_of_a_run() -> None:
    held = Held(UpdatePlan("", [PinnedStep("update", "u", "t", "id-1", {"a": UNKNOWN})]))
    held.admit(PinnedStep("same", "u", "t", "id-1"))
    held.admit(PinnedStep("update", "u", "t", "id-1", {"a": [1]}))
    with pytest.raises(PlanError, match="nothing more"):
        held.admit(PinnedStep("update", "u", "t", "id-1", {"a": [1]}))
    with pytest.raises(PlanError):
        held.admit(PinnedStep("same", "v", "t"))


@pytest.mark.parametrize(
    ("planned", "now", "told"),
    [
        ({"a": 1}, {"a": True}, ["u: update: a: planned 1, now true"]),
        ({"a": [1, 2]}, {"a": [1, 3]}, ["u: update: a[1]: planned 2, now 3"]),
        ({"a": [1]}, {"a": [1, 3]}, ["u: update: a: planned [1], now [1, 3]"]),
        ({"a": {"b": 1}}, {"a": {}}, ["u: update: a.b: planned 1, now nothing"]),
        ({}, {"a": UNKNOWN}, ["u: update: a: planned nothing, now a value not known yet"]),
        ({"a": Secret(1)}, {"a": 1}, ["u: update: a: planned [secret], now 1"]),
        ({"a": UNKNOWN}, {"a": Secret(1)}, []),
    ],
)
def test_differences_are_told_by_property(
    planned: dict[str, object], now: dict[str, object], told: list[str]
) -> None:
    def plan(inputs: dict[str, object]) -> UpdatePlan:
        return UpdatePlan("", [PinnedStep("update", "u", "t", "1", inputs)])

    assert plan(planned).differences(plan(now)) == told


def test_outputs_and_operations_are_compared() -> None:
    one = UpdatePlan("", [PinnedStep("same", "u", "t")], {"x": 1})
    other = UpdatePlan("", [PinnedStep("delete", "u", "t"), PinnedStep("create", "v", "t")], {})
    assert one.differences(other) == [
        "u: planned same, now delete",
        "v: planned nothing, now create",
        "outputs: x: planned 1, now nothing",
    ]
