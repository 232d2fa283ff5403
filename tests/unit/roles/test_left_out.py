"""Roles that work on another host as well are left out where the province has no such host."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from hoaban.workspace import toolkit_root

PLUGINS = {"LIBRARY": "modules", "ACTION_PLUGINS": "action", "FILTER_PLUGINS": "filter"}


@pytest.mark.parametrize("left_out", ["log_client", "backup_client"])
def test_without_such_a_host_nothing_is_done_on_any(tmp_path: Path, left_out: str) -> None:
    """Ansible works out to whom a task is delegated before it sees that it is left out."""
    (tmp_path / "hosts.ini").write_text("[all]\na ansible_connection=local\nb\n")
    (tmp_path / "play.yml").write_text(
        f"- hosts: all\n  gather_facts: false\n  vars: {{{left_out}_host: ''}}\n"
        f"  roles: [{{role: {left_out}, when: {left_out}_host != ''}}]\n"
    )
    root = toolkit_root()
    places = {f"ANSIBLE_{key}": str(root / "hoaban/plugins" / to) for key, to in PLUGINS.items()}
    (tmp_path / "ansible.cfg").write_text("[inventory]\nenable_plugins = ini\n")
    done = subprocess.run(
        [Path(sys.executable).parent / "ansible-playbook", "-i", "hosts.ini", "play.yml"],
        cwd=tmp_path,
        env=os.environ
        | places
        | {
            "ANSIBLE_CONFIG": str(tmp_path / "ansible.cfg"),
            "ANSIBLE_ROLES_PATH": str(root / "roles"),
            "ANSIBLE_NOCOLOR": "1",
            "LC_ALL": "C.UTF-8",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "ok=0    changed=0" in done.stdout
