"""What changes on one resource, property by property."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pulumi.automation.events import StepEventMetadata

UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"  # Pulumi's word for what a preview can't know
LIMIT = 80  # characters of a value shown
_PART = re.compile(r"""\.?([^.\["\]]+)|\[(\d+)\]|\["((?:[^"\\]|\\.)*)"\]""")
_ABSENT = object()


@dataclass(frozen=True, slots=True)
class Change:
    """One property: its path, ``+``, ``-`` or ``~``, and both values as text."""

    path: str
    sign: str
    old: str
    new: str
    replaces: bool = False

    def __str__(self) -> str:
        forces = " (forces replacement)" if self.replaces else ""
        match self.sign:
            case "+":
                return f"+ {self.path}: {self.new}{forces}"
            case "-":
                return f"- {self.path}: {self.old}{forces}"
            case _:
                return f"~ {self.path}: {self.old} => {self.new}{forces}"


SIGNS = {"add": "+", "delete": "-", "update": "~"}


def changes_of(data: StepEventMetadata) -> list[Change]:
    """The changes that a step's event tells; none for what is made or deleted as a whole."""
    if not data.old or not data.new:
        return []
    found = []
    for path, diff in sorted((data.detailed_diff or {}).items()):
        kind = diff.diff_kind.value
        old = _first(path, data.old.inputs, data.old.outputs)
        new = _first(path, data.new.inputs, data.new.outputs)
        sign = SIGNS[kind.removesuffix("-replace")]
        if sign == "-" and new not in (_ABSENT, None):
            sign = "~"  # to a provider, zero and false are nothing; to people they are values
        found.append(Change(path, sign, show(old), show(new), kind.endswith("-replace")))
    return found


def show(value: Any) -> str:
    """A value on one line."""
    if value is _ABSENT or value is None:
        return "(none)"
    if value == UNKNOWN:
        return "(known afterwards)"
    text = json.dumps(value, ensure_ascii=False).replace(f'"{UNKNOWN}"', "(known afterwards)")
    return text if len(text) <= LIMIT else f"{text[: LIMIT - 1]}…"


def _first(path: str, *places: Mapping[str, Any] | None) -> Any:
    """The value at a path in the first of the places that has it."""
    for place in places:
        found = _at(path, place or {})
        if found is not _ABSENT:
            return found
    return _ABSENT


def _at(path: str, value: Any) -> Any:
    for name, index, quoted in _PART.findall(path):
        if index and isinstance(value, list) and int(index) < len(value):
            value = value[int(index)]
        elif isinstance(value, dict) and (name or quoted) in value:
            value = value[name or quoted]
        else:
            return _ABSENT
    return value
