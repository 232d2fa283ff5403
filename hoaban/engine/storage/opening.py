"""From a place to its storage."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from hoaban.engine.storage.folder import FolderStorage
from hoaban.errors import HoabanError

if TYPE_CHECKING:
    from hoaban.engine.storage.base import Place, Storage


def open_storage(place: Place) -> Storage:
    """The storage of a folder, or of a URL as ``pulumi login`` takes it."""
    if isinstance(place, Path):
        return FolderStorage(place)
    scheme = urlsplit(place).scheme
    if scheme == "file":
        return FolderStorage(folder_of(place))
    if scheme == "s3":
        from hoaban.engine.storage.s3 import S3Storage  # noqa: PLC0415 (few need it)
        from hoaban.engine.storage.s3place import S3Place  # noqa: PLC0415

        return S3Storage(S3Place.parse(place))
    raise HoabanError(
        f"the embedded engine keeps no state at {place}",
        mend="give a folder, as file:///path, or a bucket, as s3://BUCKET/PREFIX",
    )


def folder_of(url: str) -> Path:
    """The folder of a ``file://`` URL, as Pulumi reads it: ``~`` is one's home."""
    parts = urlsplit(url)
    return Path(unquote(parts.netloc + parts.path)).expanduser().absolute()
