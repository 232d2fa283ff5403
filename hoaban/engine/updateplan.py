"""Update plans: the steps of a preview, to which a later update is held.

As Pulumi's own (pkg/resource/deploy/plan.go): an update does the steps that the plan holds, or
fewer, and no other. What the preview could not know yet may become anything; all else must
be as planned.
"""

from __future__ import annotations

import json
import threading
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol

from hoaban.engine.values import Secret, Unknown
from hoaban.errors import HoabanError, Location

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from hoaban.engine.values import PropertyMap

SAME: Final = "same"
SHOWN_CHARACTERS: Final = 60
MEND: Final = "make a new plan and look at it: hoaban plan … --out FILE"


class PlanError(HoabanError):
    """What would be done is not what the plan holds."""


@dataclass(frozen=True, slots=True)
class PinnedStep:
    """One step of a plan.

    ``op`` is Pulumi's word. ``id`` is the object that the step is about, empty where it makes one.
    ``inputs`` are those that the program gives (what a provider makes up is not pinned), none where
    nothing changes. ``options`` are the resource's options that are not as usual. ``diffs`` are the
    properties that change, for people.
    """

    op: str
    urn: str
    type: str
    id: str = ""
    inputs: PropertyMap = field(default_factory=dict)
    options: PropertyMap = field(default_factory=dict)
    diffs: Sequence[str] = ()

    def differences(self, now: PinnedStep) -> Iterator[Difference]:
        """How the step of the same operation on the same resource differs now."""
        if self.id != now.id:
            yield Difference("id", self.id, now.id)
        for name in ("options", "inputs"):
            yield from compare(getattr(self, name), getattr(now, name), "")


@dataclass(frozen=True, slots=True)
class UpdatePlan:
    """All steps of a preview. ``base`` is the digest of the state that it began with.

    An empty ``base`` is not compared. ``outputs`` are what the stack would export.
    """

    base: str
    steps: Sequence[PinnedStep]
    outputs: PropertyMap = field(default_factory=dict)

    def differences(self, now: UpdatePlan) -> list[str]:
        """What a preview made now would do otherwise, a line each, by resource and property."""
        found: list[str] = []
        planned, made = _by_urn(self.steps), _by_urn(now.steps)
        for urn in sorted({*planned, *made}):
            before, after = planned.get(urn, {}), made.get(urn, {})
            if before.keys() != after.keys():
                found.append(f"{urn}: planned {_ops(before)}, now {_ops(after)}")
                continue
            found += [
                f"{urn}: {op}: {one}"
                for op, step in before.items()
                for one in step.differences(after[op])
            ]
        found += [f"outputs: {one}" for one in compare(self.outputs, now.outputs, "")]
        return found


class Difference(NamedTuple):
    """One value that is not as planned, by its path."""

    path: str
    planned: Any
    now: Any

    def __str__(self) -> str:
        return f"{self.path}: planned {_shown(self.planned)}, now {_shown(self.now)}"


_ABSENT: Final = object()


def compare(planned: Any, now: Any, path: str) -> Iterator[Difference]:
    """Values that differ, by path. What was not known when it was planned may be anything."""
    if isinstance(planned, Secret) and isinstance(now, Secret):
        if next(compare(planned.value, now.value, path), None) is not None:
            yield Difference(path, planned, now)
    elif isinstance(planned, dict) and isinstance(now, dict):
        for key in sorted({*planned, *now}):
            at = f"{path}.{key}" if path else str(key)
            yield from compare(planned.get(key, _ABSENT), now.get(key, _ABSENT), at)
    elif isinstance(planned, list) and isinstance(now, list) and len(planned) == len(now):
        for index, (one, other) in enumerate(zip(planned, now, strict=True)):
            yield from compare(one, other, f"{path}[{index}]")
    elif not isinstance(planned, Unknown) and (
        isinstance(planned, bool) != isinstance(now, bool) or planned != now
    ):
        yield Difference(path, planned, now)


def _shown(value: Any) -> str:
    if value is _ABSENT:
        return "nothing"
    if isinstance(value, Unknown):
        return "a value not known yet"
    if isinstance(value, Secret):
        return repr(value)
    text = json.dumps(value, ensure_ascii=False, default=_special)
    return text if len(text) <= SHOWN_CHARACTERS else f"{text[:SHOWN_CHARACTERS]}…"


def _special(value: object) -> str:
    return repr(value)  # a Secret's says nothing, an unknown's that it is one


def _by_urn(steps: Sequence[PinnedStep]) -> Mapping[str, Mapping[str, PinnedStep]]:
    found: dict[str, dict[str, PinnedStep]] = defaultdict(dict)
    for step in steps:
        found[step.urn][step.op] = step
    return found


def _ops(steps: Mapping[str, PinnedStep]) -> str:
    return " and ".join(sorted(steps)) or "nothing"


class Gate(Protocol):
    """Sees every step of an update before it is begun, from several threads; may refuse it."""

    def admit(self, step: PinnedStep) -> None:
        """Let the step be, or raise."""


class Recorder:
    """Notes the steps of a preview."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._steps: list[PinnedStep] = []

    def admit(self, step: PinnedStep) -> None:
        """Note a step."""
        with self._lock:
            self._steps.append(step)

    def steps(self) -> list[PinnedStep]:
        """All that were noted, in an order that does not hang on who was faster."""
        with self._lock:
            return sorted(self._steps, key=lambda one: (one.urn, one.op, one.id))


class Held:
    """Admits what a plan holds, each step once, and nothing else."""

    def __init__(self, plan: UpdatePlan) -> None:
        self._lock = threading.Lock()
        self._left: dict[str, list[PinnedStep]] = defaultdict(list)
        for step in plan.steps:
            self._left[step.urn].append(step)
        self._known = frozenset(self._left)

    def admit(self, step: PinnedStep) -> None:
        """Let a planned step pass. To change nothing where a change was planned is no more."""
        if step.op == SAME and step.urn in self._known:
            return
        with self._lock:
            planned = self._left.get(step.urn, [])
            alike = [one for one in planned if one.op == step.op]
            for one in alike:
                if not any(one.differences(step)):
                    planned.remove(one)
                    return
        raise self._refusal(step, alike)

    def _refusal(self, step: PinnedStep, alike: Sequence[PinnedStep]) -> PlanError:
        where = Location(urn=step.urn)
        if alike:
            told = "; ".join(map(str, alike[0].differences(step)))
            what = f"the plan holds another {step.op}: {told}"
        else:
            ops = " and ".join(sorted(one.op for one in self._left.get(step.urn, ())))
            what = f"the plan holds no {step.op} of this resource, but {ops or 'nothing more'}"
        return PlanError(what, where=where, mend=f"what was planned and done stays; {MEND}")


def moved(planned: str, now: str) -> PlanError | None:
    """The error when the state is not that which a plan began with."""
    if not planned or planned == now:
        return None
    return PlanError("the state has changed since the plan was made", mend=MEND)
