"""Few tests at a time on a machine, and one of each scenario, whichever checkout they come from.

A scenario's addresses are written in its files, so two of it would be in each other's way. Who
tests holds a lock that names its podman; a test that was killed leaves that name behind, and the
next one clears up after it.
"""

from __future__ import annotations

import fcntl
import os
import re
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from hoaban.console import stdout
from hoaban.runfolder import RUN_FOLDER, run_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PAUSE_SECONDS = 1.0


@contextmanager
def seat(count: int, folder: Path | None = None) -> Iterator[None]:
    """Wait for one of the machine's ``count`` seats, and hold it.

    More tests at once than cores are no faster, and each fails where it waits for a service that
    the others keep from starting.
    """
    places = [(folder or run_folder()) / f"molecule.seat-{number}" for number in range(count)]
    with ExitStack() as stack:
        handles = [os.open(place, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600) for place in places]
        for handle in handles:
            stack.callback(os.close, handle)
        told = False
        while not any(_taken(handle) for handle in handles):
            if not told:
                stdout().print(f"waiting: {count} tests run on this machine", markup=False)
                told = True
            time.sleep(PAUSE_SECONDS)
        yield


def _taken(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


@contextmanager
def turn(
    label: str, home: Path, clear: Callable[[Path], None], folder: Path | None = None
) -> Iterator[None]:
    """Wait for one's turn with the scenario ``label``, and hold it.

    ``home`` is the holder's podman; ``clear`` is called with that of a holder which was killed, if
    it is still there.
    """
    name = re.sub(r"[^a-z0-9_-]", "-", label)
    path = run_folder(folder or RUN_FOLDER) / f"molecule-{name}.lock"
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    with os.fdopen(handle, "r+") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            stdout().print(f"waiting for the test of another checkout: {stream.read()}")
            fcntl.flock(stream, fcntl.LOCK_EX)
        stream.seek(0)
        left = stream.read()
        if left and Path(left).is_dir():
            clear(Path(left))
        stream.seek(0)
        stream.truncate()
        stream.write(str(home))
        stream.flush()
        yield
        # Not reached when the body raises: what it left is the next one's to clear.
        stream.truncate(0)
