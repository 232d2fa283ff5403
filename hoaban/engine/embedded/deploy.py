"""One run of a program against a state: registrations become steps, steps become resources."""

from __future__ import annotations

import contextlib
import threading
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from pulumi.automation.events import OpType

from hoaban.engine.embedded.callbacks import Callbacks
from hoaban.engine.embedded.defaults import default_goal
from hoaban.engine.embedded.deletes import delete_the_rest
from hoaban.engine.embedded.examine import Examiner
from hoaban.engine.embedded.executor import Executor
from hoaban.engine.embedded.hooks import Hooks
from hoaban.engine.embedded.plan import Planner
from hoaban.engine.embedded.properties import (
    UNKNOWN_STRING,
    contains_unknown,
    for_provider,
    keep_secrets,
    normalise,
)
from hoaban.engine.embedded.providers import ResourceDiffer
from hoaban.engine.embedded.registered import Registered, Stopping
from hoaban.engine.embedded.scope import Scope
from hoaban.engine.embedded.urns import provider_urn
from hoaban.errors import HoabanError, Location

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from hoaban.engine.api import Options
    from hoaban.engine.embedded.backend import StackName
    from hoaban.engine.embedded.candidate import Candidate
    from hoaban.engine.embedded.events import Reporter
    from hoaban.engine.embedded.failures import Failures
    from hoaban.engine.embedded.ledger import Ledger
    from hoaban.engine.embedded.policy import Policies
    from hoaban.engine.embedded.providers import Registry
    from hoaban.engine.embedded.state import Resource
    from hoaban.engine.embedded.steps import Goal, Step
    from hoaban.engine.provider import Provider
    from hoaban.engine.updateplan import Gate
    from hoaban.engine.values import PropertyMap, Secret


