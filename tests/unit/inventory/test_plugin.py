"""Runs the real ``ansible-inventory`` on state files."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hoaban.testing import estate

if TYPE_CHECKING:
    from hoaban.workspace import Workspace

PLUGINS = Path(__file__).parents[3] / "hoaban/plugins/inventory"


def inventory(workspace: Workspace, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {key: value for key, value in os.environ.items() if "HOABAN" not in key}
    return subprocess.run(
        [Path(sys.executable).parent / "ansible-inventory", *arguments],
        cwd=workspace.root,
        env=environment
        | {
            "ANSIBLE_INVENTORY": "inventory/hoaban.yml",
            "ANSIBLE_INVENTORY_PLUGINS": str(PLUGINS),
            "ANSIBLE_INVENTORY_ENABLED": "hoaban",
            "ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED": "true",
            "NO_COLOR": "1",
        },
        capture_output=True,
        text=True,
        check=False,
    )


def listing(workspace: Workspace) -> dict[str, Any]:
    run = inventory(workspace, "--list")
    assert run.returncode == 0, run.stderr
    data: dict[str, Any] = plain(json.loads(run.stdout))
    return data


def plain(value: Any) -> Any:
    """The value without the marks of text that may not be templated."""
    if isinstance(value, dict):
        inner = value.get("__ansible_unsafe")
        return inner if inner is not None else {key: plain(item) for key, item in value.items()}
    return [plain(item) for item in value] if isinstance(value, list) else value


def test_list_holds_hosts_groups_and_connection(provisioned: Workspace) -> None:
    data = listing(provisioned)
    assert data["managed"]["children"] == ["province", "agency_so_y_te"]
    assert data["province"]["hosts"] == ["sonla-bastion", "sonla-backup-1"]
    assert data["role_time"]["hosts"] == ["sonla-bastion"]
    assert data["system_so_y_te_portal"]["hosts"] == [
        f"so-y-te-portal-{tier}-1" for tier in ("web", "app", "data")
    ]
    web = data["_meta"]["hostvars"]["so-y-te-portal-web-1"]
    assert web["ansible_host"] == "10.65.1.10"
    assert web["ansible_ssh_args"] == f"-F {provisioned.home / 'ssh_config'}"
    assert web["ansible_user"] == "hoaban"
    assert web["hoaban_host"]["addresses"] == {"ipv4": "10.65.1.10", "ipv6": "fd65:0:0:100::a"}
    assert (provisioned.home / "ssh_config").is_file()


def test_names_that_look_like_templates_are_plain_text(workspace: Workspace) -> None:
    name = {"vi": "{{ 1 + 1 }} Sở Y tế", "en": "{% raw %}"}
    outputs = estate.department()
    plan = outputs.environment.model_copy(
        update={"name": outputs.environment.name.model_copy(update=name)}
    )
    estate.write_estate(workspace.backend, outputs.model_copy(update={"environment": plan}))
    run = inventory(workspace, "--host", "so-y-te-portal-web-1")
    assert run.returncode == 0, run.stderr
    assert json.loads(run.stdout)["hoaban_agency"]["name_vi"] == "{{ 1 + 1 }} Sở Y tế"


def test_graph_of_nothing_is_empty_and_says_what_to_do(workspace: Workspace) -> None:
    run = inventory(workspace, "--graph")
    assert run.returncode == 0
    assert run.stdout.split() == ["@all:", "|--@ungrouped:"]
    assert "run hoaban up first" in " ".join(run.stderr.split())


def test_unreadable_state_is_an_error_that_names_the_file(provisioned: Workspace) -> None:
    file = provisioned.backend / ".pulumi/stacks/agency/so-y-te.json"
    file.write_text('{"version": 3, "checkpo')
    run = inventory(provisioned, "--graph")
    assert run.returncode != 0
    message = "".join(run.stderr.split())
    assert str(file) in message
    assert "take the file from your own backup".replace(" ", "") in message


def test_a_thousand_hosts_are_listed(workspace: Workspace) -> None:
    counts = {"web": 4, "app": 4, "data": 2}
    agencies = [estate.department(f"agency-{n}", index=n, counts=counts) for n in range(100)]
    estate.write_estate(workspace.backend, *agencies)
    data = listing(workspace)
    assert len(data["_meta"]["hostvars"]) == 1002
