"""Uniform resource names: ``urn:pulumi:<stack>::<project>::<type$type...>::<name>``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

STACK_TYPE: Final = "pulumi:pulumi:Stack"
STACK_REFERENCE_TYPE: Final = "pulumi:pulumi:StackReference"
PROVIDER_PREFIX: Final = "pulumi:providers:"
_PREFIX: Final = "urn:pulumi:"


@dataclass(frozen=True, slots=True)
class Urn:
    """The parts of a URN. ``types`` is the chain of types from the outermost parent inwards."""

    stack: str
    project: str
    types: str
    name: str

    @classmethod
    def parse(cls, text: str) -> Urn:
        """Take a URN apart; the name may itself contain ``::``."""
        parts = text.removeprefix(_PREFIX).split("::", 3)
        if not text.startswith(_PREFIX) or len(parts) != 4:  # noqa: PLR2004 (stack, project, types, name)
            raise ValueError(f"not a URN: {text}")
        return cls(*parts)

    @property
    def type(self) -> str:
        """The resource's own type, without those of its parents."""
        return self.types.rpartition("$")[2]

    def __str__(self) -> str:
        return f"{_PREFIX}{self.stack}::{self.project}::{self.types}::{self.name}"


def make_urn(stack: str, project: str, parent: str, type_: str, name: str) -> str:
    """The URN of a resource; a parent that is the stack itself leaves no trace in it."""
    types = type_
    if parent:
        parent_types = Urn.parse(parent).types
        if parent_types != STACK_TYPE:
            types = f"{parent_types}${type_}"
    return str(Urn(stack, project, types, name))


def type_of(urn: str) -> str:
    """The type in a URN."""
    return Urn.parse(urn).type


def name_of(urn: str) -> str:
    """The name in a URN."""
    return Urn.parse(urn).name


def is_provider(type_: str) -> bool:
    """Whether a resource of this type is a provider's configuration."""
    return type_.startswith(PROVIDER_PREFIX)


def package_of(token: str) -> str:
    """The package of a type or function token; for a provider's type the package it serves."""
    if is_provider(token):
        return token.removeprefix(PROVIDER_PREFIX)
    return token.partition(":")[0]


def provider_urn(reference: str) -> str:
    """The URN in a provider reference (``<urn>::<id>``)."""
    return reference.rpartition("::")[0]


def inherited_alias(parent_alias: str, parent_name: str, type_: str, name: str) -> str:
    """The URN a child had when its parent was still known as ``parent_alias``.

    A child named after its parent (``web`` → ``web-port``) is taken to have been renamed with it.
    """
    alias = Urn.parse(parent_alias)
    if name.startswith(parent_name):
        name = alias.name + name.removeprefix(parent_name)
    return make_urn(alias.stack, alias.project, parent_alias, type_, name)
