"""Where the container image is unpacked, and the settings of its containers."""

from __future__ import annotations

import os
import shutil
import tomllib
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

from hoaban.testing import image
from hoaban.testing.podman import Podman

if TYPE_CHECKING:
    from pathlib import Path

GIB = 1024**3


@pytest.mark.parametrize(
    ("free", "flags", "in_memory"),
    [(4 * GIB, 0, True), (64 * 1024**2, 0, False), (4 * GIB, os.ST_NOEXEC, False)],
    ids=["roomy", "small", "noexec"],
)
def test_it_is_unpacked_in_memory_only_where_that_can_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free: int, flags: int, *, in_memory: bool
) -> None:
    memory, home = tmp_path / "shm", tmp_path / "home/podman"
    memory.mkdir()
    state = SimpleNamespace(f_bavail=free // 4096, f_frsize=4096, f_flag=flags | os.ST_NODEV)
    monkeypatch.setattr(os, "statvfs", lambda _: state)
    assert image._scratch(home, memory) == (memory if in_memory else home / "scratch")
    assert image._scratch(home, memory).is_dir()


def test_a_machine_without_that_memory(tmp_path: Path) -> None:
    assert image._scratch(tmp_path, tmp_path / "none") == tmp_path / "scratch"


def test_containers_are_configured_for_what_the_host_has(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: f"/usr/bin/{name}")
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    made = Podman.prepare(tmp_path / "home")
    settings = tomllib.loads((made.home / "containers.conf").read_text())
    # The profile of podman itself denies mounts, without which systemd does not come up.
    assert settings["containers"]["apparmor_profile"] == "unconfined"
    assert settings["network"]["network_config_dir"] == str(made.home / "networks")
