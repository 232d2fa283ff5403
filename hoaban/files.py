"""Files that are never seen half-written: written beside, flushed to disk, renamed into place."""

from __future__ import annotations

import os
import tempfile
from contextlib import suppress
from pathlib import Path


def write_atomic(
    path: Path,
    content: str | bytes,
    *,
    mode: int = 0o644,
    keep_as: Path | None = None,
    beside: Path | None = None,
) -> None:
    """Replace a file in one step; ``keep_as`` becomes another name of the file that was there.

    At every instant, also through a power cut, either the old or the new content stands under the
    name. ``mode`` is set before any byte of the content is written. Raises :class:`OSError` with
    the old file untouched. Several writers may replace the same file: the last one's stays. It is
    written in the folder ``beside`` first, of the same disk, else in the file's own; when that
    folder is removed meanwhile, nothing is replaced.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(
        dir=beside or path.parent, prefix=f".{path.name}.", suffix=".new"
    )
    written = Path(name)
    try:
        _write_synced(handle, content.encode() if isinstance(content, str) else content, mode)
        if keep_as is not None and path.exists():
            link_over(path, keep_as, beside=beside)
        written.replace(path)
    except BaseException:
        with suppress(OSError):
            written.unlink()
        raise
    sync_folder(path.parent)


def write_once(path: Path, content: str | bytes, *, mode: int = 0o600) -> bool:
    """Make a file with its content in one step; one that another process just made stays.

    Of many that do it at once, also from several machines on a shared folder, one is told True.
    """
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".new")
    beside = Path(name)
    try:
        _write_synced(handle, content.encode() if isinstance(content, str) else content, mode)
        os.link(beside, path)
    except FileExistsError:
        return False
    finally:
        beside.unlink()
    sync_folder(path.parent)
    return True


def link_over(source: Path, target: Path, *, beside: Path | None = None) -> None:
    """Give a file a second name, taking the name from what had it; see :func:`write_atomic`."""
    link = (beside or target.parent) / f".{target.name}.new"
    link.unlink(missing_ok=True)
    os.link(source, link)
    try:
        link.replace(target)
    except OSError:
        link.unlink(missing_ok=True)
        raise
    link.unlink(missing_ok=True)  # rename(2) leaves it where both already are one file


def sync_folder(folder: Path) -> None:
    """Make renames in a folder last through a power cut."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _write_synced(handle: int, data: bytes, mode: int) -> None:
    with os.fdopen(handle, "wb") as stream:
        os.fchmod(stream.fileno(), mode)
        stream.write(data)
        stream.flush()
        os.fsync(stream.fileno())
