"""Destroying a stack with its program at hand, for the hooks that run when something is deleted."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from hoaban.engine.embedded.deletes import delete_the_rest
from hoaban.engine.embedded.deploy import Deployment
from hoaban.engine.embedded.plan import Planner
from hoaban.engine.embedded.providers import ResourceDiffer
from hoaban.engine.embedded.registered import Registered
from hoaban.engine.embedded.scope import Scope
from hoaban.engine.embedded.urns import is_provider
from hoaban.errors import HoabanError

if TYPE_CHECKING:
    from hoaban.engine.embedded.steps import Goal
    from hoaban.engine.values import PropertyMap

WHY = "the stack is destroyed"


@dataclass(slots=True)
class Teardown(Deployment):
    """Answers a program from the state alone, and deletes all when it has registered its hooks.

    What is not in the state is unknown to the program, and is not made.
    """

    _torn_down: bool = field(init=False, default=False)

    def _register(self, goal: Goal) -> Registered:
        with self._lock:
            candidate = self._planner.match(goal)
        return self._known(candidate.goal, candidate.inputs)

    def _known(self, goal: Goal, inputs: PropertyMap) -> Registered:
        old = next(
            (one for one in self.ledger.olds if one.urn == goal.urn and not one.delete), None
        )
        if old is not None:
            return Registered(goal.urn, old.id, old.outputs if old.custom else old.inputs)
        if is_provider(goal.type):
            made = self.registry.make(goal.resource(inputs))
            return Registered(goal.urn, made.id, made.outputs)
        return Registered(goal.urn, unknown=True)

    def read(self, goal: Goal, id_: str) -> Registered:  # noqa: ARG002 (what is read is not deleted)
        """A resource that the program reads, as the state has it."""
        with self._working():
            return self._known(goal, goal.inputs)

    def register_outputs(self, urn: str, outputs: PropertyMap) -> None:
        """Outputs of a component that is about to go."""

    def finish(self) -> None:
        """Delete everything, once."""
        if self._torn_down:
            return
        self._torn_down = True
        differ = ResourceDiffer(self.registry)
        planner = Planner(self.ledger.olds, differ, Scope.of(self.options))
        try:
            workers, read = self.options.parallel, self.options.refresh
            delete_the_rest(planner, self._executor, self.failures, WHY, workers, checked=read)
        except HoabanError as error:
            self.failures.add(error)
