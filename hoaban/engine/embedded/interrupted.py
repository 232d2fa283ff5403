"""What an interrupted run may have made: found by its key, adopted or deleted."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from hoaban.engine.embedded import calls
from hoaban.engine.embedded.keys import resource_key

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hoaban.engine.embedded.executor import Executor
    from hoaban.engine.embedded.failures import Failures
    from hoaban.engine.embedded.ledger import Ledger
    from hoaban.engine.embedded.state import PendingOperation, Resource
    from hoaban.engine.provider import Provider


def unfinished_creates(ledger: Ledger, new: Resource) -> list[PendingOperation]:
    """Creates of this resource, under this or an earlier URN, that nobody knows the end of."""
    known = {new.urn, *new.aliases}
    return [
        one for one in ledger.unfinished() if one.type == "creating" and one.resource.urn in known
    ]


def adopted(
    provider: Provider,
    new: Resource,
    operations: Iterable[PendingOperation],
    key: str,
    executor: Executor,
) -> Resource | None:
    """What an interrupted run made of this resource, brought to the inputs it has now."""
    for operation in operations:
        # Under an alias the object still carries the key of the URN it was made with.
        wanted = operation.resource
        wanted_key = key if wanted.urn == new.urn else resource_key(executor.stack, wanted.urn)
        found = calls.find(provider, wanted, wanted_key)
        if found is None:
            _doubt(provider, wanted, executor)
            continue
        diff = calls.diff(provider, new.urn, found, new.inputs, new.ignore_changes)
        done = "deleting" if diff.replaces else "adopting"
        told = f"{done} {found.id}, which an interrupted run made"
        executor.report.say("info", told, urn=new.urn)
        if diff.replaces:
            calls.delete(provider, found)
        elif diff.changes:
            return calls.update(provider, found, new, preview=False)
        else:
            return replace(new, id=found.id, outputs=found.outputs)
    return None


def _doubt(provider: Provider, wanted: Resource, executor: Executor) -> None:
    """Say so where nobody can look for what an interrupted run may have made."""
    if calls.is_plugin(provider):
        executor.report.say(
            "warning",
            "an interrupted run may have made this already, and its provider cannot look for it: "
            "look for a second one",
            urn=wanted.urn,
        )


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
                if found is None and not replaces:
                    _doubt(provider, wanted, executor)
                if found is not None and found.id not in ids and not executor.dry_run:
                    executor.report.say(
                        "info",
                        f"deleting {found.id}, which an interrupted run made and nobody needs",
                        urn=wanted.urn,
                    )
                    calls.delete(provider, found)
        except Exception as error:  # noqa: BLE001 (told to the caller's thread)
            failures.add(error, wanted.urn, wanted.source_position)
            continue
        if not executor.dry_run:
            ledger.settle(operation)
