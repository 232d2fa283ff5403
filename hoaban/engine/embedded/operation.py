"""One operation on one stack, from its lock to its line in the history."""

from __future__ import annotations

import contextlib
import threading
import time
from functools import partial
from typing import TYPE_CHECKING

from hoaban.engine.api import UpdateKind, UpdateResult
from hoaban.engine.embedded.backend import Backend, StackName
from hoaban.engine.embedded.builtin import BuiltinProvider
from hoaban.engine.embedded.defaults import DYNAMIC
from hoaban.engine.embedded.deletes import delete_the_rest
from hoaban.engine.embedded.deploy import Deployment
from hoaban.engine.embedded.events import Reporter, Silence
from hoaban.engine.embedded.executor import Executor
from hoaban.engine.embedded.failures import interruption
from hoaban.engine.embedded.history import HistoryEntry, stored_config, versions
from hoaban.engine.embedded.hooks import runs_at_delete
from hoaban.engine.embedded.ledger import Ledger
from hoaban.engine.embedded.lock import Lock
from hoaban.engine.embedded.look import Look
from hoaban.engine.embedded.pinned import Pinning
from hoaban.engine.embedded.plan import Planner
from hoaban.engine.embedded.plugins import Plugins
from hoaban.engine.embedded.policy import Policies
from hoaban.engine.embedded.program import Program
from hoaban.engine.embedded.project import Project
from hoaban.engine.embedded.providers import Registry, ResourceDiffer
from hoaban.engine.embedded.refresh import Refresh
from hoaban.engine.embedded.running import run_program
from hoaban.engine.embedded.scope import Scope
from hoaban.engine.embedded.store import open_stack, stack_outputs, state_digest
from hoaban.engine.embedded.teardown import WHY, Teardown
from hoaban.engine.embedded.urns import STACK_TYPE, make_urn
from hoaban.engine.provider import UnknownPackageError
from hoaban.errors import DriftError, HoabanError

if TYPE_CHECKING:
    from hoaban.engine.api import Options, Stack
    from hoaban.engine.drift import Sight
    from hoaban.engine.embedded.events import EventStream
    from hoaban.engine.embedded.failures import Failures
    from hoaban.engine.embedded.providers import ProviderFactory
    from hoaban.engine.embedded.state import Snapshot
    from hoaban.engine.embedded.store import Opened
    from hoaban.engine.provider import Provider


