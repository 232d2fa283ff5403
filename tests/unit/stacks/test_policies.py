"""The sample province keeps every rule of the policy pack."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from stacks.policy.kinds import VOLUME
from stacks.policy.levels import level_of
from stacks.policy.rule import ResourceRule, Seen, StackRule
from stacks.policy.rules import RULES
from tests.unit.stacks.test_programs import DETAILED, FOUNDATION, PROVINCE, run_program

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from stacks.policy.rule import Rule

pytestmark = pytest.mark.usefixtures("workspace_of_its_own")


def judged(rule: Rule, everything: Sequence[Seen]) -> Iterator[str]:
    if isinstance(rule, StackRule):
        yield from (wrong for _, wrong in rule.check(everything))
    elif isinstance(rule, ResourceRule):
        for seen in everything:
            yield from rule.check(seen)


@pytest.mark.parametrize(
    ("project", "stack"), [("province", FOUNDATION), *(("agency", slug) for slug in DETAILED)]
)
def test_the_sample_keeps_every_rule(project: str, stack: str) -> None:
    seen = [
        Seen(one.type, one.urn, one.name, one.inputs, one.protect)
        for one in run_program(project, stack).resources
    ]
    assert [(rule.id, wrong) for rule in RULES for wrong in judged(rule, seen)] == []
    plan = PROVINCE.environment(stack) if project == "agency" else PROVINCE.foundation()
    assert level_of(seen) == plan.security_level
    volumes = [one.inputs["metadata"]["backup"] for one in seen if one.type == VOLUME]
    assert len(volumes) == sum(len(host.volumes) for host in plan.hosts)
