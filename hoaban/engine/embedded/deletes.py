"""Deleting: what depends on something goes before it, the rest side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hoaban.engine.embedded import calls
from hoaban.engine.embedded.graph import run_in_order
from hoaban.engine.embedded.keys import resource_key
from hoaban.errors import HoabanError

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


def sweep_unfinished(executor: Executor, failures: Failures) -> None:
    """Look for what interrupted creates left of resources that the program no longer has.

    What is found and in no state is deleted; after this nothing is pending any more.
    """
    ledger = executor.ledger
    known = [(one.urn, one.id) for one in ledger.snapshot().resources]
    for operation in ledger.unfinished():
        wanted = operation.resource
        if operation.type != "creating" or not wanted.custom or not wanted.provider:
            ledger.settle(operation)
            continue
        ids = {id_ for urn, id_ in known if urn == wanted.urn}
        try:
            provider = executor.registry.get(wanted.provider)
            for replaces in ("", *sorted(ids)):
                key = resource_key(executor.stack, wanted.urn, replaces=replaces)
                found = calls.find(provider, wanted, key)
                if found is not None and found.id not in ids and not executor.dry_run:
                    executor.report.say(
                        "info",
                        f"deleting {found.id}, which an interrupted run made and nobody needs",
                        urn=wanted.urn,
                    )
                    calls.delete(provider, found)
        except HoabanError as error:
            failures.add(error, wanted.urn, wanted.source_position)
            continue
        if not executor.dry_run:
            ledger.settle(operation)
