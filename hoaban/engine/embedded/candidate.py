"""What a registration is about: the goal, and the resource of the old state that it fits."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from hoaban.engine.embedded import paths
from hoaban.engine.provider import DiffKind, DiffResult

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hoaban.engine.embedded.state import Resource
    from hoaban.engine.embedded.steps import Goal
    from hoaban.engine.values import PropertyMap

_REPLACING = {
    DiffKind.ADD: DiffKind.ADD_REPLACE,
    DiffKind.DELETE: DiffKind.DELETE_REPLACE,
    DiffKind.UPDATE: DiffKind.UPDATE_REPLACE,
}


@dataclass(frozen=True, slots=True)
class Candidate:
    """A goal with the old resource it is about, and inputs as they go to the provider's check."""

    goal: Goal
    old: Resource | None
    inputs: PropertyMap
    targeted: bool = True
    recreating: bool = False
    forced: bool = False

    @property
    def creates(self) -> bool:
        """Whether no object is there that could be compared."""
        return self.old is None or self.recreating or self.old.external


def force_replacement(diff: DiffResult, patterns: Sequence[str]) -> DiffResult:
    """A difference in which changes below the given paths (``replace_on_changes``) replace."""
    parsed = [paths.parse(text) for text in patterns]
    changes = {
        path: _REPLACING.get(kind, kind)
        if any(paths.covers(pattern, paths.parse(path)) for pattern in parsed)
        else kind
        for path, kind in diff.changes.items()
    }
    return replace(diff, changes=changes)
