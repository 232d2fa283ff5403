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
import os
import sys
import threading
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING, Any, Final, Self

from hoaban.engine.embedded.checkpoint import dump
from hoaban.engine.embedded.files import explained
from hoaban.engine.embedded.state import StateFormatError
from hoaban.errors import HoabanError, Location
from hoaban.files import sync_folder

if TYPE_CHECKING:
    from pathlib import Path

_PRIVATE: Final = 0o600


class Journal:
    """The journal of one operation. Lines of several threads share one sync (group commit)."""

    def __init__(self, file: Path, stream: IO[bytes]) -> None:
        self.file = file
        self._stream = stream
        self._write_lock = threading.Lock()
        self._sync_lock = threading.Lock()
        self._written = 0
        self._synced = 0
        self._broken = False

    @classmethod
    def begin(cls, file: Path, *, stack: str, base: str, registered: int) -> Self:
        """Start a journal on a checkpoint (``base`` is its digest), in place of any older one."""
        with explained(file):
            file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            beside = file.with_name(f".{file.name}.new")
            handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, _PRIVATE)
            stream = open(handle, "wb")  # noqa: SIM115, PTH123 (lives as long as the journal)
            journal = cls(file, stream)
            head = {"stack": stack, "base": base, "registered": registered}
            journal.sync(journal.append(dump({"begin": head})))
            beside.replace(file)
            sync_folder(file.parent)
        return journal

    @classmethod
    def reopen(cls, file: Path) -> Self:
        """Go on with the journal that an interrupted run left; a line cut off is cut away."""
        with explained(file):
            stream = file.open("r+b")
            stream.truncate(stream.read().rfind(b"\n") + 1)
            stream.seek(0, os.SEEK_END)
        return cls(file, stream)

    def append(self, line: str) -> int:
        """Add a line; the number returned is what :meth:`sync` takes."""
        with explained(self.file), self._write_lock:
            if self._broken:
                raise OSError(errno.EIO, "an earlier line of the journal could not be written")
            try:
                self._stream.write(line.encode() + b"\n")
            except OSError:
                self._broken = True
                raise
            self._written += 1
            return self._written

    def sync(self, line: int) -> None:
        """Return when this line, and all before it, are on disk."""
        with explained(self.file), self._sync_lock:
            if self._synced >= line:
                return
            with self._write_lock:
                try:
                    self._stream.flush()
                except OSError:
                    self._broken = True
                    raise
                written = self._written
            os.fsync(self._stream.fileno())
            self._synced = written

    def close(self) -> None:
        """Close the file; it stays. Whoever still waits for a sync has it."""
        with self._sync_lock, self._write_lock:
            self._synced = sys.maxsize
            self._broken = True
            with contextlib.suppress(OSError):  # a full disk, already told when it was met
                self._stream.close()

    def remove(self) -> None:
        """Close and remove the file: a checkpoint holds all that it told."""
        self.close()
        self.file.unlink(missing_ok=True)


@dataclass(slots=True)
class JournalContent:
    """A journal read back: its first line, and the changes after it."""

    stack: str
    base: str
    registered: int
    changes: list[dict[str, Any]] = field(default_factory=list)
    committing: str = ""

    @classmethod
    def read(cls, file: Path) -> Self | None:
        """The journal that a crash left, None when there is none.

        A last line that was cut off is left out: what it would have told had not begun, or was
        told before by the line that announced it.
        """
        try:
            lines = file.read_bytes().split(b"\n")
        except FileNotFoundError:
            return None
        except OSError as error:
            raise HoabanError(
                f"cannot read the journal: {error.strerror}",
                where=Location(file=str(file)),
                mend="give this user access to the file",
            ) from error
        lines.pop()  # empty, or a line without its end
        try:
            entries = [json.loads(line) for line in lines]
            content = cls(**entries.pop(0)["begin"])
        except (ValueError, KeyError, TypeError, IndexError) as error:
            raise StateFormatError(
                f"the journal is damaged: {error}",
                where=Location(file=str(file)),
                mend=f"mv {file} {file}.broken, then hoaban refresh to see what the cloud has",
            ) from error
        for entry in entries:
            if "committing" in entry:
                content.committing = entry["committing"]
            else:
                content.changes.append(entry)
                content.committing = ""
        return content
