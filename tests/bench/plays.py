"""Roles on hosts that no stack has made."""

from __future__ import annotations

import json
import os
import subprocess
from typing import TYPE_CHECKING, Any

from hoaban.converge.playbook import Transport, environment
from hoaban.errors import HoabanError
from hoaban.workspace import Workspace, toolkit_root

if TYPE_CHECKING:
    from pathlib import Path


def apply(playbook: Path, inventory: dict[str, Any], folder: Path) -> None:
    """Run a playbook over an inventory, as ``hoaban converge`` does; files of it in ``folder``."""
    file = folder / "inventory" / "hosts.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(inventory), encoding="utf-8")
    variables = environment(Workspace(folder, folder / "home"), Transport.MITOGEN)
    done = subprocess.run(
        ["ansible-playbook", "-i", file, playbook],
        env={**os.environ, **variables},
        cwd=toolkit_root(),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise HoabanError(
            f"ansible-playbook ended with status {done.returncode}",
            mend="the end of its output is below",
            detail=done.stdout[-3000:] + done.stderr[-1000:],
        )
