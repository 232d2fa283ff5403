"""The embedded engine: operations on stacks, as :class:`hoaban.engine.api.Engine` has them."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, Final, Protocol

from hoaban.engine.api import UpdateKind
from hoaban.engine.embedded import lock
from hoaban.engine.embedded.backend import Backend, StackName
from hoaban.engine.embedded.events import EventStream
from hoaban.engine.embedded.failures import Failures
from hoaban.engine.embedded.import_operation import ImportOperation
from hoaban.engine.embedded.operation import Operation
from hoaban.engine.embedded.project import Project
from hoaban.engine.embedded.store import open_stack, stack_outputs
from hoaban.interrupts import Abandoned, announce, heard

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hoaban.engine.api import EventHandler, Options, Stack, UpdateResult
    from hoaban.engine.embedded.lease import Holder
    from hoaban.engine.embedded.providers import ProviderFactory
    from hoaban.engine.imports import ImportRequest

STOPPING: Final = (
    "stopping: nothing new begins, calls under way are let finish, the state is saved "
    "(Ctrl-C again stops at once)"
)
ABANDONED: Final = "stopped at once; what became of the calls under way is not known yet"
GO_ON: Final = "run the same command again: it finds what they made, and goes on"


class EmbeddedEngine:
    """Deploys Pulumi's Python programs with providers that run in this process.

    ``provider_factory`` makes a provider of a package and version; it raises for packages it does
    not know.
    """

    name = "embedded"
    looks = True

    def __init__(self, provider_factory: ProviderFactory) -> None:
        self._factory = provider_factory

    def preview(self, stack: Stack, options: Options, on_event: EventHandler) -> UpdateResult:
        """Tell what ``up`` would do. Nothing is locked, nothing is written."""
        return self._run(UpdateKind.PREVIEW, stack, options, on_event)

    def up(self, stack: Stack, options: Options, on_event: EventHandler) -> UpdateResult:
        """Make the cloud as the program says."""
        return self._run(UpdateKind.UPDATE, stack, options, on_event)

    def refresh(self, stack: Stack, options: Options, on_event: EventHandler) -> UpdateResult:
        """Make the state as the cloud is."""
        return self._run(UpdateKind.REFRESH, stack, options, on_event)

    def destroy(self, stack: Stack, options: Options, on_event: EventHandler) -> UpdateResult:
        """Delete all that the state holds; protected resources stop it before anything is done."""
        return self._run(UpdateKind.DESTROY, stack, options, on_event)

    def import_resources(
        self, stack: Stack, request: ImportRequest, options: Options, on_event: EventHandler
    ) -> UpdateResult:
        """Bring objects that exist under the stack: all that are named, or none."""
        stream = EventStream()
        failures = Failures(stack.program, continue_on_error=False)
        operation = ImportOperation(request, stack, options, self._factory, stream, failures)
        return watch(operation, stream, f"import {stack.name}", on_event)

    def outputs(self, stack: Stack) -> Mapping[str, Any]:
        """Outputs of the last update, from the state alone."""
        return stack_outputs(open_stack(stack, create=False).store.load().snapshot)

    def cancel(self, stack: Stack) -> list[Holder]:
        """Release the stack's lock, whoever holds it; returns who did.

        Only right when the holder is known to be dead: two operations on one stack would each undo
        the other's state.
        """
        name = StackName(Project.load(stack.program).name, stack.name)
        return lock.release(Backend(stack.backend), name)

    def _run(
        self, kind: UpdateKind, stack: Stack, options: Options, on_event: EventHandler
    ) -> UpdateResult:
        stream = EventStream()
        failures = Failures(stack.program, continue_on_error=options.continue_on_error)
        operation = Operation(kind, stack, options, self._factory, stream, failures)
        return watch(operation, stream, f"{kind.value} {stack.name}", on_event)


class Watched(Protocol):
    """An operation that runs beside the thread which watches it."""

    def run(self) -> UpdateResult:
        """Do it all."""

    def cancel(self) -> None:
        """End it well."""

    def abandon(self) -> None:
        """It is given up while calls are under way."""


def watch(
    operation: Watched, stream: EventStream, name: str, on_event: EventHandler
) -> UpdateResult:
    """Run an operation beside this thread, which hands over its events and hears Ctrl-C.

    The first Ctrl-C ends it well; at the second :class:`Abandoned` is raised while calls are still
    under way. Their steps are in the state or its journal, so the next operation finds what became
    of them.
    """
    outcome: list[UpdateResult | BaseException] = []

    def work() -> None:
        try:
            outcome.append(operation.run())
        except BaseException as error:  # noqa: BLE001 (raised again in the caller's thread)
            outcome.append(error)
        finally:
            stream.close()

    def stop() -> None:
        operation.cancel()
        announce(STOPPING)

    def abandon() -> None:
        operation.abandon()
        stream.fail(Abandoned(ABANDONED, mend=GO_ON))

    # A daemon, so that a process which abandons it can end.
    worker = threading.Thread(target=work, name=name, daemon=True)
    with heard(stop, abandon):
        worker.start()
        broken = _hand_over(stream, on_event, operation)
        worker.join()
    if broken is not None:
        raise broken
    result = outcome[0]
    if isinstance(result, BaseException):
        raise result
    return result


def _hand_over(
    stream: EventStream, on_event: EventHandler, operation: Watched
) -> BaseException | None:
    """Hand over all events. A handler that raises ends the operation; its error is returned."""
    broken: BaseException | None = None
    while True:
        try:
            stream.drain(on_event if broken is None else _ignore)
        except Abandoned:
            raise
        except BaseException as error:  # noqa: BLE001 (raised again when the state is saved)
            broken = error
            operation.cancel()
        else:
            return broken


def _ignore(_: object) -> None:
    """Take an event and do nothing."""
