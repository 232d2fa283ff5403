"""What changes on one resource, property by property."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hoaban.engine.embedded.properties import MASK

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


def changes_of(data: StepEventMetadata, *, whole: bool = False) -> list[Change]:
    """The changes that a step's event tells.

    None for what is made or deleted as a whole, unless ``whole`` asks for its properties; values
    are uncut then.
    """
    limit = None if whole else LIMIT
    if not data.old or not data.new:
        return _all_of(data) if whole else []
    found = []
    for path, diff in sorted((data.detailed_diff or {}).items()):
        kind = diff.diff_kind.value
        old = _first(path, data.old.inputs, data.old.outputs)
        new = _first(path, data.new.inputs, data.new.outputs)
        sign = SIGNS[kind.removesuffix("-replace")]
        if sign == "-" and new not in (_ABSENT, None):
            sign = "~"  # to a provider, zero and false are nothing; to people they are values
        replaces = kind.endswith("-replace")
        found.append(Change(path, sign, show(old, limit), show(new, limit), replaces))
    return found


def _all_of(data: StepEventMetadata) -> list[Change]:
    state, sign = (data.new, "+") if data.new else (data.old, "-")
    inputs = sorted((state.inputs or {}).items()) if state else []
    none = show(_ABSENT)
    return [
        Change(path, sign, none, show(value, None))
        if sign == "+"
        else Change(path, sign, show(value, None), none)
        for path, value in inputs
        if not path.startswith("__")  # a provider's own notes
    ]


def show(value: Any, limit: int | None = LIMIT) -> str:
    """A value on one line, cut where there is a limit."""
    if value is _ABSENT or value is None:
        return "(none)"
    if value == UNKNOWN:
        return "(known afterwards)"
    text = json.dumps(value, ensure_ascii=False).replace(f'"{UNKNOWN}"', "(known afterwards)")
    return text if limit is None or len(text) <= limit else f"{text[: limit - 1]}…"


def _first(path: str, *places: Mapping[str, Any] | None) -> Any:
    """The value at a path in the first of the places that has it."""
    for place in places:
        found = _at(path, place or {})
        if found is not _ABSENT:
            return found
    return _ABSENT


def _at(path: str, value: Any) -> Any:
    for name, index, quoted in _PART.findall(path):
        if value == MASK:
            return MASK  # what lies within a secret is secret
        if index and isinstance(value, list) and int(index) < len(value):
            value = value[int(index)]
        elif isinstance(value, dict) and (name or quoted) in value:
            value = value[name or quoted]
        else:
            return _ABSENT
    return value
