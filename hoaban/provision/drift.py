"""What was changed by hand, as plain values: for people, for ``--json``, for other processes."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final

from hoaban.provision.guard import REPLACES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from hoaban.engine.api import PlannedStep, UpdateResult
    from hoaban.engine.drift import Drift

CLOUD: Final = "cloud"
STATE: Final = "state"
KEEPS: Final = "same"


def unlooked() -> dict[str, Any]:
    """What there is to tell where the state was believed."""
    return {
        "compared_with": STATE, "objects": 0, "changed": [], "not_looked_at": [], "commands": {},
    }  # fmt: skip


def drift_json(result: UpdateResult, agency: str | None, *, refreshed: bool) -> dict[str, Any]:
    """What a look found, and what ``up`` does about it.

    ``compared_with`` is ``cloud``, or ``state`` where the state was believed. Each of ``changed``
    has ``up``: the operation that brings it back (``update``, ``create``, ``replace``), or ``same``
    where the program does not mind. ``commands`` are what a person types to ``revert`` or ``keep``
    it all.
    """
    sight = result.sight
    ops = _operations(result.steps)
    name = agency or ""
    return {
        "compared_with": CLOUD if sight is not None or refreshed else STATE,
        "objects": sight.looked if sight else 0,
        "changed": [_told(one, ops) for one in sight.drifts] if sight else [],
        "not_looked_at": [asdict(one) for one in sight.unseen] if sight else [],
        "commands": {
            "revert": f"hoaban up {name}".rstrip(),
            "keep": f"hoaban refresh {name}".rstrip(),
        },
    }


def _told(one: Drift, ops: Mapping[str, str]) -> dict[str, Any]:
    return {
        "urn": one.urn,
        "type": one.type,
        "name": one.urn.rpartition("::")[2],
        "id": one.id,
        "fate": str(one.fate),
        "properties": [asdict(difference) for difference in one.differences],
        "changed_at": one.at,
        "by": asdict(one.deed) if one.deed else None,
        "up": ops.get(one.urn, KEEPS),
    }


def _operations(steps: Sequence[PlannedStep]) -> dict[str, str]:
    """What is done to each resource, in one word."""
    found: dict[str, str] = {}
    for step in steps:
        if step.op in REPLACES:
            found[step.urn] = "replace"
        elif step.op not in ("same", "read", "refresh"):
            found.setdefault(step.urn, step.op)
    return found
