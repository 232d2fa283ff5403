#!/usr/bin/python3
"""Records the SHA-256 of every file that is about to be backed up, for those who restore it.

A restore that is compared with this is compared with what the host had, by other means than those
of the program that made the backup. Writes ``manifest.jsonl`` into the folder of dumps: a line
``{"schema": 1, "started": …}``, then a line for each regular file: ``path``, ``size``,
``mtime_ns``, ``sha256`` (bytes of a path that are no UTF-8 are escaped, ``surrogateescape``).
A file that looks as it did the last time (size, times, inode) is not read again.
"""

from __future__ import annotations

import fnmatch
import hashlib
import json
import os
import stat
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

CONFIG = Path("/etc/hoaban-backup")
STATE = Path("/var/lib/hoaban-backup")
NAME, SEEN = "manifest.jsonl", "manifest.seen"
CHUNK = 1 << 20
CACHE_TAG = "CACHEDIR.TAG"
CACHE_SIGNATURE = b"Signature: 8a477f597d28d172789f06886806bc55"
"""Marks a folder whose content is not worth keeping (https://bford.info/cachedir/)."""


def matches(pattern: str, path: str) -> bool:
    """Whether a pattern of restic's means a path: all of it, or its last names."""
    wanted, parts = pattern.strip("/").split("/"), path.strip("/").split("/")
    if pattern.startswith("/") and len(wanted) != len(parts):
        return False
    tail = parts[-len(wanted) :]
    return len(tail) == len(wanted) and all(map(fnmatch.fnmatchcase, tail, wanted))


def is_cache(folder: str) -> bool:
    """Whether a folder is marked as a cache, of which restic keeps the mark alone."""
    try:
        with Path(folder, CACHE_TAG).open("rb") as stream:
            return stream.read(len(CACHE_SIGNATURE)) == CACHE_SIGNATURE
    except OSError:
        return False


class Tree:
    """What is backed up: the paths, without what is excluded or on another file system."""

    def __init__(self, paths: list[str], excludes: list[str], skip: set[str]) -> None:
        self.paths = sorted({os.path.normpath(path) for path in paths})
        self.excludes = excludes
        self.skip = skip

    def files(self) -> Iterator[tuple[str, os.stat_result]]:
        """All regular files, each once; links are not followed."""
        for path in self.paths:
            inside = any(path.startswith(f"{other.rstrip('/')}/") for other in self.paths)
            try:
                status = os.lstat(path)
            except FileNotFoundError:
                continue
            # A path below another one is come by from there, unless it is a file system's root.
            if not inside or os.path.ismount(path):
                yield from self._below(path, status, status.st_dev)

    def _below(
        self, path: str, status: os.stat_result, device: int
    ) -> Iterator[tuple[str, os.stat_result]]:
        if path in self.skip or any(matches(pattern, path) for pattern in self.excludes):
            return
        if stat.S_ISREG(status.st_mode):
            yield path, status
        elif stat.S_ISDIR(status.st_mode) and status.st_dev == device:
            # By text, since there may be millions: a Path each takes several times as long.
            for name in [CACHE_TAG] if is_cache(path) else sorted(os.listdir(path)):  # noqa: PTH208
                inner = os.path.join(path, name)  # noqa: PTH118
                try:
                    found = os.lstat(inner)
                except FileNotFoundError:
                    continue
                yield from self._below(inner, found, device)


def digest(path: str) -> str:
    """SHA-256 of a file's content."""
    total = hashlib.sha256()
    with Path(path).open("rb") as stream:
        while block := stream.read(CHUNK):
            total.update(block)
    return total.hexdigest()


def seen_before(file: Path) -> dict[str, Any]:
    """Digests of the last time, by path and what the file looked like; none when unreadable."""
    try:
        found: dict[str, Any] = json.loads(file.read_text(encoding="ascii"))
    except (OSError, ValueError):
        return {}
    return found


def write(file: Path, text: str) -> None:
    """Replace a file in one step; only root reads it."""
    beside = file.with_name(f"{file.name}.new")
    with open(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as stream:  # noqa: PTH123
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())
    beside.replace(file)


def main(config: Path = CONFIG, state: Path = STATE) -> int:
    """Write the manifest; a file that goes away meanwhile is left out."""
    settings = json.loads((config / "client.json").read_text(encoding="utf-8"))
    manifest, cache = Path(settings["dump_folder"]) / NAME, state / SEEN
    manifest.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    skip = {str(path) for file in (manifest, cache) for path in (file, f"{file}.new")}
    before, seen = seen_before(cache), {}
    lines = [json.dumps({"schema": 1, "started": time.time()})]
    for path, status in Tree(settings["paths"], settings["excludes"], skip).files():
        # The change time as well: a program can set the modification time back, but not this one.
        look = [status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino]
        old = before.get(path)
        try:
            sha256 = old[1] if old and old[0] == look else digest(path)
        except FileNotFoundError:
            continue
        seen[path] = [look, sha256]
        entry = {"path": path, "size": look[0], "mtime_ns": look[1], "sha256": sha256}
        lines.append(json.dumps(entry))
    write(manifest, "".join(f"{line}\n" for line in lines))
    write(cache, json.dumps(seen))
    return 0


if __name__ == "__main__":
    sys.exit(main())
