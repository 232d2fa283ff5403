"""Inputs of a resource: refused, or brought to their kinds with defaults filled in.

The result is what Pulumi's bridge for the official provider writes: defaults stand among the
inputs, and ``__defaults`` names them, so that either provider can go on from the other's state.
"""

from __future__ import annotations

import secrets
from difflib import get_close_matches
from typing import TYPE_CHECKING

from hoaban.engine.provider import CheckFailure, CheckResult
from hoaban.engine.values import Asset, Secret, Unknown
from hoaban.openstack.schema import Field, Kind, has_unknown, is_zero

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from hoaban.engine.values import PropertyMap, PropertyValue

DEFAULTS = "__defaults"
NAME = "name"
_MAX_NAME = 255
_HEX_DIGITS = 7


def check_inputs(
    fields: Sequence[Field], urn: str, olds: PropertyMap, news: PropertyMap, *, named: bool
) -> CheckResult:
    """Check ``news``; ``olds`` are the inputs of the last run (empty for a new object).

    ``named``: a name is made up from the URN's when none is given, as Pulumi does.
    """
    failures: list[CheckFailure] = []
    known = {spec.name: spec for spec in fields if not spec.output}
    inputs: PropertyMap = {}
    for name, value in news.items():
        if name.startswith("__") or value is None:
            continue
        if name not in known:
            failures.append(CheckFailure(name, _unknown_property(name, known)))
            continue
        inputs[name] = accept(known[name], value, name, failures)
    failures += _conflicts(known.values(), inputs)
    defaults = _fill_defaults(known.values(), inputs)
    if named and NAME not in inputs:
        inputs[NAME] = _auto_name(urn, olds)
        defaults.append(NAME)
    failures += [
        CheckFailure(name, f"{name} is required")
        for name, spec in known.items()
        if spec.required and inputs.get(name) is None
    ]
    inputs[DEFAULTS] = sorted(defaults)
    return CheckResult(inputs, failures)


def accept(
    spec: Field, value: PropertyValue, path: str, failures: list[CheckFailure]
) -> PropertyValue:
    """``value`` as ``spec``'s kind; what does not fit is added to ``failures``."""
    if isinstance(value, Unknown):
        return value
    if isinstance(value, (Secret, Asset)):
        failures.append(CheckFailure(path, "an asset does not fit here; give a plain value"))
        return value
    match spec.kind:
        case Kind.LIST | Kind.SET:
            return _accept_items(spec, value, path, failures)
        case Kind.OBJECT:
            return _accept_object(spec.fields, value, path, failures)
        case Kind.MAP:
            return _accept_map(value, path, failures)
        case kind:
            return _accept_scalar(spec, kind, value, path, failures)


def _accept_items(
    spec: Field, value: PropertyValue, path: str, failures: list[CheckFailure]
) -> PropertyValue:
    if not isinstance(value, (list, tuple)):
        failures.append(CheckFailure(path, f"expected a list, got {_kind_name(value)}"))
        return value
    items = []
    for index, item in enumerate(value):
        where = f"{path}[{index}]"
        if isinstance(item, Unknown):
            items.append(item)
        elif spec.element is Kind.OBJECT:
            items.append(_accept_object(spec.fields, item, where, failures))
        else:
            items.append(_accept_scalar(spec, spec.element, item, where, failures))
    return items


def _accept_object(
    fields: Iterable[Field], value: PropertyValue, path: str, failures: list[CheckFailure]
) -> PropertyValue:
    if not isinstance(value, dict):
        failures.append(CheckFailure(path, f"expected an object, got {_kind_name(value)}"))
        return value
    known = {spec.name: spec for spec in fields}
    accepted: PropertyMap = {}
    for name, item in value.items():
        if name.startswith("__") or item is None:
            continue
        if name not in known:
            failures.append(CheckFailure(f"{path}.{name}", _unknown_property(name, known)))
        else:
            accepted[name] = accept(known[name], item, f"{path}.{name}", failures)
    failures += [
        CheckFailure(f"{path}.{name}", f"{name} is required")
        for name, spec in known.items()
        if spec.required and name not in accepted
    ]
    return accepted


