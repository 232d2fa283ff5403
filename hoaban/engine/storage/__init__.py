"""Where the state of stacks lies: blobs by key."""

from __future__ import annotations

from hoaban.engine.storage.base import (
    Blob,
    ExpelledError,
    Log,
    Place,
    StateReadError,
    StateWriteError,
    Storage,
)
from hoaban.engine.storage.opening import open_storage

__all__ = [
    "Blob",
    "ExpelledError",
    "Log",
    "Place",
    "StateReadError",
    "StateWriteError",
    "Storage",
    "open_storage",
]
