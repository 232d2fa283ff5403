"""What a rule is, apart from any engine: an id, words for people, and a check of resources."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from hoaban.model.types import Text


class Level(StrEnum):
    """What follows from a violation."""

    ADVISORY = "advisory"
    MANDATORY = "mandatory"


@dataclass(frozen=True, slots=True)
class Seen:
    """A resource as a rule sees it: its inputs as they are to be."""

    type: str
    urn: str
    name: str
    inputs: Mapping[str, Any] = field(default_factory=dict)
    protect: bool = False

    @property
    def project(self) -> str:
        """The Pulumi project: ``province``, ``agency`` or ``drill``."""
        return self.urn.split("::")[1]

    @property
    def stack(self) -> str:
        """The stack's name: the slug of its province or agency."""
        return self.urn.split("::")[0].rpartition(":")[2]


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule of the pack. ``id`` is also its page, and what a violation is called by."""

    id: str
    title: Text
    reason: Text
    mend: str
    level: Level = Level.MANDATORY


@dataclass(frozen=True, slots=True)
class ResourceRule(Rule):
    """Judges one resource; ``check`` yields what is wrong with it."""

    check: Callable[[Seen], Iterator[str]] = field(kw_only=True)


@dataclass(frozen=True, slots=True)
class StackRule(Rule):
    """Judges all resources of a stack; ``check`` yields a resource and what is wrong with it."""

    check: Callable[[Iterable[Seen]], Iterator[tuple[Seen, str]]] = field(kw_only=True)
