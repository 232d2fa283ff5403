"""The files of a stack's state: private, whole or not there, with the backend's attributes."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
from typing import TYPE_CHECKING, Final

from hoaban.errors import HoabanError, Location
from hoaban.files import link_over, write_atomic

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_PRIVATE: Final = 0o600
ATTRIBUTES: Final = ".attrs"


class StateWriteError(HoabanError):
    """The state folder takes no more: the disk is full, or may not be written."""


@contextlib.contextmanager
def explained(file: Path) -> Iterator[None]:
    """Turn a failed write into an error that says what is safe and what to do."""
    try:
        yield
    except OSError as error:
        raise StateWriteError(
            f"cannot write the state: {error.strerror}",
            where=Location(file=str(file)),
            mend=f"make room or give access under {file.parent}, then run the same command again; "
            "the file that was there is intact",
        ) from error


def write_private(file: Path, content: bytes, *, keep_as: Path | None = None) -> None:
    """Replace a file that only its owner may read; ``keep_as`` is a name for what was there."""
    with explained(file):
        write_atomic(file, content, mode=_PRIVATE, keep_as=keep_as)


def write_attributes(file: Path, content: bytes) -> None:
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
    attributes = file.with_name(file.name + ATTRIBUTES)
    write_private(attributes, json.dumps(body, separators=(",", ":")).encode())


def write_blob(file: Path, content: bytes, *, keep_as: Path | None = None) -> None:
    """A file of the backend, with its attributes."""
    attributes = file.with_name(file.name + ATTRIBUTES)
    if keep_as is not None and attributes.exists():
        with explained(file):
            link_over(attributes, keep_as.with_name(keep_as.name + ATTRIBUTES))
    write_private(file, content, keep_as=keep_as)
    write_attributes(file, content)


def copy_blob(source: Path, target: Path) -> None:
    """A second name for a file of the backend and its attributes; no second copy on disk.

    Files of the backend are replaced, never written into, so a link keeps what it was.
    """
    with explained(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        for suffix in ("", ATTRIBUTES):
            from_ = source.with_name(source.name + suffix)
            if from_.exists():
                link_over(from_, target.with_name(target.name + suffix))


def remove_blob(file: Path) -> None:
    """Remove a file of the backend and its attributes, if they are there."""
    file.unlink(missing_ok=True)
    file.with_name(file.name + ATTRIBUTES).unlink(missing_ok=True)
