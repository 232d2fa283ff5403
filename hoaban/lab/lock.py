"""One hand at a time on the lab of a machine, whichever checkout it comes from.

A hand is a process with all that it starts: ``hoaban lab up`` runs the role, and the role chooses
the hypervisor, under one lock.
"""

from __future__ import annotations

import fcntl
import json
import os
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

from hoaban.errors import HoabanError
from hoaban.runfolder import RUN_FOLDER, run_folder

if TYPE_CHECKING:
    from collections.abc import Iterator


def lock_file(folder: Path = RUN_FOLDER) -> Path:
    """Of the machine and not of a lab's folder: ports and bridges are the machine's."""
    if os.geteuid() != 0:
        raise HoabanError(
            "this needs root: the lab makes bridges, mounts and guests",
            mend="the same again with: sudo --preserve-env=PATH",
        )
    return run_folder(folder) / "lab.lock"


@contextmanager
def locked(verb: str, path: Path | None = None, *, nested: bool = False) -> Iterator[None]:
    """Hold the lock while ``verb`` is at work; an error tells who holds it.

    A ``nested`` verb is also content with the lock that this process or one of its ancestors
    holds: it is a part of that one's work. The kernel releases the lock when the process ends,
    however it ends.
    """
    path = path or lock_file()
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    with os.fdopen(handle, "r+") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            note = stream.read()
            if nested and _ours(note):
                yield
                return
            raise HoabanError(
                f"{_holder(note)} is at work on this machine's lab",
                mend="wait until it is through: hoaban lab status",
            ) from error
        stream.seek(0)
        stream.truncate()
        now = datetime.now().astimezone().isoformat(timespec="seconds")
        json.dump(
            {"verb": verb, "pid": os.getpid(), "since": now, "folder": str(Path.cwd())}, stream
        )
        stream.flush()
        try:
            yield
        finally:
            # The next holder may be asked about before it has written: not in our name.
            stream.truncate(0)


def _ours(text: str) -> bool:
    """Whether the note is one of this process or of an ancestor."""
    try:
        holder = json.loads(text)["pid"]
    except (ValueError, KeyError):
        return False
    return holder in {os.getpid(), *(parent.pid for parent in psutil.Process().parents())}


def _holder(text: str) -> str:
    try:
        note = json.loads(text)
        return (
            f"another `hoaban lab {note['verb']}` (process {note['pid']}, since {note['since']}, "
            f"in {note['folder']})"
        )
    except (ValueError, KeyError):  # it has the lock and has not written yet
        return "another hoaban process"