class Operation:
    """Carries out one operation; ``run`` in a thread of its own, ``cancel`` from another."""

    def __init__(
        self,
        kind: UpdateKind,
        stack: Stack,
        options: Options,
        factory: ProviderFactory,
        stream: EventStream,
        failures: Failures,
    ) -> None:
        self._kind = kind
        self._stack = stack
        self._options = options
        self._factory = factory
        self._stream = stream
        self._failures = failures
        self._registry: Registry | None = None
        self._programs: list[Program] = []
        self._policies: list[Policies] = []
        self._persist = kind is not UpdateKind.PREVIEW
        self._report = Reporter(
            stream,
            planning=not self._persist,
            refreshing=kind is UpdateKind.REFRESH,
        )
        self._started = time.time()
        self._saved = False
        self._pinning = Pinning(options)
        self._sight: Sight | None = None

    def cancel(self) -> None:
        """Let nothing new begin, and ask what is under way to end soon."""
        self._failures.cancel()
        if self._registry is not None:
            self._registry.cancel()

    def abandon(self) -> None:
        """Calls under way are left to themselves; the journal has their steps."""

    def run(self) -> UpdateResult:
        """Do it all; raises what went wrong, after the state is saved."""
        project = Project.load(self._stack.program)
        backend = Backend(self._stack.backend)
        name = StackName(project.name, self._stack.name)
        with contextlib.ExitStack() as cleanup:
            self._plugins = Plugins(
                project.name, project.folder, self._stack.environment, self._report.say
            )
            cleanup.callback(self._plugins.close)
            cleanup.callback(self._close_programs)
            if self._kind in (UpdateKind.PREVIEW, UpdateKind.UPDATE):
                self._start_program(project, self._report)
            if self._persist:
                backend.ensure()
                told = partial(self._report.say, "warning")
                cleanup.enter_context(Lock(backend, name, say=told, lost=self._failures.add))
            opened = open_stack(self._stack, create=self._persist, backend=backend)
            self._report.prelude(opened.config)
            return self._run(opened)

    def _start_program(self, project: Project, report: Reporter) -> None:
        """Start a program's process, which loads its libraries and then waits for its task."""
        name = self._stack.name
        stack_urn = make_urn(name, project.name, "", STACK_TYPE, f"{project.name}-{name}")

        def say(stream: str, line: str) -> None:
            report.say("info" if stream == "stdout" else "info#err", line, urn=stack_urn)

        self._programs.append(Program(project, self._stack.environment, say))
        if self._options.policy_packs and self._kind is not UpdateKind.DESTROY:
            self._policies.append(self._start_policies(project))

    def _start_policies(self, project: Project) -> Policies:
        """The packs' processes for one run of the program, loading beside it.

        The first run of an update is a rehearsal, unless somebody had that already.
        """
        packs, name = self._options.policy_packs, StackName(project.name, self._stack.name)
        rehearses = not self._policies and not self._options.rehearsed
        return Policies(packs, name, project.folder, preview=not self._persist or rehearses)

    def _close_programs(self) -> None:
        for program in self._programs:
            program.close()
        for policies in self._policies:
            policies.close()

    def _run(self, opened: Opened) -> UpdateResult:
        store = opened.store
        loaded = store.load()
        self._pinning.begin(state_digest(loaded.snapshot, store.codec))
        self._ledger = Ledger(store, loaded.snapshot, base=loaded.base, persist=self._persist)
        if loaded.recovered and self._persist:
            self._report.say(
                "info",
                f"an interrupted run left {loaded.recovered} steps in its journal: recovered",
            )
            self._ledger.commit()
        try:
            self._steps(opened)
        except BaseException as error:  # noqa: BLE001 (raised again when the state is saved)
            self._failures.add(error)
        finally:
            self._commit(opened)
        return self._finish(self._ledger.snapshot())

    def _steps(self, opened: Opened) -> None:
        if self._kind is not UpdateKind.REFRESH and self._ledger.unfinished():
            self._settle(opened)
            if self._failures:
                return
        if self._kind is UpdateKind.DESTROY:
            self._destroy(opened)
            return
        self._compare(opened)
        if self._failures or self._kind is UpdateKind.REFRESH:
            return
        if self._kind is UpdateKind.UPDATE and self._must_look_first(self._ledger):
            self._rehearse(opened, self._ledger)
        if not self._failures:
            program = self._programs[-1]
            self._deploy(opened, self._ledger, self._report, program, dry_run=not self._persist)

    def _compare(self, opened: Opened) -> None:
        """Take from the cloud what the state is to know before anything is planned."""
        refreshing = self._kind is UpdateKind.REFRESH
        if self._options.look and not refreshing:
            self._look(opened)
        if self._failures:
            return
        if refreshing or self._options.refresh:
            self._refresh(opened, self._ledger)
            if not (refreshing or self._failures):
                self._renew(opened)
        elif any(one.refresh_before_update for one in self._ledger.olds):
            self._refresh_first(opened)

    def _settle(self, opened: Opened) -> None:
        """Find out what became of calls that an interrupted run had under way."""
        executor = self._executor(opened, self._ledger)
        if Refresh(executor, self._failures, self._options).settle_interrupted():
            self._renew(opened)

    def _renew(self, opened: Opened) -> None:
        """Take the state as it is now for the one that the operation begins with.

        The ledger is kept in one place only: one that is no longer in use must not be committed.
        """
        before = self._ledger
        before.commit()
        self._ledger = Ledger(
            opened.store, before.snapshot(), base=before.base, persist=self._persist
        )

    def _must_look_first(self, ledger: Ledger) -> bool:
        """Whether an update might have to be refused before anything is done."""
        if self._options.expect_no_changes:
            return True
        # Something mistyped in an exclusion would be found out only when it is changed already.
        if self._options.excludes and not self._options.rehearsed:
            return True
        guarded = self._options.policy_packs or any(one.protect for one in ledger.olds)
        return not self._options.rehearsed and bool(guarded)

    def _rehearse(self, opened: Opened, ledger: Ledger) -> None:
        """Run the program as in a preview: what that refuses, stops the update untouched."""
        report = Reporter(Silence(), planning=True)
        store = opened.store
        trial = Ledger(store, ledger.snapshot(), base=ledger.base, persist=False)
        program = self._programs[0]
        program.on_line = _ignore
        self._start_program(opened.project, self._report)
        self._deploy(opened, trial, report, program, dry_run=True)
        if not self._failures:
            self._refuse_changes(report)

    def _refuse_changes(self, report: Reporter) -> None:
        quiet = ("same", "read", "refresh")
        changes = {op: count for op, count in report.changes.items() if op not in quiet}
        if self._options.expect_no_changes and changes:
            told = ", ".join(f"{count} {op}" for op, count in sorted(changes.items()))
            self._failures.add(
                DriftError(
                    f"no changes were expected, but there are: {told}",
                    mend="look at the plan; run without --expect-no-changes to make them",
                )
            )

    def _open_registry(self, opened: Opened, ledger: Ledger, *, dry_run: bool) -> Registry:
        store, stack = opened.store, self._stack
        builtin = BuiltinProvider(
            opened.project.name,
            lambda name: store.outputs_of(name, stack.passphrase_of(name.project, name.stack)),
            ledger.find,
        )

        plugins = self._plugins

        def make(package: str, version_: str) -> Provider:
            if package == builtin.package:
                return builtin
            if package == DYNAMIC:
                return plugins.provider(package, version_)
            try:
                return self._factory(package, version_)
            except UnknownPackageError as error:
                return plugins.provider(package, version_, missing=error)

        self._registry = Registry(make, ledger.olds, variables=stack.environment, preview=dry_run)
        return self._registry

    def _deploy(
        self,
        opened: Opened,
        ledger: Ledger,
        report: Reporter,
        program: Program,
        *,
        dry_run: bool,
        kind: type[Deployment] = Deployment,
    ) -> None:
        deployment = kind(
            opened.store.name,
            ledger,
            self._open_registry(opened, ledger, dry_run=dry_run),
            report,
            self._failures,
            self._options,
            opened.config,
            dry_run,
            self._pinning.gate(dry_run=dry_run),
            self._policies[self._programs.index(program)] if self._policies else None,
        )
        error = run_program(deployment, program, opened.project.folder)
        if error is not None:
            self._failures.add_program(error)
        if not self._failures:
            self._judge(deployment)
        if not self._failures:
            deployment.finish()

    def _judge(self, deployment: Deployment) -> None:
        """Stack policies; then tell what a preview went past, so that everything was seen."""
        if deployment.policies is None:
            return
        try:
            deployment.judge()
        except HoabanError as error:
            self._failures.add(error)
        for refusal in deployment.policies.refusals() if deployment.dry_run else ():
            self._failures.add(refusal)

    def _executor(self, opened: Opened, ledger: Ledger) -> Executor:
        return Executor(
            ledger,
            self._open_registry(opened, ledger, dry_run=not self._persist),
            self._report,
            threading.Semaphore(self._options.parallel),
            str(opened.store.name),
            not self._persist,
            self._options.released,
        )

    def _look(self, opened: Opened) -> None:
        """Take what was changed by hand into the state that the operation begins with."""
        executor = self._executor(opened, self._ledger)
        self._sight = Look(executor, self._failures, self._options).run()
        if self._sight.drifts:
            self._renew(opened)

    def _refresh(self, opened: Opened, ledger: Ledger) -> None:
        executor = self._executor(opened, ledger)
        refresh = Refresh(executor, self._failures, self._options)
        refresh.run(alone=self._kind in (UpdateKind.REFRESH, UpdateKind.DESTROY))

    def _refresh_first(self, opened: Opened) -> None:
        """Read what its provider wants to be read before each update."""
        executor = self._executor(opened, self._ledger)
        refresh = Refresh(executor, self._failures, self._options)
        refresh.run(lambda one: one.refresh_before_update)
        if not self._failures:
            self._renew(opened)

    def _destroy(self, opened: Opened) -> None:
        if self._options.refresh:
            self._refresh(opened, self._ledger)
            if self._failures:
                return
            self._renew(opened)
        ledger = self._ledger
        if any(map(runs_at_delete, ledger.olds)):
            self._start_program(opened.project, self._report)
            program = self._programs[-1]
            self._deploy(opened, ledger, self._report, program, dry_run=False, kind=Teardown)
            return
        executor = self._executor(opened, ledger)
        scope = Scope.of(self._options)
        planner = Planner(ledger.olds, ResourceDiffer(executor.registry), scope)
        workers = self._options.parallel
        read = self._options.refresh
        delete_the_rest(planner, executor, self._failures, WHY, workers, checked=read)

    def _commit(self, opened: Opened) -> None:
        if not self._persist:
            return
        try:
            self._ledger.commit()
            self._saved = True
            entry = HistoryEntry(
                kind=self._kind.value,
                message=self._options.message,
                started=int(self._started),
                ended=int(time.time()),
                succeeded=not self._failures,
                changes=dict(self._report.changes),
                config=stored_config(opened.config, opened.store.crypter),
                environment=versions(),
            )
            opened.store.backend.add_history(opened.store.name, entry)
        except Exception as error:  # noqa: BLE001 (raised when all is told)
            self._failures.add(error)
        finally:
            self._ledger.close()

    def _finish(self, snapshot: Snapshot) -> UpdateResult:
        duration = time.time() - self._started
        self._report.summary(duration)
        if not self._failures and self._kind is UpdateKind.PREVIEW:
            self._refuse_changes(self._report)
        if self._failures.cancelled:
            self._failures.raise_defect()
            done = sum(n for op, n in self._report.changes.items() if op != "same")
            where = Backend(self._stack.backend).storage.url
            raise interruption(
                self._failures, done, where, saved=self._saved if self._persist else None
            )
        self._failures.raise_any()
        return UpdateResult(
            self._kind,
            dict(self._report.changes),
            list(self._report.steps),
            stack_outputs(snapshot),
            duration,
            self._pinning.plan(stack_outputs(snapshot)),
            self._policies[-1].violations if self._policies else (),
            self._sight,
        )


def _ignore(_stream: str, _line: str) -> None:
    """What a rehearsal prints is printed again by the run that counts."""
