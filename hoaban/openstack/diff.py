"""What differs between a resource as it is in store and as it is asked for.

The rules are those of the official provider: a property that is not given and that the cloud fills
in is no difference; one that is not given and that the cloud does not fill in is taken away; sets
are compared without order; nothing at all, an empty string, zero and false are the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hoaban.engine.provider import DiffKind
from hoaban.openstack.schema import Field, Kind, has_unknown, is_zero

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from hoaban.engine.values import PropertyMap, PropertyValue

Changes = dict[str, DiffKind]


def compare(fields: Iterable[Field], olds: PropertyMap, news: PropertyMap) -> Changes:
    """Changes by property path from ``olds`` (outputs in store) to ``news`` (checked inputs)."""
    changes: Changes = {}
    for spec in fields:
        if not spec.output:
            _compare(spec, spec.name, olds.get(spec.name), news.get(spec.name), changes)
    return changes


def without_ignored(changes: Changes, ignore: Sequence[str]) -> Changes:
    """The changes that ``ignore_changes`` does not name (a name covers all that is inside it)."""
    return {
        path: kind
        for path, kind in changes.items()
        if not any(_covers(ignored, path) for ignored in ignore)
    }


def changed_names(changes: Iterable[str]) -> set[str]:
    """The top-level properties of ``changes``."""
    return {path.partition(".")[0].partition("[")[0] for path in changes}


def normal(spec: Field, value: PropertyValue) -> PropertyValue:
    """``value`` in the form in which equal values are equal; None when it says nothing."""
    if is_zero(value):
        return None
    items = spec.kind in (Kind.LIST, Kind.SET)
    if spec.same is not None and not items:
        return spec.same(value)
    return _NORMAL[spec.kind](spec, value) if spec.kind in _NORMAL else value


_NORMAL: dict[Kind, Callable[[Field, PropertyValue], PropertyValue]] = {
    Kind.INTEGER: lambda _, value: float(value),
    Kind.NUMBER: lambda _, value: float(value),
    Kind.OBJECT: lambda spec, value: _normal_object(spec.fields, value),
    Kind.LIST: lambda spec, value: [_normal_item(spec, item) for item in value],
    Kind.SET: lambda spec, value: sorted((_normal_item(spec, one) for one in value), key=repr),
    Kind.MAP: lambda _, value: {
        key: str(item) for key, item in value.items() if not key.startswith("__")
    },
}


def _compare(
    spec: Field, path: str, old: PropertyValue, new: PropertyValue, changes: Changes
) -> None:
    if has_unknown(new):
        changes[path] = _kind(spec, old, new)
        return
    old = spec.default if old is None else old
    if new is None:
        if spec.computed:
            return
        new = spec.default
    not_given = spec.computed and new in ([], {})  # to the official provider
    if not_given or (is_zero(new) and normal(spec, old) is None):
        return
    if compare_inside := _INSIDE.get(spec.kind):
        compare_inside(spec, path, old or spec.zero, new or spec.zero, changes)
    elif normal(spec, old) != normal(spec, new):
        changes[path] = _kind(spec, old, new)


def _compare_maps(
    spec: Field, path: str, old: PropertyMap, new: PropertyMap, changes: Changes
) -> None:
    for key in dict.fromkeys((*old, *new)):
        before, after = old.get(key), new.get(key)
        if not key.startswith("__") and before != after:
            changes[f"{path}.{key}"] = _change(spec.replaces, before is None, after is None)


def _compare_objects(
    spec: Field, path: str, old: PropertyMap, new: PropertyMap, changes: Changes
) -> None:
    if not old or not new:
        changes[path] = _change(replaces_deep(spec), not old, not new)
        return
    _compare_fields(spec, path, old, new, changes)


def _compare_fields(
    spec: Field, path: str, old: PropertyMap, new: PropertyMap, changes: Changes
) -> None:
    for inner in spec.fields:
        if not inner.output:
            before, after = old.get(inner.name), new.get(inner.name)
            _compare(inner, f"{path}.{inner.name}", before, after, changes)


def _compare_lists(
    spec: Field,
    path: str,
    old: Sequence[PropertyValue],
    new: Sequence[PropertyValue],
    changes: Changes,
) -> None:
    for index in range(max(len(old), len(new))):
        where = f"{path}[{index}]"
        if index >= len(old) or index >= len(new):
            added = index >= len(old)
            changes[where] = _change(replaces_deep(spec), added, not added)
        elif spec.element is Kind.OBJECT:
            _compare_fields(spec, where, old[index], new[index], changes)
        elif _normal_item(spec, old[index]) != _normal_item(spec, new[index]):
            changes[where] = _change(spec.replaces, added=False, removed=False)


def _compare_sets(
    spec: Field,
    path: str,
    old: Sequence[PropertyValue],
    new: Sequence[PropertyValue],
    changes: Changes,
) -> None:
    before = [_normal_item(spec, item) for item in old]
    after = [_normal_item(spec, item) for item in new]
    for index, item in enumerate(before):
        if item not in after:
            changes[f"{path}[{index}]"] = _change(replaces_deep(spec), added=False, removed=True)
    for index, item in enumerate(after):
        if item not in before:
            where = f"{path}[{index}]"
            removed_too = where in changes
            changes[where] = _change(replaces_deep(spec), not removed_too, removed=False)


_INSIDE: dict[Kind, Callable[[Field, str, Any, Any, Changes], None]] = {
    Kind.MAP: _compare_maps,
    Kind.OBJECT: _compare_objects,
    Kind.LIST: _compare_lists,
    Kind.SET: _compare_sets,
}


def _normal_item(spec: Field, item: PropertyValue) -> PropertyValue:
    if spec.element is Kind.OBJECT:
        return _normal_object(spec.fields, item)
    return item if spec.same is None else spec.same(item)


def _normal_object(fields: Iterable[Field], value: PropertyMap) -> PropertyMap:
    """Only what is given in it: an absent part of a set's item says nothing."""
    found = {}
    for spec in fields:
        if spec.output:
            continue
        item = value.get(spec.name)
        if item in (None, ""):
            item = spec.default
        if (shown := normal(spec, item)) is not None:
            found[spec.name] = shown
    return found


def replaces_deep(spec: Field) -> bool:
    """Whether adding or taking away the whole property needs a new object."""
    return spec.replaces or any(replaces_deep(inner) for inner in spec.fields)


def _kind(spec: Field, old: PropertyValue, new: PropertyValue) -> DiffKind:
    replaces = replaces_deep(spec) if spec.kind is not Kind.MAP else spec.replaces
    return _change(replaces, is_zero(old), is_zero(new) and not has_unknown(new))


def _change(replaces: bool, added: bool, removed: bool) -> DiffKind:
    if added:
        return DiffKind.ADD_REPLACE if replaces else DiffKind.ADD
    if removed:
        return DiffKind.DELETE_REPLACE if replaces else DiffKind.DELETE
    return DiffKind.UPDATE_REPLACE if replaces else DiffKind.UPDATE


def _covers(ignored: str, path: str) -> bool:
    if ignored in ("*", path):
        return True
    ignored = ignored.removesuffix("[*]").removesuffix(".*")
    return path.startswith((ignored + ".", ignored + "["))
