"""Validate a document against a model; say each fault with its line, its key and its mend."""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import Enum
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import TYPE_CHECKING, TypeVar

from pydantic import BaseModel, ValidationError

from hoaban.errors import HoabanError, Location
from hoaban.model.document import dotted
from hoaban.model.kinds import describe, kinds_at, kinds_of_keys_at
from hoaban.model.naming import slugify
from hoaban.model.problems import listed, near, raise_all
from hoaban.model.types import FORMS, SLUG_PATTERN, Model

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydantic_core import ErrorDetails

    from hoaban.model.document import Document, KeyPath

M = TypeVar("M", bound=BaseModel)
MAX_SHOWN = 60

# What is wrong with a value, and what would be right; filled in from pydantic's own context.
_LIMITS = {
    "greater_than": ("is too small", "give more than {gt}"),
    "greater_than_equal": ("is too small", "give {ge} or more"),
    "less_than_equal": ("is too large", "give {le} or less"),
    "string_too_long": ("is too long", "use at most {max_length} characters"),
    "string_too_short": ("is too short", "write at least {min_length} characters"),
    "too_short": ("has too few entries", "write at least {min_length}"),
    "literal_error": ("is not known here", "write {expected}"),
}


def validate(document: Document, model: type[M]) -> M:
    """The document as a model; raises all its faults at once.

    JSON is the way in because its strict mode takes texts for addresses and enumerations, but no
    text for a number: what the exported JSON Schema refuses in an editor is refused here too.
    """
    try:
        return model.model_validate_json(json.dumps(document.data), strict=True)
    except ValidationError as error:
        faults = error.errors(include_url=False)
    raise_all(_tell(document, model, faults))
    raise AssertionError("pydantic refused a document without saying why")


def _tell(
    document: Document, model: type[BaseModel], faults: list[ErrorDetails]
) -> list[HoabanError]:
    """One error for each place: members of a union each complain about the same value."""
    told: dict[KeyPath, HoabanError] = {}
    for fault in faults:
        of_key = fault["loc"][-1:] == ("[key]",)
        location = fault["loc"][:-1] if of_key else fault["loc"]
        # A union adds labels of its members to the path: the file knows where the path ends.
        path = location if fault["type"] == "missing" else document.known(location)
        if path not in told:
            told[path] = _Fault(document, model, path, fault, of_key=of_key).error()
    for path in _mistyped(faults):
        told.pop(path, None)
    return list(told.values())


def _mistyped(faults: list[ErrorDetails]) -> Iterator[KeyPath]:
    """Missing keys that stand in the file under a name like theirs: one mistake, told once."""
    unknown: dict[KeyPath, list[str]] = {}
    for fault in faults:
        if fault["type"] == "extra_forbidden":
            unknown.setdefault(fault["loc"][:-1], []).append(str(fault["loc"][-1]))
    for fault in faults:
        path = fault["loc"]
        if fault["type"] == "missing" and near(str(path[-1]), unknown.get(path[:-1], ())):
            yield path


@dataclass(frozen=True, slots=True, kw_only=False)
class _Fault:
    """One fault, on the way to its words."""

    document: Document
    model: type[BaseModel]
    path: KeyPath
    fault: ErrorDetails
    of_key: bool

    def error(self) -> HoabanError:
        what, mend = self._words()
        where = Location(
            file=self.document.name, line=self.document.line(self.path), key=dotted(self.path)
        )
        return HoabanError(what, where=where, mend=mend)

    @property
    def name(self) -> str:
        return dotted(self.path[-1:])

    @property
    def shown(self) -> str:
        """The value as JSON, cut when long; never what may be a secret."""
        text = json.dumps(self.fault["input"], ensure_ascii=False)
        if "PRIVATE KEY" in text or "AGE-SECRET-KEY" in text:
            return "a private key (which must never be here)"
        return text if len(text) <= MAX_SHOWN else f"{text[: MAX_SHOWN - 3]}..."

    @property
    def kinds(self) -> list[type]:
        at = kinds_of_keys_at if self.of_key else kinds_at
        return at(self.model, self.path)

    @property
    def wanted(self) -> str:
        return " or ".join(dict.fromkeys(describe(kind) for kind in self.kinds))

    def _words(self) -> tuple[str, str]:
        kind = self.fault["type"]
        if self.fault["input"] is None and kind != "extra_forbidden":
            return f"`{self.name}` is empty", f"give it {self.wanted}, or delete the line"
        match kind:
            case "extra_forbidden":
                words = self._unknown_key()
            case "missing":
                words = f"`{self.name}` is missing", f"add `{self.name}:` with {self.wanted}"
            case "enum":
                words = self._unknown_word()
            case "value_error":
                words = self._bad_address()
            case "string_pattern_mismatch":
                words = self._bad_form()
            case kind if kind in _LIMITS:
                what, mend = _LIMITS[kind]
                words = f"{self.shown} {what}", mend.format(**self.fault["ctx"])
            case _:
                words = f"{self.shown} is of the wrong type", f"write {self.wanted}"
        return words

    def _unknown_key(self) -> tuple[str, str]:
        owners = [
            kind for kind in kinds_at(self.model, self.path[:-1]) if issubclass(kind, BaseModel)
        ]
        for owner in owners:
            if issubclass(owner, Model) and self.name in owner.moved:
                return f"`{self.name}` is no longer written here", owner.moved[self.name]
        fields = [name for owner in owners for name in owner.model_fields]
        if self.fault["input"] is None:
            # In `{vi: a, b}` the b is a key without a value.
            return (
                f"unknown key `{self.name}`, without a value",
                "if it is the rest of a text with a comma, put the whole text in quotes",
            )
        return (
            f"unknown key `{self.name}`",
            near(self.name, fields) or f"keys that are known here: {listed(fields)}",
        )

    def _unknown_word(self) -> tuple[str, str]:
        words = [str(one.value) for kind in self.kinds if issubclass(kind, Enum) for one in kind]
        return (
            f"{self.shown} is not known here",
            near(str(self.fault["input"]), words) or f"one of: {listed(words)}",
        )

    def _bad_address(self) -> tuple[str, str]:
        value = str(self.fault["input"])
        if {IPv4Network, IPv6Network} & set(self.kinds):
            try:
                network = ip_network(value, strict=False)
            except ValueError:
                pass
            else:
                if type(network) in self.kinds:
                    return f"{value} is an address inside a network", f"write {network}"
        return f"{self.shown} is not {self.wanted}", f"write {self.wanted}"

    def _bad_form(self) -> tuple[str, str]:
        pattern = str(self.fault["ctx"]["pattern"])
        mend = f"write {FORMS[pattern]}"
        slug = slugify(str(self.fault["input"]))
        if pattern == SLUG_PATTERN and slug:
            mend += f", for example `{slug}`"
        return f"{self.shown} does not have the form of `{self.name}`", mend
