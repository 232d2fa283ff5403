"""What somebody else changed on an object, by a list: neither we nor another resource did."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from hoaban.engine.provider import ResourceState, Sighting
from hoaban.openstack import diff
from hoaban.openstack.listed import MOVED

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from hoaban.engine.values import PropertyMap
    from hoaban.openstack.call import Call
    from hoaban.openstack.resource import Resource
    from hoaban.openstack.schema import Field

_PARALLEL: Final = 16  # objects of a type without a list that are read side by side


def sightings(
    kind: Resource,
    known: Sequence[tuple[str, ResourceState]],
    call_for: Callable[[str, ResourceState], Call],
) -> list[Sighting]:
    """What became of objects of a type, given by URN and state, in that order."""

    def seen(one: tuple[str, ResourceState]) -> Sighting:
        urn, state = one
        call = call_for(urn, state)
        return sighting(kind, state, kind.read(call, state.id, state), call.changed_at)

    first = seen(known[0])  # fetches the list; where that is refused, it is asked for once
    with ThreadPoolExecutor(_PARALLEL, "look") as pool:
        return [first, *pool.map(seen, known[1:])]


def sighting(
    kind: Resource, known: ResourceState, fresh: ResourceState | None, at: str = ""
) -> Sighting:
    """A state in store beside what was read; only what was changed by hand is taken over."""
    if fresh is None:
        return Sighting(None)
    changed = [
        spec
        for spec in _compared(kind, known.inputs)
        if diff.normal(spec, known.outputs.get(spec.name))
        != diff.normal(spec, fresh.outputs.get(spec.name))
        and not kind.passing(spec.name, fresh.outputs)
    ]
    names = [spec.name for spec in changed]
    outputs = {name: value for name, value in known.outputs.items() if name not in names}
    outputs |= {name: fresh.outputs[name] for name in names if name in fresh.outputs}
    hidden = frozenset(spec.name for spec in changed if spec.secret or spec.hidden)
    state = ResourceState(known.id, outputs, kind.inputs_of(outputs, known))
    return Sighting(state, names, hidden, at)


def _compared(kind: Resource, inputs: PropertyMap) -> Iterator[Field]:
    """Properties that a person may change: what is never an input is the cloud's own affair."""
    moved = MOVED.get(kind.token, frozenset())
    for spec in kind.fields:
        if spec.output or spec.stored or (spec.name in moved and spec.name not in inputs):
            continue
        parts = tuple(one for one in spec.fields if f"{spec.name}.{one.name}" not in moved)
        yield replace(spec, fields=parts) if len(parts) != len(spec.fields) else spec
