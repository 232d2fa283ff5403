"""Which types a model wants at a path of keys, in words for people."""

from __future__ import annotations

from enum import Enum
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from types import NoneType, UnionType
from typing import TYPE_CHECKING, Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel

from hoaban.model.problems import listed

if TYPE_CHECKING:
    from hoaban.model.document import KeyPath

_WORDS: dict[type, str] = {
    IPv4Address: "an IPv4 address such as 10.20.0.1",
    IPv6Address: "an IPv6 address such as fd12:3456:789a::1",
    IPv4Network: "an IPv4 network such as 10.20.0.0/16",
    IPv6Network: "an IPv6 network such as fd12:3456:789a::/48",
    str: "a text (in quotes, if it looks like a number)",
    bool: "true or false",
    int: "a whole number, without quotes",
    float: "a number, without quotes",
    list: "a list (`- ...` lines)",
    dict: "keys with values",
}


def describe(kind: type) -> str:
    """A type in words."""
    if kind in _WORDS:
        return _WORDS[kind]
    if issubclass(kind, Enum):
        return f"one of {listed(str(member.value) for member in kind)}"
    if issubclass(kind, BaseModel):
        return f"the keys {', '.join(f'`{name}`' for name in kind.model_fields)}"
    return kind.__name__


def kinds_at(model: type[BaseModel], path: KeyPath) -> list[type]:
    """The types that the value at a path may have; several for a union, none for no such path."""
    return [_plain(one) for one in _annotations_at(model, path)]


def kinds_of_keys_at(model: type[BaseModel], path: KeyPath) -> list[type]:
    """The types that the last key of a path may have, where it is the key of a mapping."""
    return [
        _plain(key)
        for annotation in _annotations_at(model, path[:-1])
        if get_origin(annotation) is dict
        for key in _members(get_args(annotation)[0])
    ]


def _annotations_at(model: type[BaseModel], path: KeyPath) -> list[Any]:
    found: list[Any] = [model]
    for part in path:
        found = [inner for outer in found for inner in _step(outer, part)]
    return found


def _step(annotation: Any, part: str | int) -> list[Any]:
    origin = get_origin(annotation)
    if origin is dict:
        return _members(get_args(annotation)[1])
    if origin is list:
        return _members(get_args(annotation)[0])
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        field = annotation.model_fields.get(str(part))
        return _members(field.annotation) if field else []
    return []


def _members(annotation: Any) -> list[Any]:
    """The members of a union; metadata and None, which stands for absence, are left out."""
    origin = get_origin(annotation)
    if origin is Annotated:
        return _members(get_args(annotation)[0])
    if origin in {Union, UnionType}:
        return [inner for member in get_args(annotation) for inner in _members(member)]
    return [] if annotation is NoneType else [annotation]


def _plain(annotation: Any) -> type:
    origin = get_origin(annotation)
    if origin is Literal:
        return type(get_args(annotation)[0])
    plain = origin or annotation
    return plain if isinstance(plain, type) else object
