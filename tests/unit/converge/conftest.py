"""An estate whose "hosts" are this machine, behind an ``ssh`` that runs commands here."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from hoaban.console import Steps
from hoaban.converge.pins import BEGIN, END
from tests.unit.inventory.conftest import provisioned, workspace

if TYPE_CHECKING:
    from pathlib import Path

    from hoaban.converge.console import Hindrance

__all__ = ["provisioned", "workspace"]

SSH = """#!/bin/sh
# Takes ssh's command line; hosts named in files of $SSH_FAULTS fail as the file says.
echo "$@" | tr '\\n' ' ' >>"$SSH_LOG"
echo >>"$SSH_LOG"
host=
while [ $# -gt 0 ]; do
  case $1 in
    -O) exit 0 ;;
    --) shift ;;
    -[FolpiW]) if [ -n "$host" ]; then break; fi; shift 2 ;;
    -*) if [ -n "$host" ]; then break; fi; shift ;;
    *) if [ -n "$host" ]; then break; fi; host=$1; shift ;;
  esac
done
if [ -e "$SSH_FAULTS/$host" ]; then
  cat "$SSH_FAULTS/$host" >&2
  exit 255
fi
exec sh -c "$*"
"""


def console_of(*keys: str) -> str:
    """A console log in which cloud-init wrote these keys."""
    lines = "".join(f"{key} root@host\r\n" for key in keys)
    return f"[  17.2] systemd[1]: Started\r\n{BEGIN}\r\n{lines}{END}\r\nlogin: "


class FakeConsole:
    """Console logs by server; counts how often each was asked for."""

    def __init__(self, logs: dict[str, list[str]] | None = None, default: str = "") -> None:
        self.logs = logs or {}
        self.default = default
        self.asked: list[str] = []
        self.boot_seconds = 5.0
        self.hindrances: dict[str, Hindrance] = {}

    def output(self, server_id: str) -> str:
        """The next log of a server; the last one again and again."""
        self.asked.append(server_id)
        logs = self.logs.get(server_id)
        if not logs:
            return self.default
        return logs.pop(0) if len(logs) > 1 else logs[0]

    def hindrance(self, server_id: str) -> Hindrance | None:
        """What was put in the table."""
        return self.hindrances.get(server_id)


class QuietSteps(Steps):
    """Steps that print nothing and remember what they told."""

    def __init__(self) -> None:
        super().__init__(quiet=True)

    @property
    def told(self) -> dict[str, str]:
        """State and last detail of each step, by its title."""
        return {step.title: f"{step.state}: {step.detail}" for step in self.steps}


@pytest.fixture
def steps() -> QuietSteps:
    return QuietSteps()


@pytest.fixture
def faults(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Folder in which a file named after a host makes its connections fail."""
    folder = tmp_path / "faults"
    folder.mkdir()
    tools = tmp_path / "bin"
    tools.mkdir()
    ssh = tools / "ssh"
    ssh.write_text(SSH)
    ssh.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tools}:{os.environ['PATH']}")
    monkeypatch.setenv("SSH_FAULTS", str(folder))
    monkeypatch.setenv("SSH_LOG", str(tmp_path / "ssh.log"))
    return folder
