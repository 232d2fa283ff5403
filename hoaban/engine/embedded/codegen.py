"""A Python program's text that declares resources, as ``pulumi import`` prints it.

No secret is in it: what is secret is asked of the stack's configuration. What stands for another
resource of the same text is that resource's variable.
"""

from __future__ import annotations

import json
import keyword
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from hoaban.engine.embedded.properties import (
    ARCHIVE_SIGNATURE,
    ASSET_SIGNATURE,
    contains_secret,
    signature,
)
from hoaban.engine.embedded.sdk import NO_NAMES, Names, class_of, python_name

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from hoaban.engine.embedded.state import Resource
    from hoaban.engine.values import PropertyMap

WIDTH: Final = 80
_INDENT: Final = "    "
_ASSETS: Final = {
    (ASSET_SIGNATURE, "path"): "FileAsset",
    (ASSET_SIGNATURE, "text"): "StringAsset",
    (ASSET_SIGNATURE, "uri"): "RemoteAsset",
    (ARCHIVE_SIGNATURE, "path"): "FileArchive",
    (ARCHIVE_SIGNATURE, "uri"): "RemoteArchive",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Declaration:
    """A resource to declare, with ``inputs`` as arguments.

    ``references`` are URNs of the resources whose ids stand in an input, by property and id.
    ``provider`` is the URN of the provider where it is told, ``remote`` tells a component whose
    class its package has.
    """

    resource: Resource
    variable: str
    inputs: PropertyMap = field(default_factory=dict)
    references: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    provider: str = ""
    version: str = ""
    remote: bool = False


def generate(
    declarations: Sequence[Declaration], table: Mapping[str, str], project: str, root: str
) -> str:
    """The text. ``table`` are variables of the program by URN, ``root`` the stack's own URN."""
    return _Writer(declarations, table, project, root).text()


class _Writer:
    def __init__(
        self,
        declarations: Sequence[Declaration],
        table: Mapping[str, str],
        project: str,
        root: str,
    ) -> None:
        self._declarations = declarations
        self._project = project
        self._root = root
        self._packages: set[str] = set()
        self._secrets: list[str] = []
        taken = {"pulumi", "config", *(_alias(one) for one in declarations)}
        self._names: dict[str, str] = {}
        for urn, name in table.items():
            self._names[urn] = _variable(name, taken)
        for one in declarations:
            self._names[one.resource.urn] = _variable(one.variable, taken)
        self._table = {urn: self._names[urn] for urn in table}

    def text(self) -> str:
        blocks = ["\n".join(self._declare(one)) for one in self._declarations]
        head = ["import pulumi"]
        head += [f"import {module} as {_short(module)}" for module in sorted(self._packages)]
        used = "\n".join(blocks)
        told = [
            f"# {name}: {urn}"
            for urn, name in self._table.items()
            if re.search(rf"(?<![\w\"]){re.escape(name)}\b(?=[,)\].])", used)
        ]
        parts = ["\n".join(head)]
        if told:
            parts.append("\n".join(["# What your program has already:", *told]))
        if self._secrets:
            parts.append("config = pulumi.Config()")
        return "\n\n".join([*parts, *blocks]) + "\n"

    def _declare(self, one: Declaration) -> Iterator[str]:
        resource = one.resource
        name = resource.urn.rpartition("::")[2]
        arguments: list[tuple[str, Any]] = [("", name)]
        names = NO_NAMES
        if resource.custom or one.remote:
            found = class_of(resource.type)
            self._packages.add(found.module)
            called, names = f"{_short(found.module)}.{found.path}", found.names
        else:
            yield "# Or the class of your own that makes this component:"
            called = "pulumi.ComponentResource"
            arguments.insert(0, ("", resource.type))
        for key, value in one.inputs.items():
            arguments.append((names.argument(key), self._value(one, key, value, names)))
        options = self._options(one)
        if options:
            arguments.append(("opts", Code("pulumi.ResourceOptions", options)))
        for secret in self._asked(one):
            yield f"# Secret: give it to the stack's configuration as {self._project}:{secret}"
        yield from f"{self._names[resource.urn]} = {Code(called, arguments).text(0)}".split("\n")

    def _asked(self, one: Declaration) -> list[str]:
        keys = [key for key, value in one.inputs.items() if contains_secret(value)]
        return [self._key(one, key) for key in keys]

    def _key(self, one: Declaration, key: str) -> str:
        return f"{self._names[one.resource.urn]}_{python_name(key)}"

    def _value(self, one: Declaration, key: str, value: Any, names: Names) -> Any:
        if contains_secret(value):
            asked = self._key(one, key)
            self._secrets.append(asked)
            text = isinstance(getattr(value, "value", None), str)
            ask = "require_secret" if text else "require_secret_object"
            return Code(f"config.{ask}", [("", asked)])
        references = {id_: self._names[urn] for id_, urn in one.references.get(key, {}).items()}
        return _code(value, names.inside(key), references)

    def _options(self, one: Declaration) -> list[tuple[str, Any]]:
        resource = one.resource
        found: list[tuple[str, Any]] = []
        if resource.parent and resource.parent != self._root:
            found.append(("parent", Code(self._names[resource.parent])))
        if one.provider:
            found.append(("provider", Code(self._names[one.provider])))
        if one.version:
            found.append(("version", one.version))
        if resource.protect:
            found.append(("protect", True))
        return found


@dataclass(frozen=True, slots=True)
class Code:
    """An expression: a name, or with ``arguments`` a call."""

    name: str
    arguments: Sequence[tuple[str, Any]] | None = None

    def text(self, depth: int) -> str:
        """The expression, over several lines where it is long."""
        if self.arguments is None:
            return self.name
        return _bracketed(
            f"{self.name}(", ")", [(f"{key}=" if key else "", one) for key, one in self.arguments],
            depth,
        )  # fmt: skip


def _code(value: Any, names: Names | None, references: Mapping[str, str]) -> Any:
    """A property's value with variables in place of ids, and Python's names of keys."""
    if isinstance(value, str):
        found = references.get(value)
        return value if found is None else Code(f"{found}.id")
    if isinstance(value, list):
        return [_code(item, names, references) for item in value]
    if not isinstance(value, dict):
        return value
    kind = signature(value)
    if kind is not None:
        return _asset(kind, value)
    if names is None:
        return {key: _code(item, None, references) for key, item in value.items()}
    return {
        names.argument(key): _code(item, names.inside(key), references)
        for key, item in value.items()
    }


def _asset(kind: str, value: Mapping[str, Any]) -> Any:
    for (of, source), called in _ASSETS.items():
        if of == kind and source in value:
            return Code(f"pulumi.{called}", [("", value[source])])
    items = {name: _code(item, None, {}) for name, item in value.get("assets", {}).items()}
    return Code("pulumi.AssetArchive", [("", items)])


def _render(value: Any, depth: int) -> str:
    match value:
        case Code():
            return value.text(depth)
        case str():
            # JSON's escapes are Python's; letters stay as people write them.
            quoted = json.dumps(value, ensure_ascii=False)
            return "".join(one if one.isprintable() else _escaped(one) for one in quoted)
        case list():
            return _bracketed("[", "]", [("", item) for item in value], depth)
        case dict():
            pairs = [(f"{_render(key, depth)}: ", item) for key, item in value.items()]
            return _bracketed("{", "}", pairs, depth)
    return repr(value)


def _bracketed(opening: str, closing: str, items: Sequence[tuple[str, Any]], depth: int) -> str:
    """Items in one line, or a line each where they have no room in one."""
    short = opening + ", ".join(lead + _render(item, 0) for lead, item in items) + closing
    if len(short) + depth * len(_INDENT) <= WIDTH and "\n" not in short:
        return short
    inner = _INDENT * (depth + 1)
    lines = [f"{inner}{lead}{_render(item, depth + 1)}," for lead, item in items]
    return "\n".join([opening, *lines, _INDENT * depth + closing])


def _escaped(character: str) -> str:
    return f"\\U{ord(character):08x}"


def _alias(one: Declaration) -> str:
    resource = one.resource
    own = resource.custom or one.remote
    return _short(class_of(resource.type).module) if own else ""


def _short(module: str) -> str:
    return module.removeprefix("pulumi_")


def _variable(name: str, taken: set[str]) -> str:
    """A Python identifier for a name, which nothing else of the text has."""
    plain = re.sub(r"\W+", "_", name).strip("_") or "resource"
    if plain[0].isdigit() or keyword.iskeyword(plain):
        plain = f"_{plain}"
    found, number = plain, 1
    while found in taken:
        number += 1
        found = f"{plain}_{number}"
    taken.add(found)
    return found
