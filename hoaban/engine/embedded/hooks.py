"""Hooks of a program: its functions that run before and after a step, or when one fails.

Names of a resource's hooks are in its state, so that those of a delete are known when the resource
is no longer in the program; the functions are in the running program alone.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, Final

from pulumi.automation.events import OpType
from pulumi.runtime.proto import resource_pb2

from hoaban.engine.embedded.properties import UNKNOWN_STRING
from hoaban.engine.embedded.urns import name_of
from hoaban.engine.embedded.wire import to_struct
from hoaban.engine.provider import Cancelled, PartialFailureError, ProviderError
from hoaban.errors import HoabanError, Location

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hoaban.engine.embedded.callbacks import Callbacks
    from hoaban.engine.embedded.events import Reporter
    from hoaban.engine.embedded.state import Resource
    from hoaban.engine.embedded.steps import Step

KINDS: Final = (
    "before_create",
    "after_create",
    "before_update",
    "after_update",
    "before_delete",
    "after_delete",
    "on_error",
)
_VERBS: Final = {
    OpType.CREATE: "create",
    OpType.CREATE_REPLACEMENT: "create",
    OpType.UPDATE: "update",
    OpType.DELETE: "delete",
    OpType.DELETE_REPLACED: "delete",
}
_MOST_ATTEMPTS: Final = 100  # as the official engine


class Hooks:
    """The hooks of one run of a program. Safe to use from several threads."""

    def __init__(self, callbacks: Callbacks, report: Reporter, *, dry_run: bool) -> None:
        self._callbacks = callbacks
        self._report = report
        self._dry_run = dry_run
        self._lock = threading.Lock()
        self._hooks: dict[str, Any] = {}
        self._error_hooks: dict[str, Any] = {}

    def __bool__(self) -> bool:
        return bool(self._hooks or self._error_hooks)

    def add(self, request: Any) -> None:
        """A hook that the program registers."""
        self._add(self._hooks, request)

    def add_error_hook(self, request: Any) -> None:
        """An error hook that the program registers."""
        self._add(self._error_hooks, request)

    def _add(self, hooks: dict[str, Any], request: Any) -> None:
        with self._lock:
            if request.name in hooks:
                raise HoabanError(
                    f"two hooks are called {request.name!r}",
                    mend="give one of them another name",
                )
            hooks[request.name] = request

    def before(self, step: Step) -> None:
        """Run what is to run before a step; an error of it fails the step."""
        self._run("before", step, None)

    def after(self, step: Step, result: Resource) -> None:
        """Run what is to run after a step, which stays done whatever comes of it."""
        self._run("after", step, result)

    def _run(self, when: str, step: Step, result: Resource | None) -> None:
        verb = _VERBS.get(step.op)
        if verb is None:
            return
        resource = step.old if verb == "delete" else step.new
        for name in resource.hooks.get(f"{when}_{verb}", ()) if resource else ():
            hook = self._find(self._hooks, name, step)
            if self._dry_run and not hook.on_dry_run:
                continue
            answer = self._callbacks.call(
                hook.callback,
                _asked(step, verb, result),
                resource_pb2.ResourceHookResponse,
                f"the hook {name}",
            )
            if answer.error and hook.ignore_errors:
                self._report.say("warning", f"the hook {name} failed: {answer.error}", urn=step.urn)
            elif answer.error:
                raise HoabanError(
                    f"the hook {name} failed: {answer.error}",
                    where=Location(urn=step.urn),
                    mend="correct the hook in the program",
                )

    def again(self, step: Step, errors: Sequence[HoabanError]) -> bool:
        """Whether a step is to be tried again; ``errors`` are those so far, the newest first.

        Never after a call that left an object behind, or of which nobody knows what it did: to make
        it again would make a second one.
        """
        newest = errors[0]
        verb = _VERBS.get(step.op)
        resource = step.old if verb == "delete" else step.new
        names = resource.hooks.get("on_error", ()) if resource else ()
        lost = isinstance(newest, ProviderError) and newest.undecided
        final = lost or isinstance(newest, PartialFailureError | Cancelled)
        if not names or verb is None or final or len(errors) >= _MOST_ATTEMPTS:
            return False
        answers = [self._wants_again(name, step, verb, errors) for name in names]
        return any(answers)  # each is asked, whatever the ones before it say

    def _wants_again(self, name: str, step: Step, verb: str, errors: Sequence[HoabanError]) -> bool:
        hook = self._find(self._error_hooks, name, step)
        asked = resource_pb2.ErrorHookRequest(
            urn=step.urn,
            id=_id(step.old) if verb != "create" else "",
            name=name_of(step.urn),
            type=step.resource.type,
            failed_operation=verb,
            errors=[error.what for error in errors],
        )
        _fill(asked, step, verb)
        answer = self._callbacks.call(
            hook.callback, asked, resource_pb2.ErrorHookResponse, f"the error hook {name}"
        )
        if answer.error:
            raise HoabanError(
                f"the error hook {name} failed: {answer.error}",
                where=Location(urn=step.urn),
                detail=errors[0].what,
                mend="correct the hook in the program",
            )
        if answer.retry:
            self._report.say(
                "warning", f"{errors[0].what}; trying again, as {name} says", urn=step.urn
            )
        return bool(answer.retry)

    def _find(self, hooks: dict[str, Any], name: str, step: Step) -> Any:
        with self._lock:
            found = hooks.get(name)
        if found is None:
            raise HoabanError(
                f"the program does not have the hook {name}, which is to run for this resource",
                where=Location(urn=step.urn),
                mend="keep the hook in the program for as long as the resource is there",
            )
        return found


def _asked(step: Step, verb: str, result: Resource | None) -> Any:
    known = step.old if verb != "create" else result
    asked = resource_pb2.ResourceHookRequest(
        urn=step.urn, id=_id(known), name=name_of(step.urn), type=step.resource.type
    )
    _fill(asked, step, verb)
    if result is not None and verb != "delete":
        asked.new_outputs.CopyFrom(to_struct(result.outputs))
    return asked


def _fill(asked: Any, step: Step, verb: str) -> None:
    """What was before (not for a create), and what is to be (not for a delete)."""
    if step.old is not None and verb != "create":
        asked.old_inputs.CopyFrom(to_struct(step.old.inputs))
        asked.old_outputs.CopyFrom(to_struct(step.old.outputs))
    if step.new is not None and verb != "delete":
        asked.new_inputs.CopyFrom(to_struct(step.new.inputs))


def _id(resource: Resource | None) -> str:
    return resource.id if resource is not None and resource.id != UNKNOWN_STRING else ""


def bound(request: Any) -> dict[str, list[str]]:
    """The names of hooks in a registration, by kind; kinds without any are left out."""
    if not request.HasField("hooks"):
        return {}
    found = {kind: list(getattr(request.hooks, kind)) for kind in KINDS}
    return {kind: names for kind, names in found.items() if names}


def runs_at_delete(resource: Resource) -> bool:
    """Whether the program is needed to delete this resource."""
    return bool(resource.hooks.get("before_delete") or resource.hooks.get("after_delete"))
