"""State in a folder, of this machine or shared: private files, whole or not there.

Pulumi's blob library keeps attributes beside each of its files; they are written for what Pulumi
reads, and for nothing else.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import os
import shutil
import uuid
from typing import IO, TYPE_CHECKING, Final

from hoaban.engine.storage.base import (
    Blob,
    ExpelledError,
    Log,
    StateReadError,
    StateWriteError,
    Storage,
    explained,
)
from hoaban.errors import Location
from hoaban.files import link_over, sync_folder, write_atomic, write_once

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_PRIVATE: Final = 0o600
ATTRIBUTES: Final = ".attrs"
_WRITERS: Final = "writers"
_OWN: Final = ("journals/", "leases/")
"""What Pulumi doesn't know, and reads no attributes of."""


@contextlib.contextmanager
def _readable(file: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StateReadError(
            f"cannot read the state: {error.strerror}",
            where=Location(file=str(file)),
            mend="give this user access to the file",
        ) from error


def write_private(
    file: Path, content: bytes, *, keep_as: Path | None = None, beside: Path | None = None
) -> None:
    """Replace a file that only its owner may read; ``keep_as`` is a name for what was there."""
    with explained(file):
        write_atomic(file, content, mode=_PRIVATE, keep_as=keep_as, beside=beside)


def write_attributes(file: Path, content: bytes, *, beside: Path | None = None) -> None:
    """The blob attributes that Pulumi's file backend keeps beside each of its files."""
    body = {
        "user.cache_control": "",
        "user.content_disposition": "",
        "user.content_encoding": "",
        "user.content_language": "",
        "user.content_type": "text/plain; charset=utf-8",
        "user.metadata": None,
        "md5": base64.b64encode(hashlib.md5(content, usedforsecurity=False).digest()).decode(),
    }
    text = json.dumps(body, separators=(",", ":"))
    write_private(_attributes(file), text.encode(), beside=beside)


def _attributes(file: Path) -> Path:
    return file.with_name(file.name + ATTRIBUTES)


class FolderStorage(Storage):
    """Blobs as files below ``.pulumi`` in a folder. Folders are made as they are needed.

    An admitted writer has a folder of its own, through which each of its files goes into place by
    rename. Who takes over renames that folder away first: then nothing goes into place any more,
    however long the writer was stopped, and between whichever two of its system calls.
    """

    def __init__(self, root: Path, *, beside: Path | None = None) -> None:
        self.root = root
        self.folder = root / ".pulumi"
        self.url = f"file://{root}"
        self._beside = beside

    def admitted(self, writer: str) -> FolderStorage:
        """The same folder for one writer."""
        beside = self.folder / _WRITERS / writer
        with explained(beside):
            beside.mkdir(mode=0o700, parents=True)
        return FolderStorage(self.root, beside=beside)

    def expel(self, group: str, number: int, *, but: str = "") -> None:
        """Take the own folders of writers away."""
        folder = self.folder / _WRITERS / group
        with explained(folder):
            found = list(folder.iterdir()) if folder.is_dir() else []
        for one in found:
            digits = one.name.partition(".")[0]
            if digits.isdigit() and int(digits) <= number and f"{group}/{one.name}" != but:
                self.dismiss(f"{group}/{one.name}")

    def dismiss(self, writer: str) -> None:
        """Take a writer's own folder away, in one step."""
        beside = self.folder / _WRITERS / writer
        gone = beside.with_name(f".{beside.name}.{uuid.uuid4()}")
        with explained(beside), contextlib.suppress(FileNotFoundError):
            beside.rename(gone)
            sync_folder(gone.parent)
        shutil.rmtree(gone, ignore_errors=True)

    def expelled(self) -> bool:
        """Whether this writer's own folder is gone."""
        return self._beside is not None and not self._beside.exists()

    @contextlib.contextmanager
    def _written(self, file: Path) -> Iterator[None]:
        """Explain a failed write, also that of a writer that was expelled."""
        try:
            with explained(file):
                yield
        except StateWriteError as error:
            if not self.expelled():
                raise
            raise ExpelledError(
                "cannot write the state: another run took over", where=Location(file=str(file))
            ) from error

    def path(self, key: str) -> Path:
        """The file of a blob."""
        return self.folder / key

    def where(self, key: str) -> str:
        """How people find a blob: its file."""
        return str(self.path(key))

    def copy_command(self, source: str, target: str) -> str:
        """What a person types to put one blob in the place of another."""
        return f"cp {self.path(source)} {self.path(target)}"

    def read(self, key: str) -> bytes | None:
        """The content of a file; None when there is none."""
        file = self.path(key)
        with _readable(file):
            try:
                return file.read_bytes()
            except FileNotFoundError:
                return None

    def modified(self, key: str) -> float | None:
        """When a file was put in place; None when there is none."""
        file = self.path(key)
        with _readable(file):
            try:
                return file.stat().st_mtime
            except FileNotFoundError:
                return None

    def list(self, prefix: str) -> list[Blob]:
        """All files in a folder and those below it, without what is still being written."""
        folder = self.path(prefix)
        found = []
        with _readable(folder):
            for file in sorted(folder.rglob("*")):
                if file.name.startswith(".") or file.name.endswith(ATTRIBUTES):
                    continue
                with contextlib.suppress(FileNotFoundError):  # removed under our eyes
                    if file.is_file():
                        key = file.relative_to(self.folder).as_posix()
                        found.append(Blob(key, file.stat().st_mtime))
        return found

    def write(self, key: str, content: bytes, *, keep_as: str = "") -> None:
        """Replace a file; what was there gets another name, and takes no more room."""
        file = self.path(key)
        kept = self.path(keep_as) if keep_as else None
        with self._written(file):
            self._make_parent(key)
            if kept is not None and _attributes(file).exists():
                link_over(_attributes(file), _attributes(kept), beside=self._beside)
            write_private(file, content, keep_as=kept, beside=self._beside)
            if not key.startswith(_OWN):
                write_attributes(file, content, beside=self._beside)

    def create(self, key: str, content: bytes) -> bool:
        """Make a file under a name that nothing has, in one step, also on a shared folder."""
        file = self.path(key)
        with explained(file):
            self._make_parent(key)
            if not write_once(file, content, mode=_PRIVATE):
                return False
        if not key.startswith(_OWN):
            write_attributes(file, content)
        return True

    def copy(self, source: str, target: str) -> None:
        """A second name for a file and its attributes; no second copy on disk.

        Files are replaced, never written into, so a link keeps what it was.
        """
        from_, to = self.path(source), self.path(target)
        with self._written(to):
            self._make_parent(target)
            for one, other in ((from_, to), (_attributes(from_), _attributes(to))):
                if one.exists():
                    link_over(one, other, beside=self._beside)

    def delete(self, key: str) -> None:
        """Remove a file and its attributes, if they are there."""
        file = self.path(key)
        with explained(file):
            file.unlink(missing_ok=True)
            _attributes(file).unlink(missing_ok=True)

    def begin_log(self, key: str, first: bytes) -> FileLog:
        """Begin a log beside an older one, then take its place."""
        file = self.path(key)
        with self._written(file):
            self._make_parent(key)
            beside = (self._beside or file.parent) / f".{file.name}.new"
            handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, _PRIVATE)
            log = FileLog(open(handle, "wb"))  # noqa: SIM115, PTH123 (lives as long as the log)
            log.write(first)
            log.cut()
            log.sync()
            beside.replace(file)
            sync_folder(file.parent)
        return log

    def reopen_log(self, key: str) -> FileLog:
        """Go on with a log; a last line without its end is cut away."""
        file = self.path(key)
        with explained(file):
            stream = file.open("r+b")
            stream.truncate(stream.read().rfind(b"\n") + 1)
            stream.seek(0, os.SEEK_END)
        return FileLog(stream)

    def read_log(self, key: str) -> bytes | None:
        """All of a log; None when there is none."""
        return self.read(key)

    def delete_log(self, key: str) -> None:
        """Remove a log, if it is there."""
        self.delete(key)

    def seal_log(self, key: str) -> None:
        """Put a copy in the log's place: who has the log open appends to what nobody reads."""
        content = self.read(key)
        if content is not None:
            self.write(key, content)

    def _make_parent(self, key: str) -> None:
        """Make the folders that a key needs, readable by their owner only."""
        folder = self.path(key).parent
        if not folder.is_dir():
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)


class FileLog(Log):
    """A file that is appended to."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream

    def write(self, content: bytes) -> None:
        """Add to what is in memory."""
        self._stream.write(content)

    def cut(self) -> None:
        """Hand what is in memory to the kernel."""
        self._stream.flush()

    def sync(self) -> None:
        """Have the kernel put it on the disk."""
        os.fsync(self._stream.fileno())

    def close(self) -> None:
        """Close the file. A disk that is full was told when it was met."""
        with contextlib.suppress(OSError):
            self._stream.close()
