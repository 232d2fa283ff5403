"""The folder of what is the whole machine's while it runs: locks, sockets, tests' instances."""

from __future__ import annotations

from pathlib import Path

RUN_FOLDER = Path("/run/hoaban")


def run_folder(folder: Path = RUN_FOLDER) -> Path:
    """Make the folder if it is not there; it is empty after the machine has started anew.

    Root's own. In a folder where all may write, a file that another user made is one that not even
    root may open to write (``fs.protected_regular``, proc_sys_fs(5)).
    """
    folder.mkdir(mode=0o755, parents=True, exist_ok=True)
    return folder
