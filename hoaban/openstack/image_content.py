"""The bytes of an image on their way to Glance: from a file, or through us from an address."""

from __future__ import annotations

import gzip
import hashlib
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, cast

import requests

from hoaban.engine.provider import ProviderError
from hoaban.openstack.errors import CloudError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hoaban.engine.values import PropertyMap

_CHUNK = 1 << 20
_GIBIBYTE_OF_DOWNLOAD_TIMEOUT = 600.0


@contextmanager
def stream(inputs: PropertyMap) -> Iterator[Hashing]:
    """The image's bytes, as they are to be sent."""
    with _opened(inputs) as source:
        yield Hashing(source, _length(inputs))


def verify(found: dict[str, Any], checksum: str) -> None:
    """Compare with what Glance counted.

    Glance may tell no checksum (a store that is shared by links); then there is none to see.
    """
    if found.get("checksum") not in (None, checksum):
        raise CloudError(
            f"the image arrived damaged: MD5 {found['checksum']} instead of {checksum}",
            mend="run this again",
        )


class Hashing:
    """A file that is hashed while it is read, so that it is read once.

    With a known length it is sent with ``Content-Length``, which every web server understands.
    """

    def __init__(self, source: IO[bytes], length: int | None) -> None:
        self._source = source
        self._md5 = hashlib.md5(usedforsecurity=False)
        if length is not None:
            self.len = length  # what requests asks for

    def read(self, size: int = _CHUNK) -> bytes:
        """The next bytes."""
        chunk = self._source.read(max(size, _CHUNK) if size > 0 else _CHUNK)
        self._md5.update(chunk)
        return chunk

    def __iter__(self) -> Iterator[bytes]:
        while chunk := self.read():
            yield chunk

    @property
    def checksum(self) -> str:
        """MD5 of what was read, which is what Glance tells too."""
        return self._md5.hexdigest()


@contextmanager
def _opened(inputs: PropertyMap) -> Iterator[IO[bytes]]:
    """The image's bytes, from its file or through us from its address."""
    path = inputs.get("localFilePath")
    if path:
        with Path(path).open("rb") as source:
            yield _decompressed(source, inputs)
        return
    user = inputs.get("imageSourceUsername")
    auth = (user, inputs.get("imageSourcePassword", "")) if user else None
    url = inputs["imageSourceUrl"]
    try:
        with requests.get(
            url, auth=auth, stream=True, timeout=_GIBIBYTE_OF_DOWNLOAD_TIMEOUT
        ) as answer:
            answer.raise_for_status()
            yield _decompressed(cast("IO[bytes]", answer.raw), inputs)
    except requests.RequestException as error:
        raise ProviderError(
            f"cannot fetch the image from {url}: {error}",
            mend="see whether the address is right and reachable from here",
        ) from None


def _length(inputs: PropertyMap) -> int | None:
    """Bytes to upload, where they can be told beforehand."""
    path = inputs.get("localFilePath")
    return Path(path).stat().st_size if path and not inputs.get("decompress") else None


def _decompressed(source: IO[bytes], inputs: PropertyMap) -> IO[bytes]:
    if not inputs.get("decompress"):
        return source
    return cast("IO[bytes]", gzip.GzipFile(fileobj=source))
