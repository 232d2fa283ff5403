"""Where the state of stacks lies: blobs by key, in a folder or in a bucket."""

from __future__ import annotations

from hoaban.engine.storage.base import Blob, Log, Place, StateWriteError, Storage
from hoaban.engine.storage.opening import open_storage

__all__ = ["Blob", "Log", "Place", "StateWriteError", "Storage", "open_storage"]
