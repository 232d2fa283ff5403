"""Making the state as the cloud is: every object is read again."""

from __future__ import annotations

import concurrent.futures
from dataclasses import replace
from typing import TYPE_CHECKING

from pulumi.automation.events import OpType

from hoaban.engine.embedded import calls
from hoaban.engine.embedded.choice import Choice
from hoaban.engine.embedded.keys import resource_key
from hoaban.engine.embedded.scope import Scope, unknown
from hoaban.engine.embedded.state import timestamp
from hoaban.engine.embedded.steps import Step, compare
from hoaban.engine.embedded.urns import STACK_REFERENCE_TYPE, is_provider
from hoaban.engine.provider import DiffResult, PartialFailureError
from hoaban.errors import HoabanError

if TYPE_CHECKING:
    from collections.abc import Callable

    from hoaban.engine.api import Options
    from hoaban.engine.embedded.executor import Executor
    from hoaban.engine.embedded.failures import Failures
    from hoaban.engine.embedded.state import Resource


class Refresh:
    """Reads all targeted resources of a state, side by side."""

    def __init__(self, executor: Executor, failures: Failures, options: Options) -> None:
        self._ledger = executor.ledger
        self._registry = executor.registry
        self._report = executor.report
        self._slots = executor.slots
        self._stack = executor.stack
        self._failures = failures
        self._options = options

    def settle_interrupted(self) -> bool:
        """Read what an interrupted run was changing or deleting: nobody knows how far it came.

        Tells whether there was any. Creates are left to those who know what the program wants.
        """
        unfinished = [one for one in self._ledger.unfinished() if one.type != "creating"]
        doubtful = {(one.resource.urn, one.resource.id) for one in unfinished}
        for one in self._ledger.snapshot().resources:
            if (one.urn, one.id) in doubtful and has_object(one):
                self._refresh(one)
        if not self._failures:
            for operation in unfinished:
                self._ledger.settle(operation)
        return bool(unfinished)

    def run(self, wished: Callable[[Resource], bool] | None = None, *, alone: bool = True) -> None:
        """Read everything; what is gone leaves the state, what changed is noted.

        With ``wished`` only what it says is read, and nothing an interrupted run left is taken in.
        Not ``alone``, a program is run afterwards: it may have what a person named and the state
        has not.
        """
        if wished is None:
            self._adopt_unfinished()
        choice = Choice(Scope.of(self._options))
        resources = self._ledger.snapshot().resources
        wanted = [
            one
            for one in choice.may_read(resources)
            if has_object(one) and (wished is None or wished(one))
        ]
        urns = [one.urn for one in resources]
        unused = sorted(choice.unused(urns))
        if unused and alone and wished is None:
            self._failures.add(unknown(unused[0], urns))
            return
        workers = max(1, min(self._options.parallel, len(wanted)))
        with concurrent.futures.ThreadPoolExecutor(workers, "refresh") as pool:
            list(pool.map(self._refresh, wanted))

    def _refresh(self, old: Resource) -> None:
        if self._failures.stopping:
            return
        step = Step(OpType.REFRESH, old.urn, old, old)
        self._report.started(step)
        try:
            with self._slots:
                found = self._read(old)
        except Exception as error:  # noqa: BLE001 (told to the caller's thread)
            if isinstance(error, HoabanError):
                self._report.failed(step, error.what)
            self._failures.add(error, old.urn, old.source_position)
            return
        if found is None:
            self._ledger.drop(old)
            self._report.done(Step(OpType.REFRESH, old.urn, old), op=OpType.DELETE)
            return
        diff = _difference(old, found)
        if not diff.changes and found.init_errors == old.init_errors:
            self._report.done(step, op=OpType.SAME)
            return
        found = replace(found, modified=timestamp())
        self._ledger.change(old, found)
        self._report.done(Step(OpType.REFRESH, old.urn, old, found, diff), op=OpType.UPDATE)

    def _read(self, old: Resource) -> Resource | None:
        try:
            return calls.read(self._registry.get(old.provider), old, fresh=False)
        except PartialFailureError as error:
            return calls.failed(old, error)

    def _adopt_unfinished(self) -> None:
        """Take what interrupted creates left behind into the state, to be finished by an update."""
        live = {one.urn: one for one in self._ledger.olds if not one.delete}
        for operation in self._ledger.unfinished():
            wanted = operation.resource
            if operation.type == "creating" and wanted.custom and wanted.provider:
                old = live.get(wanted.urn)
                key = resource_key(self._stack, wanted.urn, replaces=old.id if old else "")
                try:
                    found = calls.find(self._registry.get(wanted.provider), wanted, key)
                except HoabanError as error:
                    self._failures.add(error, wanted.urn, wanted.source_position)
                    continue
                if found is not None:
                    self._adopt(old, replace(found, init_errors=("its creation was interrupted",)))
            self._ledger.settle(operation)

    def _adopt(self, old: Resource | None, found: Resource) -> None:
        if old is not None and old.id == found.id:
            return
        self._report.say(
            "info", f"adopting {found.id}, which an interrupted run made", urn=found.urn
        )
        if old is not None:
            self._ledger.change(old, replace(old, delete=True))
        self._ledger.append(found)


def has_object(one: Resource) -> bool:
    """Whether something in the cloud stands behind a resource of a state."""
    return (
        one.custom
        and not one.pending_replacement
        and not is_provider(one.type)
        and one.type != STACK_REFERENCE_TYPE
    )


def _difference(old: Resource, found: Resource) -> DiffResult:
    """What differs, inputs and outputs together: by property, as each is told once.

    A provider's own notes (``__…``) are no difference to people.
    """
    changes = {
        **compare(old.outputs, found.outputs).changes,
        **compare(old.inputs, found.inputs).changes,
    }
    return DiffResult({key: kind for key, kind in changes.items() if not key.startswith("__")})
