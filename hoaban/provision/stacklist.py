"""Stacks and what happened to them, as plain values."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from hoaban.engine.embedded import lock
from hoaban.engine.embedded.backend import Backend
from hoaban.engine.embedded.copies import entries, entry_keys
from hoaban.engine.embedded.project import decrypted
from hoaban.engine.embedded.properties import MASK
from hoaban.engine.embedded.urns import is_provider
from hoaban.errors import HoabanError

if TYPE_CHECKING:
    from hoaban.engine.embedded.backend import StackName
    from hoaban.engine.embedded.secrets import Crypter
    from hoaban.workspace import Workspace


def stack_rows(workspace: Workspace) -> list[dict[str, Any]]:
    """Every stack of the backend: its resources, when it was updated, who holds its lock."""
    backend = Backend(workspace.backend)
    return [_row(backend, name) for name in backend.stacks()]


def _row(backend: Backend, name: StackName) -> dict[str, Any]:
    modified = backend.storage.modified(backend.checkpoint_key(name)) or 0.0
    row: dict[str, Any] = {
        "name": f"{name.project}/{name.stack}",
        "lastUpdate": datetime.fromtimestamp(modified, UTC).isoformat(timespec="seconds"),
        "version": len(entry_keys(backend, name)),
        "updateInProgress": bool(lock.holders(backend, name)),
    }
    try:
        checkpoint, _ = backend.read(name)
    except HoabanError as error:
        return {**row, "resourceCount": None, "error": error.what}
    resources = (checkpoint.latest if checkpoint else {}).get("resources") or ()
    things = [one for one in resources if one.get("custom") and not is_provider(str(one["type"]))]
    return {**row, "resourceCount": len(things)}


def history_rows(
    backend: Backend, name: StackName, crypter: Crypter | None = None
) -> list[dict[str, Any]]:
    """A stack's history, newest first, in the words of ``pulumi stack history --json``.

    Secret configuration is shown only with a crypter.
    """
    return [_entry(entry, crypter) for entry in entries(backend, name)]


def _entry(entry: dict[str, Any], crypter: Crypter | None) -> dict[str, Any]:
    config = entry.get("config") or {}
    return {
        "version": entry["version"],
        "kind": entry.get("kind", ""),
        "startTime": _time(entry.get("startTime")),
        "endTime": _time(entry.get("endTime")),
        "result": entry.get("result", ""),
        "message": entry.get("message", ""),
        "resourceChanges": entry.get("resourceChanges") or {},
        "environment": entry.get("environment") or {},
        "config": {key: _value(value, crypter) for key, value in config.items()},
    }


def _value(value: Any, crypter: Crypter | None) -> dict[str, Any]:
    if not _has_secret(value):
        return {"value": value, "secret": False}
    shown = MASK if crypter is None else decrypted(value, crypter)
    return {"value": shown, "secret": True}


def _has_secret(value: Any) -> bool:
    if isinstance(value, dict):
        return set(value) == {"secure"} or any(map(_has_secret, value.values()))
    return isinstance(value, list) and any(map(_has_secret, value))


def _time(seconds: Any) -> str:
    if not isinstance(seconds, int):
        return ""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")
