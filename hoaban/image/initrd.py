"""The small initrd: the recipe's init, a static busybox and the driver of virtio disks.

Debian's own initrd holds udev and every driver, and takes seconds to unpack and walk through on a
slow processor; the guest's kernel lacks just one driver to reach its root.
"""

from __future__ import annotations

import lzma
import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hoaban.errors import HoabanError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

DRIVER = "kernel/drivers/block/virtio_blk.ko.xz"
_FOLDERS = ("bin", "dev", "proc", "root", "sys")
_TRAILER = "TRAILER!!!"


@dataclass(frozen=True, slots=True)
class Entry:
    """A file of the archive: ``mode`` has type and permissions, as stat(2) gives them."""

    path: str
    mode: int
    content: bytes = b""


def pack_initrd(*, tree: Path, init: Path, output: Path) -> None:
    """Write the initrd for the one kernel that is installed in ``tree``."""
    drivers = list(tree.glob(f"usr/lib/modules/*/{DRIVER}"))
    if len(drivers) != 1:
        raise HoabanError(
            f"the tree holds {len(drivers)} kernels with {DRIVER}, not one",
            mend="name one kernel package in hoaban/image/recipe/packages.txt",
        )
    program = stat.S_IFREG | 0o755
    entries = [
        *(Entry(name, stat.S_IFDIR | 0o755) for name in _FOLDERS),
        Entry("bin/busybox", program, (tree / "usr/bin/busybox").read_bytes()),
        Entry("init", program, init.read_bytes()),
        Entry("virtio_blk.ko", stat.S_IFREG | 0o644, lzma.decompress(drivers[0].read_bytes())),
    ]
    output.write_bytes(newc(entries))


def newc(entries: Iterable[Entry]) -> bytes:
    """A cpio archive in the format that the kernel unpacks; all belongs to root, times are 0.

    The format is ``newc``: the kernel's Documentation/driver-api/early-userspace/buffer-format.rst.
    """
    archive = bytearray()
    for number, entry in enumerate([*entries, Entry(_TRAILER, 0)], start=1):
        name = entry.path.encode() + b"\0"
        fields = (number, entry.mode, 0, 0, 1, 0, len(entry.content), 0, 0, 0, 0, len(name), 0)
        archive += b"070701" + b"".join(b"%08x" % field for field in fields) + name
        _align(archive)
        archive += entry.content
        _align(archive)
    return bytes(archive)


def _align(archive: bytearray) -> None:
    archive += bytes(-len(archive) % 4)
