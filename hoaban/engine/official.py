"""The official engine: the ``pulumi`` command, driven by Pulumi's Automation API.

It works on the same state and configuration as the embedded engine, so its results, events and
errors are told in the same terms. It looks in the state itself for what the command does not say
in a form that programs can read: outputs, who holds a lock, whether the passphrase fits.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pulumi import automation
from pulumi.automation.errors import CommandError, ConcurrentUpdateError

from hoaban.engine.api import Interrupted, PlannedStep, UpdateKind, UpdateResult
from hoaban.engine.embedded import lock
from hoaban.engine.embedded.backend import Backend, StackName
from hoaban.engine.embedded.engine import watch
from hoaban.engine.embedded.events import EventStream
from hoaban.engine.embedded.locked import LockedError
from hoaban.engine.embedded.project import Project
from hoaban.engine.embedded.scope import Scope
from hoaban.engine.embedded.state import Snapshot
from hoaban.engine.embedded.store import open_stack, stack_outputs
from hoaban.engine.pulumi_command import Command, errors_of, plain
from hoaban.engine.values import Secret
from hoaban.errors import HoabanError, Location, together

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pulumi.automation.events import DiagnosticEvent, EngineEvent, StepEventMetadata

    from hoaban.engine.api import EventHandler, Options, Stack
    from hoaban.engine.embedded.lease import Holder
    from hoaban.engine.embedded.store import Opened
    from hoaban.engine.imports import ImportRequest

_PRIVATE = 0o600


class OfficialEngine:
    """Deploys with the ``pulumi`` command of this machine and the plugins that it finds."""

    name = "official"
    looks = False

    def preview(self, stack: Stack, options: Options, on_event: EventHandler) -> UpdateResult:
        """Tell what ``up`` would do. A stack that is not there yet is made, empty."""
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
        """Bring objects that exist under the stack; what failed beside others stays out."""
        from hoaban.engine.official_import import CommandImport  # noqa: PLC0415 (a subclass of ours)

        stream = EventStream()
        operation = CommandImport(request, stack, options, stream)
        return watch(operation, stream, f"import {stack.name}", on_event)

    def outputs(self, stack: Stack) -> Mapping[str, Any]:
        """Outputs of the last update, from the state alone."""
        return stack_outputs(open_stack(stack, create=False).store.load().snapshot)

    def cancel(self, stack: Stack) -> list[Holder]:
        """Release the stack's lock, whoever holds it; returns who did."""
        name = StackName(Project.load(stack.program).name, stack.name)
        return lock.release(Backend(stack.backend), name)

    def _run(
        self, kind: UpdateKind, stack: Stack, options: Options, on_event: EventHandler
    ) -> UpdateResult:
        if options.record or options.plan is not None:
            raise HoabanError(
                "saved plans are made and kept by the embedded engine alone",
                mend="use --engine embedded",
            )
        Scope.of(options)  # raises where the options contradict each other
        if options.excludes and kind is UpdateKind.DESTROY:
            raise HoabanError(
                "the Automation API cannot keep anything out of a destroy (--exclude)",
                mend="use --engine embedded, or name what is to go: --target URN",
            )
        stream = EventStream()
        operation = CommandOperation(kind, stack, options, stream)
        return watch(operation, stream, f"{kind.value} {stack.name}", on_event)


