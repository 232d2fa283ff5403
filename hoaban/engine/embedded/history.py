"""A stack's history: one entry for each operation."""

from __future__ import annotations

from dataclasses import dataclass, field
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from hoaban.engine.values import Secret

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hoaban.engine.embedded.secrets import Crypter


@dataclass(slots=True)
class HistoryEntry:
    """One line of a stack's history; times in seconds since 1970."""

    kind: str
    message: str
    started: int
    ended: int
    succeeded: bool
    changes: Mapping[str, int]
    config: Mapping[str, Any] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """The entry in the words of ``history.json``."""
        return {
            "kind": self.kind,
            "startTime": self.started,
            "message": self.message,
            "environment": self.environment,
            "config": self.config,
            "version": 0,
            "result": "succeeded" if self.succeeded else "failed",
            "endTime": self.ended,
            "resourceChanges": self.changes,
        }


def stored_config(config: Mapping[str, str | Secret], crypter: Crypter) -> dict[str, Any]:
    """The configuration that an operation ran with, secrets encrypted."""
    return {
        key: {"secure": crypter.encrypt(str(one.value))} if isinstance(one, Secret) else one
        for key, one in config.items()
    }


def versions() -> dict[str, str]:
    """Who wrote the entry."""
    return {
        "exec.kind": "hoaban",
        "hoaban.version": version("hoaban"),
        "pulumi.version": f"v{version('pulumi')}",
    }
