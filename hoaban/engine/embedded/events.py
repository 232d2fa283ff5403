"""The event stream of an operation, in the shape of Pulumi's Automation API; secrets are masked."""

from __future__ import annotations

import queue
import threading
import time
from collections import Counter
from typing import TYPE_CHECKING, Any, Final

from pulumi.automation.events import (
    DiagnosticEvent,
    DiffKind,
    EngineEvent,
    OpType,
    PolicyEvent,
    PreludeEvent,
    PropertyDiff,
    ResOpFailedEvent,
    ResourcePreEvent,
    ResOutputsEvent,
    StepEventMetadata,
    StepEventStateMetadata,
    SummaryEvent,
)

from hoaban.engine.api import PlannedStep
from hoaban.engine.embedded import paths
from hoaban.engine.embedded.properties import MASK, UNKNOWN_STRING, mask
from hoaban.engine.values import Secret

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from hoaban.engine.api import Violation
    from hoaban.engine.embedded.state import Resource
    from hoaban.engine.embedded.steps import Step
    from hoaban.engine.values import PropertyMap

# Halves of a replacement: a display for people shows the one logical step in their place.
_PHYSICAL: Final = frozenset(
    {
        OpType.CREATE_REPLACEMENT,
        OpType.DELETE_REPLACED,
        OpType.READ_REPLACEMENT,
        OpType.IMPORT_REPLACEMENT,
        OpType.DISCARD_REPLACED,
    }
)

_LOOK_UP_SECONDS: Final = 0.5


class EventStream:
    """Numbers events and passes them on, from any thread to the one that reads them."""

    def __init__(self) -> None:
        self._queue: queue.SimpleQueue[EngineEvent | Exception | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._sequence = 0

    def emit(self, **event: Any) -> None:
        """Add one event, given by the field of :class:`EngineEvent` that it fills."""
        with self._lock:
            self._sequence += 1
            self._queue.put(EngineEvent(self._sequence, int(time.time()), **event))

    def pass_on(self, event: EngineEvent) -> None:
        """Add an event of another engine, as it numbered it."""
        self._queue.put(event)

    def close(self) -> None:
        """No more events will come."""
        self._queue.put(None)

    def fail(self, error: Exception) -> None:
        """Let :meth:`drain` raise this when it gets there."""
        self._queue.put(error)

    def drain(self, handler: Callable[[EngineEvent], None]) -> None:
        """Hand over events, in order, until the stream is closed.

        Looks up now and then: a signal may have struck another thread, and its handler runs only
        when the main thread moves.
        """
        while True:
            try:
                event = self._queue.get(timeout=_LOOK_UP_SECONDS)
            except queue.Empty:
                continue
            if event is None:
                return
            if isinstance(event, Exception):
                raise event
            handler(event)


class Silence(EventStream):
    """A stream that nobody listens to."""

    def emit(self, **event: Any) -> None:
        """Drop the event."""


class Reporter:
    """Tells an operation's steps as events, and counts them for its result."""

    def __init__(
        self, stream: EventStream, *, planning: bool = False, refreshing: bool = False
    ) -> None:
        """``refreshing`` when to refresh is the operation itself, and its steps are its result."""
        self._stream = stream
        self._planning = planning
        self._refreshing = refreshing
        self._lock = threading.Lock()
        self.changes: Counter[str] = Counter()
        self.steps: list[PlannedStep] = []
        self.packs: dict[str, str] = {}

    def prelude(self, config: Mapping[str, str | Secret]) -> None:
        """The operation begins."""
        shown = {key: MASK if isinstance(one, Secret) else one for key, one in config.items()}
        self._stream.emit(prelude_event=PreludeEvent(shown))

    def started(self, step: Step) -> None:
        """A step begins."""
        event = ResourcePreEvent(_metadata(step, step.op), planning=self._planning)
        self._stream.emit(resource_pre_event=event)

    def done(self, step: Step, *, op: OpType | None = None) -> None:
        """A step is done; ``op`` is what it came to, where that shows only afterwards."""
        op = op or step.op
        event = ResOutputsEvent(_metadata(step, op), planning=self._planning)
        self._stream.emit(res_outputs_event=event)
        if step.op is OpType.REFRESH and not self._refreshing:
            if op is OpType.SAME:
                return
            op = OpType.REFRESH
        with self._lock:
            self.changes[op.value] += 1
            self.steps.append(_planned(step, op))

    def failed(self, step: Step, message: str) -> None:
        """A step failed."""
        self.say("error", message, urn=step.urn)
        event = ResOpFailedEvent(_metadata(step, step.op), status=0, steps=0)
        self._stream.emit(res_op_failed_event=event)

    def say(self, severity: str, message: str, *, urn: str = "", ephemeral: bool = False) -> None:
        """A message for the person."""
        event = DiagnosticEvent(
            message, "never", severity, urn=urn or None, ephemeral=ephemeral or None
        )
        self._stream.emit(diagnostic_event=event)

    def violated(self, violation: Violation) -> None:
        """A policy has something against a resource."""
        event = PolicyEvent(
            violation.message,
            "never",
            violation.policy,
            violation.pack,
            violation.version,
            violation.version,
            violation.level,
            violation.urn or None,
        )
        self._stream.emit(policy_event=event)

    def summary(self, seconds: float) -> None:
        """The operation is over."""
        changes = {OpType(op): count for op, count in self.changes.items()}
        summary = SummaryEvent(False, round(seconds), changes, dict(self.packs))
        self._stream.emit(summary_event=summary)


def _shown(values: PropertyMap) -> PropertyMap:
    """Properties as people see them: secrets masked, a provider's own notes (``__…``) left out."""
    return {key: mask(value) for key, value in values.items() if not key.startswith("__")}


def _metadata(step: Step, op: OpType) -> StepEventMetadata:
    resource = step.resource
    hidden = [paths.parse(one) for one in resource.hide_diff]
    shown = {
        path: kind
        for path, kind in step.diff.changes.items()
        if not any(paths.covers(pattern, paths.parse(path)) for pattern in hidden)
    }
    return StepEventMetadata(
        op=op,
        urn=step.urn,
        type=resource.type,
        provider=resource.provider,
        old=_state(step.old) if step.old else None,
        new=_state(step.new) if step.new else None,
        keys=step.keys,
        diffs=step.properties,
        detailed_diff={
            path: PropertyDiff(DiffKind(kind.value), input_diff=False)
            for path, kind in shown.items()
        },
        logical=op not in _PHYSICAL,
    )


def _state(resource: Resource) -> StepEventStateMetadata:
    return StepEventStateMetadata(
        type=resource.type,
        urn=resource.urn,
        id="" if resource.id == UNKNOWN_STRING else resource.id,
        parent=resource.parent,
        provider=resource.provider,
        custom=resource.custom,
        delete=resource.delete,
        protect=resource.protect,
        retain_on_delete=resource.retain_on_delete,
        inputs=_shown(resource.inputs),
        outputs=_shown(resource.outputs),
        init_errors=list(resource.init_errors) or None,
        taint=resource.taint or None,
    )


def _planned(step: Step, op: OpType) -> PlannedStep:
    resource = step.resource
    same = op is OpType.SAME
    return PlannedStep(
        op=op.value,
        urn=step.urn,
        type=resource.type,
        id="" if resource.id == UNKNOWN_STRING else resource.id,
        protect=resource.protect,
        diffs=list(step.diff.changes),
        old=_shown(step.old.inputs) if step.old and not same else {},
        new=_shown(step.new.inputs) if step.new and not same else {},
    )
