"""``hoaban ssh`` against an ``ssh`` that tells how it was called."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

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


def test_becomes_ssh_with_the_pinned_configuration(provisioned: Workspace, tools: Path) -> None:
    done = call(provisioned, tools, "so-y-te-portal-app-1.sonla.example", "--", "uptime", "-p")
    config = provisioned.home / "ssh_config"
    assert done.stdout.split() == [
        "-F", str(config), "so-y-te-portal-app-1", "--", "uptime", "-p",
    ]  # fmt: skip
    assert done.returncode == 7
    assert config.is_file()


def test_a_shell_unless_told(provisioned: Workspace, tools: Path) -> None:
    words = call(provisioned, tools, "sonla-bastion").stdout.split()
    assert words == ["-F", str(provisioned.home / "ssh_config"), "sonla-bastion"]


def test_an_unknown_host_is_an_error_with_near_names(provisioned: Workspace, tools: Path) -> None:
    done = call(provisioned, tools, "portal-web")
    assert done.returncode == 1
    assert "did you mean so-y-te-portal-web-1?" in done.stderr
    assert done.stdout == ""
