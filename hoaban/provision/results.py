"""Operations' results as plain values, for ``--json`` and for other processes."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hoaban.engine.api import UpdateResult
    from hoaban.provision.operations import Plan

UNTOLD = ("same", "read")
QUIET = (*UNTOLD, "refresh")


def result_json(result: UpdateResult) -> dict[str, Any]:
    """An operation's result as plain values; inputs, which may be secret, are left out."""
    steps = [
        {key: value for key, value in asdict(step).items() if key not in ("old", "new")}
        for step in result.steps
        if step.op not in UNTOLD
    ]
    return {
        "kind": str(result.kind),
        "changes": dict(result.changes),
        "steps": steps,
        "seconds": round(result.duration_seconds, 1),
    }


def plan_json(planned: Plan) -> dict[str, Any]:
    """A plan as plain values: its result, what was changed by hand, and what it would lose."""
    return {
        **result_json(planned.result),
        "drift": planned.drift,
        "losses": [str(loss) for loss in planned.losses],
        "protected": planned.protected,
        "policies": planned.violations,
        "unchecked": planned.unchecked,
    }