def _accept_map(value: PropertyValue, path: str, failures: list[CheckFailure]) -> PropertyValue:
    if not isinstance(value, dict):
        failures.append(CheckFailure(path, f"expected a map, got {_kind_name(value)}"))
        return value
    item_spec = Field(name="")
    return {
        name: item
        if isinstance(item, Unknown)
        else _accept_scalar(item_spec, Kind.STRING, item, f"{path}.{name}", failures)
        for name, item in value.items()
        if item is not None and not name.startswith("__")
    }


def _accept_scalar(
    spec: Field, kind: Kind, value: PropertyValue, path: str, failures: list[CheckFailure]
) -> PropertyValue:
    try:
        accepted = _as_kind(kind, value)
    except (ValueError, TypeError):
        what = kind.name.lower()
        failures.append(CheckFailure(path, f"expected a {what}, got {_kind_name(value)}"))
        return value
    if spec.choices and accepted != "" and str(accepted) not in spec.choices:
        shown = ", ".join(spec.choices)
        failures.append(CheckFailure(path, f"{accepted!r} is not one of: {shown}"))
    return accepted


def _as_kind(kind: Kind, value: PropertyValue) -> PropertyValue:
    if isinstance(value, (dict, list, tuple)) or value is None:
        raise TypeError(kind)
    return _CONVERT[kind](value)


def _as_integer(value: PropertyValue) -> int:
    whole = int(value) if isinstance(value, str) else value
    if isinstance(whole, bool) or whole != int(whole):
        raise ValueError(value)
    return int(whole)


def _as_number(value: PropertyValue) -> float:
    if isinstance(value, bool):
        raise TypeError(value)
    return float(value)


def _as_boolean(value: PropertyValue) -> bool:
    if isinstance(value, bool):
        return value
    if value not in _BOOLS:
        raise ValueError(value)
    return str(value).lower() == "true"


def _as_string(value: PropertyValue) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


_CONVERT = {
    Kind.INTEGER: _as_integer,
    Kind.NUMBER: _as_number,
    Kind.BOOLEAN: _as_boolean,
    Kind.STRING: _as_string,
}
_BOOLS = ("true", "false", "True", "False")


def _conflicts(fields: Iterable[Field], inputs: PropertyMap) -> list[CheckFailure]:
    return [
        CheckFailure(spec.name, f"{spec.name} cannot be given together with {other}")
        for spec in fields
        for other in spec.conflicts
        if not is_zero(inputs.get(spec.name)) and not is_zero(inputs.get(other))
    ]


def _fill_defaults(fields: Iterable[Field], inputs: PropertyMap) -> list[str]:
    """Fill in what is not given; returns the names. A default that says nothing is not written."""
    filled = []
    for spec in fields:
        given = spec.name in inputs or any(
            not is_zero(inputs.get(other)) for other in spec.conflicts
        )
        if not given and not is_zero(spec.default):
            inputs[spec.name] = spec.default
            filled.append(spec.name)
    return filled


def _auto_name(urn: str, olds: PropertyMap) -> str:
    """The old name when it was made up too, else a new one nobody else has."""
    old = olds.get(NAME)
    if isinstance(old, str) and NAME in olds.get(DEFAULTS, [NAME]):
        return old
    suffix = "-" + secrets.token_hex(_HEX_DIGITS)[:_HEX_DIGITS]
    return urn.rpartition("::")[2][: _MAX_NAME - len(suffix)] + suffix


def _unknown_property(name: str, known: Iterable[str]) -> str:
    close = get_close_matches(name, list(known), n=1)
    hint = f"; did you mean {close[0]}?" if close else ""
    return f"there is no input {name}{hint}"


def _kind_name(value: PropertyValue) -> str:
    if has_unknown(value):
        return "an unknown value"
    names = {dict: "an object", list: "a list", tuple: "a list", bool: "true or false"}
    return names.get(type(value), f"a {type(value).__name__}")
