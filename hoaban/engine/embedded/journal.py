"""A journal of what a running operation did since the last checkpoint.

Writing a checkpoint of a thousand resources after each of a thousand steps costs a million
resources; a line a step costs a thousand. Each line is one change to the state, appended and synced
to disk before and after every call to a provider. After a crash the next operation of this engine
replays the journal on the checkpoint it was begun on, and commits the result.

The first line names the digest of that checkpoint and how many of its resources were already
registered (they stand first, see :mod:`ledger`). Before a new checkpoint replaces it, its digest is
noted here: a journal whose last note fits the checkpoint on disk has nothing left to tell.
"""

from __future__ import annotations

import contextlib
import errno
import json
import sys
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

from hoaban.engine.embedded.checkpoint import dump
from hoaban.engine.embedded.state import StateFormatError
from hoaban.engine.storage.base import explained
from hoaban.errors import Location

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hoaban.engine.storage import Log, Storage


class Journal:
    """The journal of one operation. Lines of several threads share one sync (group commit)."""

    def __init__(self, storage: Storage, key: str, log: Log) -> None:
        self.where = storage.where(key)
        self._storage = storage
        self._key = key
        self._log = log
        self._write_lock = threading.Lock()
        self._sync_lock = threading.Lock()
        self._written = 0
        self._synced = 0
        self._broken = False

    @classmethod
    def begin(cls, storage: Storage, key: str, *, stack: str, base: str, registered: int) -> Self:
        """Start a journal on a checkpoint (``base`` is its digest), in place of any older one."""
        head = {"stack": stack, "base": base, "registered": registered}
        return cls(storage, key, storage.begin_log(key, dump({"begin": head}).encode() + b"\n"))

    @classmethod
    def reopen(cls, storage: Storage, key: str) -> Self:
        """Go on with the journal that an interrupted run left; a line cut off is cut away."""
        return cls(storage, key, storage.reopen_log(key))

    def append(self, line: str) -> int:
        """Add a line; the number returned is what :meth:`sync` takes."""
        with explained(self.where), self._write_lock:
            if self._broken:
                raise OSError(errno.EIO, "an earlier line of the journal could not be written")
            with self._breaking():
                self._log.write(line.encode() + b"\n")
            self._written += 1
            return self._written

    def sync(self, line: int) -> None:
        """Return when this line, and all before it, are on disk."""
        with explained(self.where), self._sync_lock:
            if self._synced >= line:
                return
            with self._breaking():
                with self._write_lock:
                    self._log.cut()
                    written = self._written
                self._log.sync()
            self._synced = written

    @contextlib.contextmanager
    def _breaking(self) -> Iterator[None]:
        """Believe no later line of a journal that could not be written."""
        try:
            yield
        except Exception:
            self._broken = True
            raise

    def close(self) -> None:
        """Close the file; it stays. Whoever still waits for a sync has it."""
        with self._sync_lock, self._write_lock:
            self._synced = sys.maxsize
            self._broken = True
            self._log.close()

    def remove(self) -> None:
        """Close and remove the file: a checkpoint holds all that it told."""
        self.close()
        self._storage.delete_log(self._key)


@dataclass(slots=True)
class JournalContent:
    """A journal read back: its first line, and the changes after it."""

    stack: str
    base: str
    registered: int
    changes: list[dict[str, Any]] = field(default_factory=list)
    committing: str = ""

    @classmethod
    def read(cls, storage: Storage, key: str) -> Self | None:
        """The journal that a crash left, None when there is none.

        A last line that was cut off is left out: what it would have told had not begun, or was
        told before by the line that announced it.
        """
        content = storage.read_log(key)
        if content is None:
            return None
        where = storage.where(key)
        lines = content.split(b"\n")
        lines.pop()  # empty, or a line without its end
        try:
            entries = [json.loads(line) for line in lines]
            journal = cls(**entries.pop(0)["begin"])
        except (ValueError, KeyError, TypeError, IndexError) as error:
            raise StateFormatError(
                f"the journal is damaged: {error}",
                where=Location(file=where),
                mend=f"keep a copy ({storage.copy_command(key, f'{key}.broken')}), delete it, then "
                "hoaban refresh to see what the cloud has",
            ) from error
        for entry in entries:
            if "committing" in entry:
                journal.committing = entry["committing"]
            else:
                journal.changes.append(entry)
                journal.committing = ""
        return journal
