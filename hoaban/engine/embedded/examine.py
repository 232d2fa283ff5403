"""What providers say of the resources that a program registers."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from pulumi.automation.events import OpType

from hoaban.engine.embedded import calls
from hoaban.engine.embedded.steps import compare
from hoaban.engine.embedded.urns import is_provider

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from hoaban.engine.embedded.candidate import Candidate
    from hoaban.engine.embedded.providers import Registry
    from hoaban.engine.embedded.state import Resource
    from hoaban.engine.embedded.steps import Step
    from hoaban.engine.provider import DiffResult
    from hoaban.engine.values import PropertyMap


@dataclass(frozen=True, slots=True)
class Examiner:
    """Asks the provider of a goal. ``aliased`` are old URNs by new ones, as far as they differ."""

    registry: Registry
    aliased: Mapping[str, str]

    def check(self, candidate: Candidate) -> PropertyMap:
        """A goal's inputs as they are to be, with defaults filled in."""
        goal, old = candidate.goal, candidate.old
        if not goal.custom:
            return candidate.inputs
        if is_provider(goal.type):
            return self.registry.check(goal.urn, goal.type, candidate.inputs)
        olds = {} if old is None or candidate.creates else old.inputs
        provider = self.registry.get(goal.provider)
        return calls.check(provider, goal.urn, goal.type, olds, candidate.inputs)

    def diff(self, candidate: Candidate, inputs: PropertyMap) -> DiffResult | None:
        """How the checked inputs differ from the state; None where nothing can be compared."""
        goal, old = candidate.goal, candidate.old
        if old is None or candidate.creates:
            return None
        if not goal.custom:
            return compare(old.inputs, inputs)
        if is_provider(goal.type):
            return self.registry.diff(goal.urn, old, inputs)
        if self.registry.provider_changed(old, self._alias_free(old, goal.provider)):
            return calls.moved()
        provider = self.registry.get(goal.provider)
        return calls.diff(provider, goal.urn, old, inputs, goal.ignore_changes)

    def with_new_defaults(self, candidate: Candidate, steps: Sequence[Step]) -> list[Step]:
        """A replacement does not take over what was made up for the object before, as its name."""
        old, goal = candidate.old, candidate.goal
        replaces = any(step.op is OpType.CREATE_REPLACEMENT for step in steps)
        if old is None or candidate.creates or not replaces or is_provider(goal.type):
            return list(steps)
        provider = self.registry.get(goal.provider)
        inputs = calls.check(provider, goal.urn, goal.type, {}, goal.inputs)
        return [
            replace(step, new=replace(step.new, inputs=inputs)) if step.new else step
            for step in steps
        ]

    def _alias_free(self, old: Resource, reference: str) -> str:
        """A provider reference, as the old state would write it if its provider was renamed."""
        urn, _, id_ = reference.rpartition("::")
        before = self.aliased.get(urn)
        as_before = f"{before}::{id_}"
        return as_before if before and as_before == old.provider else reference