@dataclass(slots=True)
class Deployment:
    """Takes a program's registrations, from any number of threads at once."""

    name: StackName
    ledger: Ledger
    registry: Registry
    report: Reporter
    failures: Failures
    options: Options
    config: Mapping[str, str | Secret]
    dry_run: bool
    callbacks: Callbacks = field(init=False, default_factory=Callbacks)
    hooks: Hooks = field(init=False)
    gate: Gate | None = None
    policies: Policies | None = None
    _planner: Planner = field(init=False)
    _examiner: Examiner = field(init=False)
    _executor: Executor = field(init=False)
    _lock: threading.Lock = field(init=False, default_factory=threading.Lock)
    _defaults: dict[str, threading.Lock] = field(init=False, default_factory=dict)
    _references: dict[str, str] = field(init=False, default_factory=dict)
    _registered: dict[str, Resource] = field(init=False, default_factory=dict)
    _failed: set[str] = field(init=False, default_factory=set)
    _condemned: dict[str, threading.Event] = field(init=False, default_factory=dict)
    _gone: set[str] = field(init=False, default_factory=set)
    _finished: bool = field(init=False, default=False)
    _active: int = field(init=False, default=0)
    _idle: threading.Condition = field(init=False, default_factory=threading.Condition)

    def __post_init__(self) -> None:
        self.hooks = Hooks(self.callbacks, self.report, dry_run=self.dry_run)
        self._planner = Planner(
            self.ledger.olds,
            ResourceDiffer(self.registry),
            Scope.of(self.options, trial=self.dry_run),
        )
        self._examiner = Examiner(self.registry, self._planner.aliased)
        self._executor = Executor(
            self.ledger,
            self.registry,
            self.report,
            threading.Semaphore(self.options.parallel),
            str(self.name),
            self.dry_run,
            self.options.released,
            hooks=self.hooks,
            gate=self.gate,
        )

    @contextlib.contextmanager
    def _working(self) -> Iterator[None]:
        """Counts calls under way, and lets none begin once the operation is stopping."""
        with self._idle:
            if self.failures.stopping:
                raise Stopping
            self._active += 1
        try:
            yield
        finally:
            with self._idle:
                self._active -= 1
                self._idle.notify_all()

    def wait_idle(self) -> None:
        """Return when no registration is under way."""
        with self._idle:
            self._idle.wait_for(lambda: self._active == 0)

    def register(self, goal: Goal) -> Registered:
        """Make a resource as the program states it, in whatever steps that takes."""
        with self._working():
            try:
                return self._register(goal)
            except Stopping:
                raise
            except Exception as error:  # noqa: BLE001 (told to the caller's thread)
                return self._fail(goal, error)

    def _fail(self, goal: Goal, error: BaseException) -> Registered:
        self._failed.add(goal.urn)
        self.failures.add(error, goal.urn, goal.source_position)
        if self.failures.stopping:
            raise Stopping from error
        return Registered(goal.urn, failed=True)

    def _register(self, goal: Goal) -> Registered:
        if self._failed.intersection((
            goal.parent, goal.deleted_with, provider_urn(goal.provider), *goal.dependencies,
        )):  # fmt: skip
            self._failed.add(goal.urn)
            return Registered(goal.urn, failed=True)
        with self._lock:
            candidate = self._planner.match(goal)
        goal = candidate.goal
        old = candidate.old
        if old is not None and old.urn != goal.urn:
            self.ledger.alias(old.urn, goal.urn)
        inputs, diff = goal.inputs, None
        if candidate.targeted:
            inputs = self._examiner.check(candidate)
            if self.policies is not None:
                candidate, inputs = self.policies.look(candidate, inputs, self.report)
                goal = candidate.goal
            self._refuse_unknown(goal, inputs)
            diff = self._examiner.diff(candidate, inputs)
        if not self._wait_for_delete(candidate):
            self._failed.add(goal.urn)
            return Registered(goal.urn, failed=True)
        with self._lock:
            steps = self._planner.decide(candidate, inputs, diff)
            condemned = self._condemn(goal, steps)
        try:
            steps = self._examiner.with_new_defaults(candidate, steps)
            result = self._run(steps, goal.inputs)
        finally:
            for done in condemned:
                done.set()
        if result is None:
            return Registered(goal.urn, unknown=True)
        self._registered[goal.urn] = result
        outputs = result.outputs if result.custom else result.inputs
        return Registered(goal.urn, "" if result.id == UNKNOWN_STRING else result.id, outputs)

    def _refuse_unknown(self, goal: Goal, inputs: PropertyMap) -> None:
        """In a real run everything is known by the time it is used, unless a program defers it."""
        wanted = {**inputs, "replacement_trigger": goal.replacement_trigger}
        unknown = [key for key, value in wanted.items() if contains_unknown(value)]
        if unknown and not self.dry_run:
            raise HoabanError(
                f"not known when the resource is to be made: {', '.join(unknown)}",
                where=Location(urn=goal.urn, key=unknown[0]),
                mend="let it depend on the resource that the value comes of",
            )

    def _run(self, steps: Sequence[Step], given: Collection[str] = ()) -> Resource | None:
        self._executor.deleting.update(
            step.urn for step in steps if step.op is OpType.DELETE_REPLACED
        )
        result = None
        for step in steps:
            done = self._executor.run(step, given)
            if step.op is OpType.DELETE_REPLACED:
                self._gone.add(step.urn)
            if step.new is not None and not step.logical:
                result = done
        return result

    def _condemn(self, goal: Goal, steps: Sequence[Step]) -> list[threading.Event]:
        """Note what is deleted for this resource's sake, for its own registration to wait for."""
        events = []
        for step in steps:
            if step.op is OpType.DELETE_REPLACED and step.urn != goal.urn:
                self._condemned[step.urn] = threading.Event()
                events.append(self._condemned[step.urn])
        return events

    def _wait_for_delete(self, candidate: Candidate) -> bool:
        """Wait until the old object is gone, if another registration is deleting it first."""
        old = candidate.old
        if old is None or not candidate.recreating or old.urn not in self._condemned:
            return True
        self._condemned[old.urn].wait()
        return old.urn in self._gone

    def register_outputs(self, urn: str, outputs: PropertyMap) -> None:
        """Note what a component says its outputs are."""
        with self._working():
            old = self._registered.get(urn)
            if old is None:
                if urn in self._failed or urn in self._planner.skipped:
                    return
                raise HoabanError(
                    "outputs of a resource that was not registered", where=Location(urn=urn)
                )
            if not self.dry_run:
                # What could not be made has unknown outputs; they are as they were, or left out.
                known = {k: v for k, v in outputs.items() if not contains_unknown(v)}
                outputs = {k: v for k, v in old.outputs.items() if k in outputs} | known
            if old.outputs != outputs:
                new = replace(old, outputs=outputs)
                self.ledger.change(old, new)
                self._registered[urn] = new

    def read(self, goal: Goal, id_: str) -> Registered:
        """Look at an object that the program does not manage."""
        with self._working():
            try:
                with self._lock:
                    steps = self._planner.read(goal, id_)
                result = self._run(steps, goal.inputs)
            except Exception as error:  # noqa: BLE001 (told to the caller's thread)
                return self._fail(goal, error)
            assert result is not None  # noqa: S101 (a read always leads to a state)
            self._registered[goal.urn] = result
            known = "" if result.id == UNKNOWN_STRING else result.id
            return Registered(goal.urn, known, result.outputs)

    def invoke(self, token: str, args: PropertyMap, provider: Provider) -> PropertyMap:
        """Call a function of a package."""
        with self._working(), self._executor.slots:
            result = normalise(provider.invoke(token, for_provider(args, urn=token)))
            return keep_secrets(result, args)

    def provider(self, reference: str) -> Provider:
        """The provider of a reference."""
        return self.registry.get(reference)

    def default_provider(self, package: str, version: str) -> str:
        """The reference of a package's default provider, made when first asked for."""
        goal = default_goal(self.name, package, version, self.config)
        with self._lock:
            lock = self._defaults.setdefault(goal.urn, threading.Lock())
        with lock:
            if goal.urn not in self._references:
                made = self.register(goal)
                if made.failed:
                    raise Stopping
                self._references[goal.urn] = f"{goal.urn}::{made.id or UNKNOWN_STRING}"
            return self._references[goal.urn]

    def registered_all(self) -> None:
        """The program has registered all it will. If it has hooks, it is kept until all is done."""
        if self.hooks and not self.failures:
            with self._working():
                self.finish()

    def judge(self) -> None:
        """Let policies see all that the program has registered."""
        if self.policies is not None:
            self.policies.look_at_stack(list(self._registered.values()), self.report)

    def finish(self) -> None:
        """Delete what the program does not have any more, and what was replaced; once."""
        if self._finished:
            return
        self._finished = True
        why, workers = "the program does not have it any more", self.options.parallel
        try:
            delete_the_rest(self._planner, self._executor, self.failures, why, workers)
        except HoabanError as error:
            self.failures.add(error)