class CommandOperation:
    """One operation by the command; ``run`` in a thread of its own, the others from another."""

    def __init__(
        self, kind: UpdateKind, stack: Stack, options: Options, stream: EventStream
    ) -> None:
        self._kind = kind
        self._stack = stack
        self._options = options
        self._stream = stream
        self._command = Command()
        self._stopped = False
        self._changes: dict[str, int] = {}
        self._steps: list[PlannedStep] = []
        self._told: list[DiagnosticEvent] = []
        self._started = time.time()

    def cancel(self) -> None:
        """Ask the command to stop: it begins nothing new, and lets calls under way finish."""
        self._stopped = True
        self._command.stop()

    def abandon(self) -> None:
        """End the command and its plugins now."""
        self._command.kill()

    def run(self) -> UpdateResult:
        """Do it all; raises what went wrong, after the command has saved the state."""
        opened = open_stack(self._stack, create=True)
        self._prepare(opened)
        with self._config_file(opened) as config_file:
            try:
                self._operate(config_file)
            except CommandError as error:
                raise self._failure(opened, error) from error
        return UpdateResult(
            self._kind,
            self._changes,
            self._steps,
            stack_outputs(opened.store.load().snapshot),
            time.time() - self._started,
        )

    def _prepare(self, opened: Opened) -> None:
        """Make the stack if it is new, and lift the protection of what may go."""
        store, storage = opened.store, opened.store.backend.storage
        if storage.read_log(store.journal_key) is not None:
            raise HoabanError(
                "an interrupted run of the embedded engine is not recovered yet, and the pulumi "
                "command cannot read its journal",
                where=Location(file=storage.where(store.journal_key)),
                mend="run the same command once with --engine embedded; it recovers what was done",
            )
        missing = not storage.exists(store.backend.checkpoint_key(store.name))
        released = frozenset(self._options.released)
        if not (missing or released) or (released and self._kind is UpdateKind.PREVIEW):
            return
        with lock.Lock(store.backend, store.name):
            snapshot = Snapshot(salt=store.crypter.salt) if missing else store.load().snapshot
            snapshot.resources = [
                replace(one, protect=False, retain_on_delete=False) if one.urn in released else one
                for one in snapshot.resources
            ]
            store.commit(store.encode(snapshot))

    @contextlib.contextmanager
    def _config_file(self, opened: Opened) -> Iterator[Path]:
        """The stack's configuration with the values of this run, secrets encrypted, for as long."""
        crypter = opened.store.crypter
        values: dict[str, Any] = dict(opened.file_config)
        for key, value in self._stack.config.items():
            if isinstance(value, Secret):
                values[key] = {"secure": crypter.encrypt(str(value.value))}
            else:
                values[key] = value
        with tempfile.TemporaryDirectory(prefix="hoaban-pulumi-") as folder:
            file = Path(folder) / f"Pulumi.{self._stack.name}.yaml"
            file.touch(_PRIVATE)
            # JSON is YAML.
            file.write_text(
                json.dumps({"encryptionsalt": crypter.salt, "config": values}), encoding="utf-8"
            )
            yield file

    def _environment(self) -> dict[str, str]:
        search = [str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)]
        return {
            **self._stack.environment,
            "PATH": os.pathsep.join(search),  # programs are run by this Python
            "PULUMI_BACKEND_URL": Backend(self._stack.backend).storage.url,
            "PULUMI_CONFIG_PASSPHRASE_FILE": str(self._stack.passphrase_file),
            "PULUMI_DIY_BACKEND_GZIP": "false",
            "PULUMI_SELF_MANAGED_STATE_GZIP": "false",
            "PULUMI_SKIP_UPDATE_CHECK": "true",
        }

    def _select(self) -> automation.Stack:
        workspace = automation.LocalWorkspace(
            work_dir=str(self._stack.program),
            env_vars=self._environment(),
            pulumi_command=self._command,
        )
        return automation.Stack.select(self._stack.name, workspace)

    def _operate(self, config_file: Path) -> None:
        stack = self._select()
        options = self._options
        common: dict[str, Any] = {
            "parallel": options.parallel,
            "message": options.message or None,
            "target": list(options.targets) or None,
            "target_dependents": options.target_dependents or None,
            "on_event": self._take,
            "color": "never",
            "config_file": str(config_file),
        }
        changing: dict[str, Any] = {
            "expect_no_changes": options.expect_no_changes or None,
            "replace": list(options.replace) or None,
        }
        excluding: dict[str, Any] = {
            "exclude": list(options.excludes) or None,
            "exclude_dependents": options.exclude_dependents or None,
        }
        goes_on = options.continue_on_error or None
        refresh = options.refresh or None
        match self._kind:
            case UpdateKind.PREVIEW:
                stack.preview(**common, **changing, **excluding, refresh=refresh)
            case UpdateKind.UPDATE:
                stack.up(
                    **common, **changing, **excluding, refresh=refresh,
                    continue_on_error=goes_on, show_secrets=False,
                )  # fmt: skip
            case UpdateKind.REFRESH:
                stack.refresh(**common, **excluding, show_secrets=False)
            case UpdateKind.DESTROY:
                stack.destroy(
                    **common, refresh=refresh, continue_on_error=goes_on, show_secrets=False
                )

    def _take(self, event: EngineEvent) -> None:
        if event.summary_event is not None:
            counts = event.summary_event.resource_changes
            self._changes = {getattr(op, "value", op): count for op, count in counts.items()}
        if event.res_outputs_event is not None:
            self._steps.append(_planned(event.res_outputs_event.metadata))
        if event.diagnostic_event is not None and event.diagnostic_event.severity == "error":
            self._told.append(event.diagnostic_event)
        self._stream.pass_on(event)

    def _failure(self, opened: Opened, error: CommandError) -> HoabanError:
        name, backend = opened.store.name, opened.store.backend
        if self._stopped:
            return Interrupted(
                "interrupted; calls under way were let finish, the state is saved",
                where=Location(file=backend.storage.url),
                mend="run the same command again to go on",
            )
        holders = lock.holders(backend, name)
        if isinstance(error, ConcurrentUpdateError) and holders:
            return LockedError(name, holders)
        found = errors_of(
            [(plain(one.message), one.urn or "") for one in self._told], self._command.said
        )
        return together(found)


def _planned(step: StepEventMetadata) -> PlannedStep:
    state = step.new or step.old
    op = getattr(step.op, "value", step.op)
    same = op == "same"
    return PlannedStep(
        op=str(op),
        urn=step.urn,
        type=step.type,
        id=state.id if state else "",
        protect=bool(state and state.protect),
        diffs=list(step.detailed_diff or step.diffs or ()),
        old=(step.old.inputs if step.old and not same else None) or {},
        new=(step.new.inputs if step.new and not same else None) or {},
    )
