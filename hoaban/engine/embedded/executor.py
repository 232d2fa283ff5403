"""Carries out steps: provider calls, with the state kept true before and after each."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, TypeVar

from pulumi.automation.events import OpType

from hoaban.engine.embedded import calls
from hoaban.engine.embedded.interrupted import adopted, unfinished_creates
from hoaban.engine.embedded.keys import resource_key
from hoaban.engine.embedded.pinned import pinned
from hoaban.engine.embedded.properties import UNKNOWN_STRING, keep_secrets, mark_secret
from hoaban.engine.embedded.state import timestamp
from hoaban.engine.embedded.urns import is_provider
from hoaban.engine.provider import PartialFailureError, ProviderError
from hoaban.errors import HoabanError, Location

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Collection, Sequence

    from hoaban.engine.embedded.events import Reporter
    from hoaban.engine.embedded.hooks import Hooks
    from hoaban.engine.embedded.ledger import Call, Ledger
    from hoaban.engine.embedded.providers import Registry
    from hoaban.engine.embedded.state import Resource
    from hoaban.engine.embedded.steps import Step
    from hoaban.engine.updateplan import Gate

T = TypeVar("T")


@dataclass(slots=True)
class Executor:
    """Runs the steps of one operation.

    ``stack`` is the stack's full name, for the keys; ``released`` are URNs that are deleted even if
    they are retained; ``deleting`` those that this operation deletes. ``gate`` sees each step
    before it is begun.
    """

    ledger: Ledger
    registry: Registry
    report: Reporter
    slots: threading.Semaphore
    stack: str
    dry_run: bool
    released: Collection[str] = ()
    deleting: set[str] = field(default_factory=set)
    hooks: Hooks | None = None
    gate: Gate | None = None

    def run(self, step: Step, given: Collection[str] = ()) -> Resource:
        """Carry out one step; returns the state it led to. Failures are told, then raised.

        ``given`` names the inputs that the program gives; the provider made up the others.
        """
        if self.gate is not None:
            self.gate.admit(pinned(step, given))
        with self.slots if self._calls_out(step) else contextlib.nullcontext():
            self.report.started(step)
            try:
                if self.hooks is not None:
                    self.hooks.before(step)
                result = self._carry_out(step)
            except HoabanError as error:
                self.report.failed(step, error.what)
                raise
        self.report.done(step if result is step.new else _with_result(step, result))
        if self.hooks is not None:
            self.hooks.after(step, result)
        return result

    @staticmethod
    def _calls_out(step: Step) -> bool:
        resource = step.resource
        return resource.custom and step.op not in (OpType.SAME, OpType.REPLACE)

    def _carry_out(self, step: Step) -> Resource:
        match step.op:
            case OpType.SAME:
                return self._same(step)
            case OpType.CREATE | OpType.CREATE_REPLACEMENT:
                return self._create(step)
            case OpType.UPDATE:
                return self._update(step)
            case OpType.DELETE | OpType.DELETE_REPLACED:
                return self._delete(step)
            case OpType.DISCARD | OpType.DISCARD_REPLACED | OpType.REMOVE_PENDING_REPLACE:
                self.ledger.drop(step.resource)
            case OpType.READ | OpType.READ_REPLACEMENT | OpType.IMPORT | OpType.IMPORT_REPLACEMENT:
                return self._look(step)
        return step.resource

    def _look(self, step: Step) -> Resource:
        imports = step.op in (OpType.IMPORT, OpType.IMPORT_REPLACEMENT)
        return self._import(step) if imports else self._read(step)

    def _same(self, step: Step) -> Resource:
        old, new = _both(step)
        if new is old:
            self.ledger.keep(old)
            return old
        outputs = mark_secret(keep_secrets(old.outputs, new.inputs), new.additional_secret_outputs)
        same = replace(
            new,
            id=old.id,
            outputs=outputs,
            created=old.created,
            modified=old.modified,
            import_id=old.import_id,
            refresh_before_update=old.refresh_before_update,
            extra=old.extra,
        )
        if is_provider(new.type):
            same = self.registry.adopt(same)
        if same == old:
            self.ledger.keep(old)
            return old
        self.ledger.register(same, drop=[old])
        return same

    def _waits(self, new: Resource) -> bool:
        """Whether a preview has yet to make something that the resource depends on."""
        known = map(self.ledger.find, new.dependencies)
        return self.dry_run and any(one and one.id == UNKNOWN_STRING for one in known)

    def _create(self, step: Step) -> Resource:
        new, old = step.resource, step.old
        now = timestamp()
        new = replace(new, created=now, modified=now)
        drop = [old] if old is not None and not step.keeps_old else []
        replaced = old if step.keeps_old else None
        if is_provider(new.type) or not new.custom:
            made = self.registry.make(new, waits=self._waits(new)) if new.custom else new
            self.ledger.register(made, drop=drop, replaced=replaced)
            return made
        provider = self.registry.get(new.provider)
        key = resource_key(self.stack, new.urn, replaces=old.id if old else "")
        if self.dry_run:
            made = calls.create(provider, new, key=key, preview=True)
            self.ledger.register(
                replace(made, id=made.id or UNKNOWN_STRING), drop=drop, replaced=replaced
            )
            return made
        unfinished = unfinished_creates(self.ledger, new)
        call = self.ledger.begin("creating", new)
        made = self._guarded(
            step,
            call,
            lambda: (
                adopted(provider, new, unfinished, key, self)
                or calls.create(provider, new, key=key, preview=False)
            ),
            lambda partial: self.ledger.register(
                calls.failed(new, partial), drop=drop, replaced=replaced, call=call
            ),
        )
        self.ledger.register(made, drop=drop, replaced=replaced, call=call)
        for operation in unfinished:
            self.ledger.settle(operation)
        return made

    def _update(self, step: Step) -> Resource:
        old, new = _both(step)
        new = replace(
            new,
            id=old.id,
            created=old.created,
            modified=timestamp(),
            import_id=old.import_id,
            extra=old.extra,
        )
        if is_provider(new.type) or not new.custom:
            new = self.registry.adopt(new) if new.custom else replace(new, outputs=old.outputs)
            self.ledger.register(new, drop=[old])
            return new
        provider = self.registry.get(new.provider)
        if self.dry_run:
            new = calls.update(provider, old, new, preview=True)
            self.ledger.register(new, drop=[old])
            return new
        call = self.ledger.begin("updating", new)
        new = self._guarded(
            step,
            call,
            lambda: calls.update(provider, old, new, preview=False),
            lambda partial: self.ledger.register(calls.failed(new, partial), drop=[old], call=call),
        )
        self.ledger.register(new, drop=[old], call=call)
        return new

    def _delete(self, step: Step) -> Resource:
        old = step.resource
        if step.keeps_old:
            self._delete_object(
                step,
                lambda call: self.ledger.change(
                    old, replace(old, pending_replacement=True), call=call
                ),
            )
        else:
            self._delete_object(step, lambda call: self.ledger.drop(old, call=call))
        return old

    def _delete_object(self, step: Step, note: Callable[[Call | None], None]) -> None:
        old = step.resource
        spared = (
            self.dry_run
            or not old.custom
            or old.external
            or is_provider(old.type)
            or (old.retain_on_delete and old.urn not in self.released)
            or old.deleted_with in self.deleting
        )
        if spared:
            note(None)
            return
        provider = self.registry.get(old.provider)
        call = self.ledger.begin("deleting", old)
        self._guarded(step, call, lambda: calls.delete(provider, old))
        note(call)

    def _read(self, step: Step) -> Resource:
        new, old = step.resource, step.old
        drop = [old] if old is not None and not step.keeps_old else []
        if new.id == UNKNOWN_STRING:
            return new
        found = calls.read(self.registry.get(new.provider), new, fresh=True)
        if found is None:
            raise ProviderError(
                f"there is no {new.type} with the id {new.id}",
                mend="correct the id that the program looks up",
            )
        found = replace(found, created=old.created if old else "", modified="")
        self.ledger.register(found, drop=drop, replaced=old if step.keeps_old else None)
        return found

    def _import(self, step: Step) -> Resource:
        new, old = step.resource, step.old
        drop = [old] if old is not None and not step.keeps_old else []
        provider = self.registry.get(new.provider)
        inputs = new.inputs if calls.is_plugin(provider) else {}
        wanted = replace(new, id=new.import_id, inputs=inputs)
        found = calls.read(provider, wanted, fresh=True)
        if found is None:
            raise ProviderError(
                f"there is no {new.type} with the id {new.import_id}",
                mend="correct import_ in the program",
            )
        diff = calls.diff(provider, new.urn, found, new.inputs, new.ignore_changes)
        if diff.changes:
            raise HoabanError(
                f"inputs differ from the object to import: {', '.join(diff.changes)}",
                where=Location(urn=new.urn),
                mend="write the inputs in the program as the object has them",
            )
        now = timestamp()
        made = replace(new, id=found.id, outputs=found.outputs, created=now, modified=now)
        self.ledger.register(made, drop=drop, replaced=old if step.keeps_old else None)
        return made

    def _guarded(
        self,
        step: Step,
        call: Call,
        work: Callable[[], T],
        partial: Callable[[PartialFailureError], None] | None = None,
    ) -> T:
        """Make a call; what is known of its failure goes into the state.

        One that failed is made again for as long as an error hook of the resource asks for it.

        An exception that is no answer of a provider, or one that is undecided, leaves the call
        pending: nobody knows what it did, so the next run will look.
        """
        errors: list[HoabanError] = []
        while True:
            try:
                return work()
            except PartialFailureError as error:
                if partial is None:
                    self.ledger.end(call)
                else:
                    partial(error)
                raise
            except HoabanError as error:
                errors.insert(0, error)
                if self._again(step, call, errors):
                    continue
                if not (isinstance(error, ProviderError) and error.undecided):
                    self.ledger.end(call)
                raise

    def _again(self, step: Step, call: Call, errors: Sequence[HoabanError]) -> bool:
        try:
            return self.hooks is not None and self.hooks.again(step, errors)
        except HoabanError:
            self.ledger.end(call)
            raise


def _both(step: Step) -> tuple[Resource, Resource]:
    """Old and new state of a step that has both."""
    assert step.old is not None  # noqa: S101 (the planner made it so)
    assert step.new is not None  # noqa: S101
    return step.old, step.new


def _with_result(step: Step, result: Resource) -> Step:
    """The step as it came out, for those who watch."""
    return replace(step, new=result) if step.new is not None else step
