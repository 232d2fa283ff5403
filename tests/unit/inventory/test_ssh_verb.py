"""``hoaban ssh`` against an ``ssh`` that tells how it was called."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from hoaban.converge.pins import Pin, PinStore
from hoaban.inventory.fleet import Fleet

if TYPE_CHECKING:
    from pathlib import Path

    from hoaban.workspace import Workspace


@pytest.fixture
def tools(tmp_path: Path) -> Path:
    folder = tmp_path / "bin"
    folder.mkdir()
    ssh = folder / "ssh"
    ssh.write_text('#!/bin/sh\nprintf "%s\\n" "$@"\nexit 7\n')
    ssh.chmod(0o755)
    return folder


def call(workspace: Workspace, tools: Path, *words: str) -> subprocess.CompletedProcess[str]:
    environment = {key: value for key, value in os.environ.items() if "HOABAN" not in key}
    return subprocess.run(
        [sys.executable, "-m", "hoaban", "ssh", *words],
        cwd=workspace.root,
        env=environment | {"PATH": f"{tools}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def pinned(provisioned: Workspace) -> Workspace:
    """The province with a key of every host."""
    for state in Fleet.read(provisioned).states:
        hosts = {
            name: Pin(server_id="1", keys=["ssh-ed25519 AAAA"]) for name in state.outputs.hosts
        }
        PinStore(provisioned.known_hosts, state.key).write(hosts)
    return provisioned


def test_becomes_ssh_with_the_pinned_configuration(pinned: Workspace, tools: Path) -> None:
    done = call(pinned, tools, "so-y-te-portal-app-1.sonla.example", "--", "uptime", "-p")
    config = pinned.home / "ssh_config"
    assert done.stdout.split() == [
        "-F", str(config), "so-y-te-portal-app-1", "--", "uptime", "-p",
    ]  # fmt: skip
    assert done.returncode == 7
    assert config.is_file()


def test_a_shell_unless_told(pinned: Workspace, tools: Path) -> None:
    words = call(pinned, tools, "sonla-bastion").stdout.split()
    assert words == ["-F", str(pinned.home / "ssh_config"), "sonla-bastion"]


def test_an_unknown_host_is_an_error_with_near_names(pinned: Workspace, tools: Path) -> None:
    done = call(pinned, tools, "portal-web")
    assert done.returncode == 1
    assert "did you mean so-y-te-portal-web-1?" in done.stderr
    assert done.stdout == ""


def test_a_host_without_a_pinned_key_is_told_how_to_get_one(
    provisioned: Workspace, tools: Path
) -> None:
    done = call(provisioned, tools, "so-y-te-portal-app-1")
    assert done.returncode == 1
    assert "the host key of so-y-te-portal-app-1 is not pinned" in done.stderr
    assert "hoaban converge so-y-te" in done.stderr
    assert done.stdout == ""
    assert call(provisioned, tools, "sonla-bastion").stderr.rstrip().endswith("hoaban converge")
