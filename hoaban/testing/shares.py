"""What a container can have of this machine, by name in its platform's ``shares``.

A role that installs hundreds of packages and works with the toolkit's own library would otherwise
spend its test on downloads, and would test another version of the library. Every share may be
empty on the machine: then the test fills it, and is slower once.
"""

from __future__ import annotations

import os
import subprocess
import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from hoaban.lab.preflight import uv
from hoaban.workspace import toolkit_root

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

TABLES = Path("/var/cache/hoaban/lab")
ARCHIVES = Path("/var/cache/apt/archives")
UV = Path("/usr/local/bin/uv")
UV_CACHE = Path("/var/cache/uv")
CERTIFICATES = Path("/usr/local/share/hoaban-test/certificates.pem")

# How this machine reaches its package index: proxies and the index itself, as uv takes them.
_PASSED = ("ALL_PROXY", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "UV_DEFAULT_INDEX", "UV_INDEX")


class Share(StrEnum):
    """One thing that is shared."""

    TOOLKIT = "toolkit"
    """This checkout's library and its interpreter, read-only and at the same places."""
    UV = "uv"
    """The program uv, its cache, and this machine's way to the package index."""
    ARCHIVES = "archives"
    """Downloaded Debian packages, one folder a release."""
    TABLES = "tables"
    """Database tables that an earlier lab of this machine has kept, or this one keeps."""

    def options(self, home: Path, codename: str) -> Iterator[str]:
        """Options of ``podman run``; ``home`` is where the tests keep their own things."""
        match self:
            case Share.TOOLKIT:
                yield from (_volume(path, path, writable=False) for path in _toolkit())
            case Share.UV:
                yield _volume(uv(), UV, writable=False)
                yield _volume(_uv_cache(), UV_CACHE)
                yield f"--env=UV_CACHE_DIR={UV_CACHE}"
                yield "--env=UV_LINK_MODE=copy"
                yield from _index()
            case Share.ARCHIVES:
                yield _volume(home / "archives" / codename, ARCHIVES)
            case Share.TABLES:
                yield _volume(TABLES, TABLES)


def sharing(shares: Iterable[Share], home: Path, codename: str) -> list[str]:
    """Options of ``podman run`` for all of ``shares``."""
    return [option for share in shares for option in share.options(home, codename)]


def _toolkit() -> list[Path]:
    """The library, its environment, and the Python below that unless it is Debian's."""
    folders = {toolkit_root() / "hoaban", Path(sys.prefix), Path(sys.base_prefix)}
    return sorted(path for path in folders if path != Path("/usr"))


def _uv_cache() -> Path:
    listing = subprocess.run([uv(), "cache", "dir"], capture_output=True, text=True, check=True)
    return Path(listing.stdout.strip())


def _index() -> Iterator[str]:
    """Variables and certificates, only where this machine needs some."""
    for name in (*_PASSED, *map(str.lower, _PASSED)):
        if name in os.environ:
            yield f"--env={name}"
    bundle = os.environ.get("SSL_CERT_FILE")
    if bundle and Path(bundle).is_file():
        yield _volume(Path(bundle).resolve(), CERTIFICATES, writable=False)
        yield f"--env=SSL_CERT_FILE={CERTIFICATES}"


def _volume(source: Path, target: Path, *, writable: bool = True) -> str:
    if writable:
        source.mkdir(parents=True, exist_ok=True)
    return f"--volume={source}:{target}:{'rw' if writable else 'ro'}"
