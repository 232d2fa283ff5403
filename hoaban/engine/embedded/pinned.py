"""Update plans of an operation: steps as a plan holds them, recorded or compared."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pulumi.automation.events import OpType

from hoaban.engine.embedded.properties import UNKNOWN_STRING
from hoaban.engine.updateplan import Held, PinnedStep, Recorder, UpdatePlan, moved

if TYPE_CHECKING:
    from collections.abc import Collection

    from hoaban.engine.api import Options
    from hoaban.engine.embedded.state import Resource
    from hoaban.engine.embedded.steps import Step
    from hoaban.engine.updateplan import Gate
    from hoaban.engine.values import PropertyMap


class Pinning:
    """The update plan of one operation: that which it records, or is held to, if any."""

    def __init__(self, options: Options) -> None:
        self._held = options.plan
        self._recorder = Recorder() if options.record else None
        self._base = ""

    def begin(self, base: str) -> None:
        """Note the state that the operation begins with; it must be the plan's."""
        self._base = base
        changed = moved(self._held.base, base) if self._held is not None else None
        if changed is not None:
            raise changed

    def gate(self, *, dry_run: bool) -> Gate | None:
        """What looks at steps before they are begun. A rehearsal of an update begins none."""
        return Held(self._held) if self._held is not None and not dry_run else self._recorder

    def plan(self, outputs: PropertyMap) -> UpdatePlan | None:
        """What was recorded."""
        steps = self._recorder.steps() if self._recorder is not None else None
        return UpdatePlan(self._base, steps, outputs) if steps is not None else None


def pinned(step: Step, given: Collection[str]) -> PinnedStep:
    """The step with all that must be the same when it is done; see :class:`PinnedStep`."""
    resource = step.resource
    id_ = _id(step)
    inputs = resource.inputs if step.op is not OpType.SAME and step.new is not None else {}
    return PinnedStep(
        step.op.value,
        step.urn,
        resource.type,
        "" if id_ == UNKNOWN_STRING else id_,
        {key: value for key, value in inputs.items() if key in given},
        _options(resource),
        list(step.diff.changes),
    )


def _id(step: Step) -> str:
    """The object that a step is about; none where it makes one."""
    match step.op:
        case OpType.CREATE | OpType.CREATE_REPLACEMENT:
            return ""
        case OpType.IMPORT:
            return step.resource.import_id
        case OpType.READ | OpType.READ_REPLACEMENT:
            return step.resource.id
    return (step.old or step.resource).id


def _options(resource: Resource) -> PropertyMap:
    """Options that change what becomes of a resource, as far as they are not as usual."""
    found: PropertyMap = {
        "protect": resource.protect,
        "retainOnDelete": resource.retain_on_delete,
        "deletedWith": resource.deleted_with,
        "ignoreChanges": list(resource.ignore_changes),
        "provider": resource.provider.rpartition("::")[0],  # its id may not be known yet
    }
    return {key: value for key, value in found.items() if value}
