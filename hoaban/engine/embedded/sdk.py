"""What the Python SDK of a package tells: its version, its classes, the names of their arguments.

A package that is not installed is taken to be as Pulumi generates them all (pkg/codegen/python):
``fake:web/site:Site`` is ``pulumi_fake.web.Site``, its ``maxSize`` is ``max_size``.
"""

from __future__ import annotations

import importlib
import keyword
import re
from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any, Final, get_args

from pulumi import _types

if TYPE_CHECKING:
    from collections.abc import Mapping

_RELEASE: Final = re.compile(r"\d+\.\d+\.\d+")
_ROOT: Final = "index"


def sdk_version(package: str) -> str:
    """The version of a package's SDK, which programs ask for; empty where it is not installed."""
    try:
        found = version(f"pulumi-{package}")
    except PackageNotFoundError:
        return ""
    return found if _RELEASE.fullmatch(found) else ""


@dataclass(frozen=True, slots=True)
class Names:
    """How the arguments of a class are called in Python, by property, and what is inside them."""

    python: Mapping[str, str]
    types: Mapping[str, Any]

    def argument(self, name: str) -> str:
        """The Python name of a property."""
        return self.python.get(name) or python_name(name)

    def inside(self, name: str) -> Names | None:
        """The names in a property's objects; None where their keys are a person's own."""
        found = _input_type(self.types.get(name))
        return _names_of(found) if found is not None else None


NO_NAMES: Final = Names({}, {})


@dataclass(frozen=True, slots=True)
class SdkClass:
    """The class of a type: ``module`` to import, and the ``path`` of the class inside it."""

    module: str
    path: str
    names: Names


def class_of(token: str) -> SdkClass:
    """The class of a type token."""
    package, inner, name = token.split(":")
    module = f"pulumi_{package.replace('-', '_')}"
    folder = inner.partition("/")[0]
    folder = "" if folder == _ROOT else python_name(folder)
    path = f"{folder}.{name}" if folder else name
    return SdkClass(module, path, _arguments(f"{module}.{folder}".rstrip("."), f"{name}Args"))


def python_name(name: str) -> str:
    """A property's name as Python code of Pulumi has it."""
    words = re.sub(r"([A-Z]+)([A-Z][a-z])", r"\1_\2", name)
    found = re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", words).replace("-", "_").lower()
    return f"{found}_" if keyword.iskeyword(found) else found


@cache
def _arguments(module: str, name: str) -> Names:
    try:
        found = getattr(importlib.import_module(module), name, None)
    except ImportError:
        return NO_NAMES
    return _names_of(found) if isinstance(found, type) and _types.is_input_type(found) else NO_NAMES


def _names_of(input_type: type) -> Names:
    python = _types.input_type_py_to_pulumi_names(input_type)
    return Names(
        {pulumi: own for own, pulumi in python.items()}, _types.input_type_types(input_type)
    )


def _input_type(hint: Any) -> type | None:
    """The class of objects that is somewhere in a type hint."""
    if isinstance(hint, type) and _types.is_input_type(hint):
        return hint
    return next((one for part in get_args(hint) if (one := _input_type(part))), None)
