"""Objects found by what they are: by name, or again without a mark."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hoaban.openstack import errors, keys
from hoaban.openstack.convert import object_from_api
from hoaban.openstack.diff import normal
from hoaban.openstack.errors import CloudError
from hoaban.openstack.schema import Field, Kind, is_zero

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hoaban.engine.values import PropertyMap
    from hoaban.openstack.call import Call
    from hoaban.openstack.rest import Rest

Json = dict[str, Any]


def called(call: Call, kind: Rest, name: str, *, mend: str) -> Json:
    """The only object of this name; ``mend`` is what to do when there is none, or more."""
    found = kind.listing(call, {"name": name})
    if len(found) != 1:
        raise CloudError(
            f"there is {len(found) or 'no'} {kind.label} called {name!r}",
            status=errors.NOT_FOUND,
            mend=mend,
        )
    return found[0]


def only_twin(call: Call, kind: Rest, inputs: PropertyMap) -> Json | None:
    """An object with the same natural properties that nobody has marked, if there is just one."""
    names = kind.natural or (("name",) if kind.named else ())
    wanted = {spec: inputs.get(spec.name) for spec in kind.fields if spec.name in names}
    params = {
        spec.attribute: value
        for spec, value in wanted.items()
        if spec.attribute and not is_zero(value) and isinstance(value, (str, int))
    }
    twins = [
        item
        for item in kind.listing(call, params)
        if not keys.marks(item.get("tags")) and kind.same_object(item, inputs)
    ]
    return twins[0] if len(twins) == 1 else None


def alike(fields: Iterable[Field], item: Json, inputs: PropertyMap) -> bool:
    """Whether ``item`` has the plain properties that ``inputs`` ask for, as far as both tell."""
    fields = tuple(fields)
    there = object_from_api(fields, item)
    return all(
        is_zero(inputs.get(spec.name))
        or normal(spec, there.get(spec.name)) == normal(spec, inputs[spec.name])
        for spec in fields
        if spec.kind in (Kind.STRING, Kind.INTEGER) and not spec.output and not spec.stored
        if spec.attribute is not None
    )
