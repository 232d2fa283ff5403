from __future__ import annotations

import shutil
import stat
from typing import TYPE_CHECKING

import pytest

from hoaban.errors import HoabanError
from hoaban.image.initrd import Entry, newc, pack_initrd

if TYPE_CHECKING:
    from pathlib import Path

HEADER = 110


def unpack(archive: bytes) -> dict[str, tuple[int, bytes]]:
    """Path → (mode, content), as the kernel's init/initramfs.c reads the format."""
    found: dict[str, tuple[int, bytes]] = {}
    place = 0
    while True:
        assert archive[place : place + 6] == b"070701"
        assert place % 4 == 0
        fields = [
            int(archive[place + 6 + 8 * index : place + 14 + 8 * index], 16) for index in range(13)
        ]
        mode, size, name_size = fields[1], fields[6], fields[11]
        name = archive[place + HEADER : place + HEADER + name_size - 1].decode()
        place += HEADER + name_size
        place += -place % 4
        if name == "TRAILER!!!":
            return found
        found[name] = (mode, archive[place : place + size])
        place += size + -size % 4


@pytest.mark.parametrize("size", [0, 1, 2, 3, 4, 5, 4096])
def test_archives_are_read_as_they_were_written(size: int) -> None:
    content = bytes(range(256)) * 16
    entries = [
        Entry("bin", stat.S_IFDIR | 0o755),
        Entry("x" * size + "y", stat.S_IFREG | 0o640, content[:size]),
        Entry("last", stat.S_IFREG | 0o755, b"end"),
    ]
    assert unpack(newc(entries)) == {entry.path: (entry.mode, entry.content) for entry in entries}


def test_the_initrd_holds_init_busybox_driver_and_the_places_to_mount(
    tree: Path, tmp_path: Path
) -> None:
    init = tmp_path / "init"
    init.write_bytes(b"#!/bin/busybox sh\n")
    pack_initrd(tree=tree, init=init, output=tmp_path / "initrd")
    found = unpack((tmp_path / "initrd").read_bytes())
    assert found["init"] == (stat.S_IFREG | 0o755, b"#!/bin/busybox sh\n")
    assert found["bin/busybox"] == (stat.S_IFREG | 0o755, b"busybox")
    assert found["virtio_blk.ko"][1] == b"driver"
    assert {"dev", "proc", "root", "sys"} <= found.keys()


def test_a_tree_with_two_kernels_is_refused(tree: Path, tmp_path: Path) -> None:
    modules = tree / "usr/lib/modules"
    shutil.copytree(modules / "6.12.0-cloud-amd64", modules / "6.12.1-cloud-amd64")
    with pytest.raises(HoabanError, match="holds 2 kernels"):
        pack_initrd(tree=tree, init=tmp_path / "init", output=tmp_path / "initrd")
    shutil.rmtree(modules)
    with pytest.raises(HoabanError, match="holds 0 kernels"):
        pack_initrd(tree=tree, init=tmp_path / "init", output=tmp_path / "initrd")
