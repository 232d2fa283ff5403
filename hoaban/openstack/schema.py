"""What a resource type's properties are: one :class:`Field` each.

A field tells the property's name in Pulumi (camelCase), its kind, the attribute of the cloud's API
that it stands for, and how a change is made: in place, by a new object, or not at all.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import TYPE_CHECKING, Any

from hoaban.engine.values import Unknown

if TYPE_CHECKING:
    from collections.abc import Callable

    from hoaban.engine.values import PropertyValue

_SAME_AS_NAME = "="


class Kind(Enum):
    """The shape of a property's value."""

    STRING = auto()
    INTEGER = auto()
    NUMBER = auto()
    BOOLEAN = auto()
    MAP = auto()  # string to string
    LIST = auto()  # order counts
    SET = auto()  # order does not count
    OBJECT = auto()  # nested fields


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One property of a resource type.

    ``api`` is the attribute of the cloud's object; None when only hooks deal with the property.
    ``computed``: the cloud fills it in when it is not given, so its absence is no difference.
    ``stored``: the cloud does not tell the value; what was asked last is kept. ``output``: never an
    input. ``follows``: inputs after whose change the value is only known from the cloud.
    ``same`` brings a value to a normal form before a comparison. ``reset`` is what the API wants
    when the property is taken away. ``managed``: told only when it was asked for, so that a change
    by hand shows without making everything else that the cloud filled in a difference. ``secret``
    values are encrypted in state; ``hidden`` ones are only kept out of messages.
    """

    name: str
    kind: Kind = Kind.STRING
    api: str | None = _SAME_AS_NAME
    element: Kind = Kind.STRING
    fields: tuple[Field, ...] = ()
    required: bool = False
    replaces: bool = False
    computed: bool = False
    output: bool = False
    stored: bool = False
    managed: bool = False
    secret: bool = False
    hidden: bool = False
    default: PropertyValue = None
    reset: PropertyValue = None
    choices: tuple[str, ...] = ()
    conflicts: tuple[str, ...] = ()
    follows: tuple[str, ...] = ()
    same: Callable[[Any], Any] | None = field(default=None, compare=False)

    @property
    def attribute(self) -> str | None:
        """The API's attribute, or None."""
        return snake_case(self.name) if self.api == _SAME_AS_NAME else self.api

    @property
    def zero(self) -> PropertyValue:
        """What stands for "nothing" of this kind."""
        return ZERO[self.kind]


ZERO: dict[Kind, PropertyValue] = {
    Kind.STRING: "",
    Kind.INTEGER: 0,
    Kind.NUMBER: 0,
    Kind.BOOLEAN: False,
    Kind.MAP: {},
    Kind.LIST: [],
    Kind.SET: [],
    Kind.OBJECT: {},
}


def snake_case(name: str) -> str:
    """The name as APIs write it: ``allocationPools`` → ``allocation_pools``."""
    return re.sub(r"(?<=[a-z0-9])([A-Z])", r"_\1", name).lower()


def text(name: str, **how: Any) -> Field:
    """A string."""
    return Field(name=name, kind=Kind.STRING, **how)


def integer(name: str, **how: Any) -> Field:
    """A whole number."""
    return Field(name=name, kind=Kind.INTEGER, **how)


def number(name: str, **how: Any) -> Field:
    """A number."""
    return Field(name=name, kind=Kind.NUMBER, **how)


def boolean(name: str, **how: Any) -> Field:
    """Yes or no."""
    return Field(name=name, kind=Kind.BOOLEAN, **how)


def mapping(name: str, **how: Any) -> Field:
    """Strings by string."""
    return Field(name=name, kind=Kind.MAP, **{"reset": {}, **how})


def strings(name: str, **how: Any) -> Field:
    """A list of strings; its order counts."""
    return Field(name=name, kind=Kind.LIST, **{"reset": [], **how})


def string_set(name: str, **how: Any) -> Field:
    """Strings whose order does not count."""
    return Field(name=name, kind=Kind.SET, **{"reset": [], **how})


def objects(name: str, *fields: Field, **how: Any) -> Field:
    """A list of objects; its order counts."""
    return _nested(name, Kind.LIST, fields, how)


def object_set(name: str, *fields: Field, **how: Any) -> Field:
    """Objects whose order does not count."""
    return _nested(name, Kind.SET, fields, how)


def block(name: str, *fields: Field, **how: Any) -> Field:
    """One object (what Terraform calls a block with at most one item)."""
    return Field(name=name, kind=Kind.OBJECT, fields=fields, **how)


def _nested(name: str, kind: Kind, fields: tuple[Field, ...], how: dict[str, Any]) -> Field:
    return Field(name=name, kind=kind, element=Kind.OBJECT, fields=fields, **{"reset": [], **how})


REGION = text("region", api=None, computed=True, replaces=True)
"""The region of every resource: the provider's own unless told."""

VALUE_SPECS = mapping("valueSpecs", api=None, stored=True, replaces=True)
"""Additional attributes handed to the API as they are."""


def project(name: str = "tenantId", **how: Any) -> Field:
    """The owner of an object of Neutron, which an administrator may choose."""
    return text(name, **{"api": "project_id", "computed": True, "replaces": True, **how})


def is_zero(value: PropertyValue) -> bool:
    """Whether a value says nothing: absent, empty, zero or false."""
    return value is None or (not isinstance(value, Unknown) and not value)


def has_unknown(value: PropertyValue) -> bool:
    """Whether an unknown value is anywhere inside."""
    if isinstance(value, Unknown):
        return True
    if isinstance(value, dict):
        return any(has_unknown(item) for item in value.values())
    if isinstance(value, (list, tuple)):
        return any(has_unknown(item) for item in value)
    return False
