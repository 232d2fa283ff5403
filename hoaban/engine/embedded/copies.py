"""Earlier states of a stack: the checkpoints in its history, its backups, and ``.bak``."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from hoaban.engine.embedded.backend import NANO
from hoaban.errors import HoabanError, Location

if TYPE_CHECKING:
    from hoaban.engine.embedded.backend import Backend, StackName


@dataclass(frozen=True, slots=True)
class Copy:
    """A state as it was. ``stamp`` is when it was written (ns since 1970)."""

    key: str
    where: str
    stamp: int
    version: int | None = None
    """Its number in the history; None for what is only among the backups."""

    @property
    def at(self) -> datetime:
        """When it was written."""
        return datetime.fromtimestamp(self.stamp / NANO, UTC)

    def to_json(self) -> dict[str, Any]:
        """The copy as plain values."""
        told = {"at": self.at.isoformat(timespec="seconds"), "file": self.where}
        return told if self.version is None else {**told, "version": self.version}


def copies(backend: Backend, name: StackName) -> list[Copy]:
    """All earlier states of a stack, oldest first; each once."""
    storage = backend.storage
    found: dict[int, Copy] = {}
    kept = _stamped(backend, backend.backups_prefix(name), f"{name.stack}.", ".json")
    for stamp, key in kept:
        found[stamp] = Copy(key, storage.where(key), stamp)
    for version, (stamp, entry) in enumerate(entry_keys(backend, name), start=1):
        key = checkpoint_of(entry)
        if storage.exists(key):
            found[stamp] = Copy(key, storage.where(key), stamp, version)
    key = backend.backup_key(name)
    modified = storage.modified(key)
    if modified is not None and not found:  # else it is among the others, with its own time
        stamp = int(modified * NANO)
        found[stamp] = Copy(key, storage.where(key), stamp)
    return [found[stamp] for stamp in sorted(found)]


def entry_keys(backend: Backend, name: StackName) -> list[tuple[int, str]]:
    """Entries of a stack's history by time (ns since 1970), oldest first: that is version 1."""
    return _stamped(backend, backend.history_prefix(name), f"{name.stack}-", ".history.json")


def checkpoint_of(entry: str) -> str:
    """The key of the state that an operation led to, by the key of its entry in the history."""
    return entry.removesuffix(".history.json") + ".checkpoint.json"


def entries(backend: Backend, name: StackName) -> list[dict[str, Any]]:
    """A stack's history, newest first, each with its ``version``; secrets still encrypted."""
    found = []
    for version, (_, key) in enumerate(entry_keys(backend, name), start=1):
        try:
            body = json.loads(backend.storage.read(key) or b"")
        except ValueError as error:
            raise HoabanError(
                f"an entry of the history is damaged: {error}",
                where=Location(file=backend.storage.where(key)),
                mend="take the file away; only what it told of that operation is lost",
            ) from error
        found.append({**body, "version": version})
    return found[::-1]


def _stamped(backend: Backend, prefix: str, before: str, after: str) -> list[tuple[int, str]]:
    found = []
    for blob in backend.storage.list(prefix):
        name = blob.key.removeprefix(prefix)
        stamp = name.removeprefix(before).removesuffix(after)
        if name.startswith(before) and name.endswith(after) and stamp.isdigit():
            found.append((int(stamp), blob.key))
    return sorted(found)


def of_version(backend: Backend, name: StackName, version: int) -> Copy:
    """The state that the operation number ``version`` led to."""
    found = copies(backend, name)
    for copy in found:
        if copy.version == version:
            return copy
    have = [copy.version for copy in found if copy.version is not None]
    known = f"{have[0]} to {have[-1]}" if have else "none"
    raise HoabanError(
        f"the history has no version {version} (it has {known})",
        mend=f"see them: {name.command('stack history')}",
    )


def as_of(backend: Backend, name: StackName, at: datetime) -> Copy:
    """The state as it was at a time."""
    stamp = int(at.timestamp() * NANO)
    found = copies(backend, name)
    before = [copy for copy in found if copy.stamp <= stamp]
    if before:
        return before[-1]
    oldest = f"the oldest is of {found[0].at:%Y-%m-%d %H:%M:%S} UTC" if found else "there is none"
    raise HoabanError(
        f"no copy of the state is as old as that ({oldest})",
        mend=f"see them: {name.command('stack history')}",
    )
