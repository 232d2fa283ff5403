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
    raise HoabanError(
        f"the embedded engine keeps no state at {place}",
        mend="give a folder, as file:///path, or use --engine official",
    )


def folder_of(url: str) -> Path:
    """The folder of a ``file://`` URL, as Pulumi reads it: ``~`` is one's home."""
    parts = urlsplit(url)
    return Path(unquote(parts.netloc + parts.path)).expanduser().absolute()
