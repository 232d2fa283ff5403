"""Ansible filter: what cloud-init says of a host's first boot."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping


def cloud_init_report(text: str) -> dict[str, Any]:
    """The content of ``/run/cloud-init/status.json`` as ``done``, ``errors`` and ``warnings``.

    cloud-init keeps errors that stopped a stage apart from those it could go on after (an invalid
    key, a deprecated option), which are warnings here. See "Reported status" in its manual.
    """
    try:
        stages = json.loads(text)["v1"]
    except (ValueError, KeyError, TypeError):
        return {"done": False, "errors": ["cloud-init has left no word of itself"], "warnings": []}
    done = stages.get("stage") is None and bool(stages.get("modules-final", {}).get("finished"))
    errors = [f"{stage}: {error}" for stage, part in _parts(stages) for error in part["errors"]]
    if not done:
        errors.insert(0, f"cloud-init has not finished: it is in stage {stages.get('stage')}")
    warnings = [
        f"{stage}: {message}"
        for stage, part in _parts(stages)
        for messages in (part.get("recoverable_errors") or {}).values()
        for message in messages
    ]
    return {"done": done, "errors": errors, "warnings": warnings}


def _parts(stages: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for name, part in stages.items():
        if isinstance(part, dict) and "errors" in part:
            yield name, part


class FilterModule:
    """The filter, by the name that expressions use."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Ansible asks for this."""
        return {"cloud_init_report": cloud_init_report}
