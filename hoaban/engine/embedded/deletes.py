"""Deleting: what depends on something goes before it, the rest side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pulumi.automation.events import OpType

from hoaban.engine.embedded.graph import run_in_order
from hoaban.engine.embedded.interrupted import sweep_unfinished

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hoaban.engine.embedded.executor import Executor
    from hoaban.engine.embedded.failures import Failures
    from hoaban.engine.embedded.plan import Planner
    from hoaban.engine.embedded.steps import Step


def delete_the_rest(
    planner: Planner,
    executor: Executor,
    failures: Failures,
    why: str,
    workers: int,
    *,
    checked: bool = False,
) -> None:
    """Delete what the program did not register, what was replaced, and what nobody waits for.

    ``why`` says in a refusal why these are deleted. Raises when a name fits nothing, or when
    something protected would go, before anything is deleted. ``checked`` says that the names were
    looked at before, when the state still had what was found gone since.
    """
    if not checked:
        planner.refuse_unknown()
    steps = planner.deletes(why)
    sweep_unfinished(executor, failures)
    executor.deleting.update(step.urn for step in steps if step.op is OpType.DELETE)
    run_deletes(executor, failures, steps, workers)
    for refusal in planner.refusals:
        failures.add(refusal)


def run_deletes(
    executor: Executor, failures: Failures, steps: Sequence[Step], workers: int
) -> None:
    """Run delete steps, given in the reverse of the state's order.

    A resource goes after all that stand after it in the state and refer to it.
    """
    after: dict[int, set[int]] = {}
    earlier: dict[str, set[int]] = {}
    for index, step in enumerate(steps):
        after[index] = set(earlier.get(step.urn, ()))
        for urn in step.resource.references():
            earlier.setdefault(urn, set()).add(index)

    def work(step: Step) -> bool:
        try:
            executor.run(step)
        except BaseException as error:  # noqa: BLE001 (told to the caller's thread)
            failures.add(error, step.urn, step.resource.source_position)
            return False
        return True

    run_in_order(steps, after, work, workers=workers, stopping=lambda: failures.stopping)
