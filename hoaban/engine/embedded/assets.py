"""Digests of assets and archives, as the official engine makes them: how their changes are seen.

An archive's digest is that of the file where it is one, else of the tar stream that Go's
``archive/tar`` writes of its members (mode 0600, no times, no owners), in the order of their names.
"""

from __future__ import annotations

import hashlib
import io
import os
import tarfile
import urllib.error
import urllib.request
import zipfile
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from hoaban.engine.embedded.properties import ARCHIVE_SIGNATURE, signature
from hoaban.errors import HoabanError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hoaban.engine.values import PropertyMap

_TARS: Final = (".tar", ".tgz", ".tar.gz")
_ZIPS: Final = (".zip", ".jar")
_BOOKKEEPING: Final = ".pulumi"
_FETCH_SECONDS: Final = 60.0
_BLOCK: Final = 512
_NAME: Final = 100
_PREFIX: Final = 155
_REGULAR: Final = b"0"
_EXTENDED: Final = b"x"


def hash_asset(asset: PropertyMap, folder: Path) -> PropertyMap:
    """An asset with the SHA-256 of its content; files are looked for from ``folder``."""
    if asset.get("hash"):
        return asset
    return {**asset, "hash": hashlib.sha256(_content(asset, folder)).hexdigest()}


def hash_archive(archive: PropertyMap, folder: Path) -> PropertyMap:
    """An archive with its digest."""
    if archive.get("hash"):
        return archive
    if _is_file(archive):
        return {**archive, "hash": hashlib.sha256(_content(archive, folder)).hexdigest()}
    digest = hashlib.sha256()
    seen: set[str] = set()
    for name, content in _members(archive, folder):
        if name not in seen:
            seen.add(name)
            for part in _entry(name, content):
                digest.update(part)
    digest.update(bytes(2 * _BLOCK))
    return {**archive, "hash": digest.hexdigest()}


def _place(one: PropertyMap) -> str:
    return str(one.get("path") or urlsplit(str(one.get("uri") or "")).path)


def _is_file(archive: PropertyMap) -> bool:
    return _place(archive).endswith((*_TARS, *_ZIPS))


def _content(one: PropertyMap, folder: Path) -> bytes:
    if "text" in one:
        return str(one["text"]).encode()
    if "path" in one:
        return _read(folder / one["path"])
    return _fetch(str(one.get("uri", "")))


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise HoabanError(
            f"cannot read the file of an asset, {file}: {error.strerror}",
            mend="put the file there, or correct the path in the program",
        ) from error


def _fetch(uri: str) -> bytes:
    scheme = urlsplit(uri).scheme
    if scheme == "file":
        return _read(Path(urlsplit(uri).path))
    if scheme not in ("http", "https"):
        raise HoabanError(
            f"an asset from {uri!r}: only http, https and file are known",
            mend="correct the address in the program",
        )
    try:
        with urllib.request.urlopen(uri, timeout=_FETCH_SECONDS) as answer:  # noqa: S310 (see above)
            content: bytes = answer.read()
    except (OSError, ValueError, urllib.error.HTTPError) as error:
        raise HoabanError(
            f"cannot fetch an asset from {uri}: {error}",
            mend="correct the address in the program, or keep the file beside it",
        ) from error
    return content


def _members(archive: PropertyMap, folder: Path) -> Iterator[tuple[str, bytes]]:
    """Names and contents, in order."""
    if "assets" in archive:
        assets: dict[str, Any] = archive["assets"]
        for name in sorted(assets):
            one = assets[name]
            if signature(one) != ARCHIVE_SIGNATURE:
                yield name, _content(one, folder)
                continue
            for inner, content in _members(one, folder):
                yield str(PurePosixPath(name) / inner), content
    elif _is_file(archive):
        yield from _unpacked(_place(archive), _content(archive, folder))
    elif "path" in archive and (folder / archive["path"]).is_dir():
        root = folder / archive["path"]
        for file in _walk(root):
            yield file.relative_to(root).as_posix(), _read(file)
    else:
        raise HoabanError(
            f"{_place(archive)!r} is no archive (.tar, .tgz, .tar.gz, .zip, .jar) and no folder",
            mend="correct the path of the archive in the program",
        )


def _walk(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.iterdir(), key=os.fsencode):  # as Go: by bytes
        if path.name == _BOOKKEEPING:
            continue
        if path.is_dir():
            if not path.is_symlink():
                yield from _walk(path)
        else:
            yield path


def _unpacked(name: str, content: bytes) -> Iterator[tuple[str, bytes]]:
    try:
        if name.endswith(_ZIPS):
            with zipfile.ZipFile(io.BytesIO(content)) as packed:
                for one in packed.infolist():
                    if not one.is_dir():
                        yield str(PurePosixPath(one.filename)), packed.read(one)
            return
        with tarfile.open(fileobj=io.BytesIO(content)) as archive:
            for member in archive:
                stream = archive.extractfile(member) if member.isreg() else None
                if stream is not None:
                    yield str(PurePosixPath(member.name)), stream.read()
    except (zipfile.BadZipFile, tarfile.TarError) as error:
        raise HoabanError(
            f"the archive {name} is damaged: {error}", mend="make it again"
        ) from error


def _entry(name: str, content: bytes) -> Iterator[bytes]:
    """One file of a tar stream, as Go writes it."""
    prefix, short = _split(name)
    if not name.isascii() or (len(name) > _NAME and not prefix):
        folder, _, base = name.rpartition("/")
        path = "/".join(part for part in (folder, "PaxHeaders.0", base) if part)
        records = _record("path", name)
        yield _header(_ascii(path)[:_NAME].rstrip("/"), len(records), _EXTENDED, mode=0)
        yield from _padded(records)
        prefix, short = "", _ascii(name)[:_NAME]
    yield _header(short, len(content), _REGULAR, mode=0o600, prefix=prefix)
    yield from _padded(content)


def _split(name: str) -> tuple[str, str]:
    """A name too long for its field as a prefix and the rest; no prefix where there is no way."""
    if len(name) <= _NAME or not name.isascii():
        return "", name
    at = name.rfind("/", 0, _PREFIX + 1)
    if at <= 0 or not 0 < len(name) - at - 1 <= _NAME:
        return "", name
    return name[:at], name[at + 1 :]


def _ascii(text: str) -> str:
    return "".join(one for one in text if one.isascii())


def _record(key: str, value: str) -> bytes:
    body = f" {key}={value}\n".encode()
    size = len(body) + len(str(len(body)))
    if len(str(size)) + len(body) != size:
        size = len(str(size)) + len(body)
    return str(size).encode() + body


def _padded(content: bytes) -> Iterator[bytes]:
    yield content
    yield bytes(-len(content) % _BLOCK)


def _header(name: str, size: int, kind: bytes, *, mode: int, prefix: str = "") -> bytes:
    devices = b"" if kind == _EXTENDED else b"0000000\0" * 2
    fields = [
        name.encode().ljust(_NAME, b"\0"),
        f"{mode:07o}\0".encode(),
        b"0000000\0" * 2,  # owner and group
        f"{size:011o}\0".encode(),
        b"00000000000\0",  # no time
        b" " * 8,  # the checksum, while it is made
        kind.ljust(_NAME + 1, b"\0"),
        b"ustar\x0000",
        bytes(64),
        devices.ljust(16, b"\0"),
        prefix.encode().ljust(_PREFIX, b"\0"),
    ]
    block = b"".join(fields).ljust(_BLOCK, b"\0")
    return block[:148] + f"{sum(block):06o}\0 ".encode() + block[156:]
