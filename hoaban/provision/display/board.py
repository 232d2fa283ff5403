"""The state of an operation as its events tell it."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from hoaban.provision.display.changes import Change, changes_of

if TYPE_CHECKING:
    from pulumi.automation.events import DiagnosticEvent, EngineEvent, StepEventMetadata

UNCHANGED = ("same", "read", "refresh")
PARTS_OF_REPLACE = ("create-replacement", "delete-replaced", "remove-pending-replace")


class Phase(StrEnum):
    """How far a step is."""

    PLANNED = "planned"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


@dataclass(slots=True)
class Row:
    """One resource: what is done to it, and how far that is. Times are of the monotonic clock."""

    urn: str
    type: str
    parent: str
    op: str
    phase: Phase
    changes: list[Change] = field(default_factory=list)
    messages: list[str] = field(default_factory=list)
    started: float = 0.0
    ended: float = 0.0

    @property
    def name(self) -> str:
        """The resource's own name."""
        return self.urn.rsplit("::", 1)[-1]

    @property
    def kind(self) -> str:
        """The type as people read it: without the module's file, as Pulumi shows it."""
        package, _, rest = self.type.partition(":")
        module, _, name = rest.rpartition(":")
        return ":".join(filter(None, (package, module.split("/")[0], name)))

    @property
    def changed(self) -> bool:
        """Whether something is done to it."""
        return self.op not in UNCHANGED

    @property
    def seconds(self) -> float:
        """How long its step took, or has been under way."""
        return (self.ended or time.monotonic()) - self.started


class Board:
    """All rows of one operation, in the order in which they came."""

    def __init__(self, *, whole: bool = False) -> None:
        """``whole``: with all properties of what is made or deleted, and values uncut."""
        self._whole = whole
        self.rows: dict[str, Row] = {}
        self.notes: list[DiagnosticEvent] = []
        """Messages of no resource in particular."""
        self.counts: Counter[str] = Counter()
        self.seconds = 0.0

    def take(self, event: EngineEvent) -> Row | None:
        """Note an event; returns the row that it changed."""
        if event.resource_pre_event:
            begun = event.resource_pre_event
            phase = Phase.PLANNED if begun.planning else Phase.RUNNING
            return self._step(begun.metadata, phase)
        if event.res_outputs_event:
            done = event.res_outputs_event
            return self._step(done.metadata, Phase.PLANNED if done.planning else Phase.DONE)
        if event.res_op_failed_event:
            return self._step(event.res_op_failed_event.metadata, Phase.FAILED)
        if event.diagnostic_event:
            return self._message(event.diagnostic_event)
        if event.summary_event:
            changes = event.summary_event.resource_changes
            self.counts = Counter({getattr(op, "value", op): n for op, n in changes.items()})
            self.seconds = float(event.summary_event.duration_seconds)
        return None

    def properties(self) -> dict[str, list[dict[str, Any]]]:
        """Changes of each changed resource, as plain values; secrets are masked."""
        return {
            urn: [asdict(change) for change in row.changes]
            for urn, row in self.rows.items()
            if row.changed and row.changes
        }

    def running(self) -> list[Row]:
        """Rows whose step is under way."""
        return [row for row in self.rows.values() if row.phase is Phase.RUNNING]

    def _step(self, data: StepEventMetadata, phase: Phase) -> Row:
        state = data.new or data.old
        row = self.rows.get(data.urn)
        if row is None:
            parent = state.parent if state else ""
            row = Row(data.urn, data.type, parent or "", data.op.value, phase)
            row.started = time.monotonic()
            self.rows[data.urn] = row
        op = data.op.value
        if op in PARTS_OF_REPLACE:
            op = "replace"
        # The end of a refresh says what it came to: the cloud's object as before, changed, gone.
        if row.op != "replace" or op == "replace":
            row.op = op
        row.phase = phase
        row.changes = changes_of(data, whole=self._whole) or row.changes
        if phase in (Phase.DONE, Phase.FAILED):
            row.ended = time.monotonic()
        return row

    def _message(self, event: DiagnosticEvent) -> Row | None:
        if event.ephemeral or event.severity == "debug":
            return None
        row = self.rows.get(event.urn or "")
        if row is None:
            self.notes.append(event)
        else:
            row.messages.append(event.message.strip())
        return row
