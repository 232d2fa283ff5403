"""What was changed by hand: where the cloud and a stack's state say different things.

A :class:`Sight` is what one look at the cloud came to. Its values are fit to be shown: secrets are
masked already.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hoaban.engine.values import PropertyValue


class Fate(StrEnum):
    """What became of an object behind the state's back."""

    CHANGED = "changed"
    REMOVED = "removed"


@dataclass(frozen=True, slots=True)
class Deed:
    """Who did it, where the cloud keeps a record; ``at`` as the cloud writes it.

    ``action`` is the cloud's word (``stop``, ``resize``), ``user`` and ``request`` are ids.
    """

    action: str
    user: str
    request: str
    at: str


@dataclass(frozen=True, slots=True)
class Difference:
    """One property: its path, and both values, None where there is none."""

    path: str
    state: PropertyValue
    cloud: PropertyValue


@dataclass(frozen=True, slots=True)
class Drift:
    """One object that is not as the state has it.

    ``at`` is when the cloud says that it was last changed, empty where it says nothing.
    """

    urn: str
    type: str
    id: str
    fate: Fate
    differences: Sequence[Difference] = ()
    at: str = ""
    deed: Deed | None = None


@dataclass(frozen=True, slots=True)
class Unseen:
    """``count`` resources of a type that were not looked at, and why."""

    type: str
    count: int
    why: str


@dataclass(frozen=True, slots=True)
class Sight:
    """What a look at the cloud found; ``looked`` counts the objects that were compared."""

    drifts: Sequence[Drift] = ()
    unseen: Sequence[Unseen] = field(default=())
    looked: int = 0
