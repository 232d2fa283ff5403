from __future__ import annotations

import lzma
import os
import shutil
from typing import TYPE_CHECKING

import pytest

from hoaban.image import build
from hoaban.image.initrd import DRIVER
from hoaban.image.mirror import HostMirror
from hoaban.image.recipe import FOLDER, Recipe

if TYPE_CHECKING:
    from pathlib import Path

MIRROR = HostMirror("bookworm", "http://mirror.example/debian", "http://mirror.example/security")


@pytest.fixture
def recipe(tmp_path: Path) -> Recipe:
    """A copy of the recipe that a test may change."""
    shutil.copytree(FOLDER, tmp_path / "recipe")
    return Recipe(tmp_path / "recipe")


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """What mmdebstrap would leave, as far as the build looks at it."""
    tree = tmp_path / "pattern"
    driver = tree / "usr/lib/modules/6.12.0-cloud-amd64" / DRIVER
    for path in (driver.parent, tree / "usr/bin", tree / "boot"):
        path.mkdir(parents=True)
    driver.write_bytes(lzma.compress(b"driver"))
    (tree / "usr/bin/busybox").write_bytes(b"busybox")
    (tree / "boot/vmlinuz-6.12.0-cloud-amd64").write_bytes(b"kernel")
    (tree / "boot/initrd.img-6.12.0-cloud-amd64").write_bytes(b"large")
    return tree


class Tools:
    """Programs of the build that do as told, and write down that they were called."""

    def __init__(self, folder: Path, tree: Path) -> None:
        self.folder = folder
        self.calls = folder / "calls"
        self.calls.touch()
        folder.joinpath("bin").mkdir()
        self.write(
            "mmdebstrap", f'for last; do before=$now now=$last; done; cp -r {tree} "$before"'
        )
        self.write("mke2fs", 'for last; do before=$now now=$last; done; echo raw >"$before"')
        self.write("qemu-img", 'for last; do before=$now now=$last; done; cp "$before" "$last"')
        self.write("dpkg-query", "printf 'adduser 3.152\\nbase-files 13.8\\n'")

    def write(self, name: str, script: str) -> None:
        path = self.folder / "bin" / name
        path.write_text(f'#!/bin/sh\necho "{name} $*" >>{self.calls}\n{script}\n')
        path.chmod(0o755)

    def remove(self, name: str) -> None:
        (self.folder / "bin" / name).unlink()

    def count(self, name: str) -> int:
        return sum(line.startswith(f"{name} ") for line in self.calls.read_text().splitlines())


@pytest.fixture
def tools(tmp_path: Path, tree: Path, monkeypatch: pytest.MonkeyPatch) -> Tools:
    """A machine that can build: root, all programs, a mirror, an empty folder of images."""
    tools = Tools(tmp_path, tree)
    keyring = tmp_path / "keyring.gpg"
    keyring.touch()
    monkeypatch.setattr(build, "_PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    monkeypatch.setattr(build, "KEYRING", keyring)
    monkeypatch.setattr(build, "host_mirror", lambda: MIRROR)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(build, "NEEDED_GIB", 0)
    monkeypatch.setenv("HOABAN_IMAGE_DIR", str(tmp_path / "images"))
    return tools
