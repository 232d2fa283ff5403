"""Deleting: what depends on something goes before it, the rest side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hoaban.engine.embedded.graph import run_in_order

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hoaban.engine.embedded.executor import Executor
    from hoaban.engine.embedded.failures import Failures
    from hoaban.engine.embedded.steps import Step


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
