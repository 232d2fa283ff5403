"""What comes back to a program that registered a resource."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hoaban.engine.values import PropertyMap


class Stopping(Exception):
    """Nothing new is begun any more: a step failed, or the person asked to stop."""


@dataclass(frozen=True, slots=True)
class Registered:
    """What a program is told of a resource that it registered.

    ``failed`` when it could not be made (and the run goes on without it); ``unknown`` when it was
    left out.
    """

    urn: str
    id: str = ""
    outputs: PropertyMap = field(default_factory=dict)
    failed: bool = False
    unknown: bool = False
