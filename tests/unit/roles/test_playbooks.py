"""What the stacks say of hosts reaches the roles, as variables that these accept."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from hoaban.plugins.filter.firewall import rule_problems
from hoaban.sealing import recipients_of
from hoaban.testing import estate
from hoaban.workspace import Workspace

ROOT = Path(__file__).resolve().parents[3]
VALUES = (
    "base_fqdn base_addresses base_peers base_deploy_keys base_operators base_timezone"
    " base_ntp_servers base_ntp_pools base_apt_mirror base_owner_vi base_owner_en base_purpose"
    " base_ssh_shared_sources base_security_level base_update_slot audit_immutable log_client_host"
    " firewall_rules data_volume_volumes"
)
MORE = (
    "'forwarding': base_ssh_tcp_forwarding | default('no'),"
    "'serves_time': base_ntp_serve | default(false),"
    "'backup_mount': backup_host_mount | default(none),"
    "'log_folder': log_host_folder | default(none),"
    "'log_mount': log_host_mount | default(none),"
    "'log_clients': log_host_clients | default([]),"
    "'log_server': log_client_server,"
    "'backup_addresses': backup_host_addresses | default(none),"
    "'backup_policy': hoaban_backup"
)


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """The province and a department as they are after ``up``."""
    root = tmp_path_factory.mktemp("province")
    (root / "inventory").mkdir()
    (root / "inventory/province.yml").touch()
    (root / "inventory/hoaban.yml").write_text("plugin: hoaban\n")
    workspace = Workspace(root, root / ".hoaban")
    workspace.keys.mkdir(parents=True)
    for name in ("deploy", "deploy-next"):
        (workspace.keys / f"{name}.pub").write_text(f"ssh-ed25519 AAAA {name}\n")
    estate.write_estate(workspace.backend)
    return workspace


def ansible(workspace: Workspace, *command: str, **variables: str) -> str:
    """Run one of Ansible's programs in the checkout on the inventory of ``workspace``."""
    done = subprocess.run(
        [Path(sys.executable).parent / command[0], *command[1:]],
        cwd=workspace.root,
        env={key: value for key, value in os.environ.items() if "HOABAN" not in key}
        | {
            "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
            "ANSIBLE_INVENTORY": str(workspace.inventory / "hoaban.yml"),
            "ANSIBLE_LOCALHOST_WARNING": "false",
            "ANSIBLE_DEPRECATION_WARNINGS": "false",
            "NO_COLOR": "1",
        }
        | variables,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def variables(workspace: Workspace) -> dict[str, dict[str, Any]]:
    """Values of the roles' variables on each host."""
    wanted = ", ".join(f"'{name}': {name}" for name in VALUES.split())
    return evaluate(workspace, "managed", f"{wanted}, {MORE}")


def evaluate(workspace: Workspace, hosts: str, wanted: str, **more: Any) -> dict[str, Any]:
    """The dictionary with the inside ``wanted`` on each host; ``more`` are extra variables."""
    out = ansible(
        workspace,
        *("ansible", hosts, "-c", "local", "-m", "ansible.builtin.debug"),
        *("-a", f'msg="{{{{ {{{wanted}}} }}}}"', "--playbook-dir", str(ROOT / "playbooks")),
        *("--extra-vars", json.dumps(more)),
        ANSIBLE_LOAD_CALLBACK_PLUGINS="true",
        ANSIBLE_STDOUT_CALLBACK="ansible.posix.json",
    )
    results: dict[str, Any] = json.loads(out)["plays"][0]["tasks"][0]["hosts"]
    return {name: result["msg"] for name, result in results.items()}


@pytest.mark.parametrize(("playbook", "count"), [("agency.yml", 3), ("province.yml", 2)])
def test_roles_accept_the_variables(workspace: Workspace, playbook: str, count: int) -> None:
    # Only the roles' own validation of their arguments is tagged "always".
    path = str(ROOT / "playbooks" / playbook)
    out = ansible(workspace, "ansible-playbook", path, "--tags", "none-of-them", "-c", "local")
    recap = [line for line in out.splitlines() if "failed=0" in line]
    assert len(recap) == count
    for role in ("base", "firewall"):
        assert f"{role} : Validating arguments against arg spec" in out


def test_a_server_of_a_department(variables: dict[str, dict[str, Any]]) -> None:
    host = variables["so-y-te-portal-data-1"]
    assert host["base_fqdn"] == f"so-y-te-portal-data-1.{estate.DOMAIN}"
    assert host["base_addresses"] == ["10.65.1.138", "fd65:0:0:102::a"]
    assert host["base_owner_vi"] == "Sở Y tế"
    assert host["base_purpose"] == "portal / data"
    assert host["base_ntp_servers"] == ["10.64.0.10", "fd64::a"]
    assert host["base_ntp_pools"] == []
    assert host["base_deploy_keys"] == ["ssh-ed25519 AAAA deploy", "ssh-ed25519 AAAA deploy-next"]
    assert [operator["name"] for operator in host["base_operators"]] == ["lan"]
    (volume,) = host["data_volume_volumes"]
    assert volume["mount"] == "/srv/db"
    assert host["forwarding"] == "no"
    assert host["base_ssh_shared_sources"] == ["10.64.0.10", "fd64::a"]
    assert host["serves_time"] is False


def test_a_server_names_its_own_agency_and_the_province(
    variables: dict[str, dict[str, Any]],
) -> None:
    host = variables["so-y-te-portal-app-1"]
    peers = {peer["name"]: peer["addresses"] for peer in host["base_peers"]}
    assert set(peers) == {
        "so-y-te-portal-web-1",
        "so-y-te-portal-data-1",
        estate.BASTION,
        estate.BACKUP,
    }
    assert peers[estate.BASTION] == ["10.64.0.10", "fd64::a"]


def test_the_bastion_forwards_and_gives_the_time(variables: dict[str, dict[str, Any]]) -> None:
    host = variables[estate.BASTION]
    assert host["forwarding"] == "local"
    assert host["base_ssh_shared_sources"] == []
    assert host["serves_time"] is True
    assert host["base_ntp_servers"] == []
    assert host["base_purpose"] == "bastion, time"


def test_time_hosts_follow_what_is_above_them_and_each_other(workspace: Workspace) -> None:
    seen = evaluate(
        workspace,
        estate.BASTION,
        "'servers': base_ntp_servers",
        hoaban_ntp_upstream=["ntp.example"],
        hoaban_ntp_servers=["10.64.0.10", "fd64::a", "10.64.0.11", "fd64::b"],
    )
    assert seen == {estate.BASTION: {"servers": ["ntp.example", "10.64.0.11"]}}


def test_the_backup_host_stores_on_its_volume(variables: dict[str, dict[str, Any]]) -> None:
    host = variables[estate.BACKUP]
    assert host["backup_mount"] == host["data_volume_volumes"][0]["mount"] == "/srv/backup"
    assert host["backup_addresses"] == host["base_addresses"]


def test_servers_with_a_policy_are_clients_of_the_backup_host(workspace: Workspace) -> None:
    wanted = "'policy': hoaban_backup, 'host': backup_client_host, 'server': backup_client_server,"
    more = "'paths': backup_client_paths, 'dumps': backup_client_dump_folder,"
    seal = "'recipients': backup_client_recipients, 'escrow': backup_client_escrow_folder"
    seen = evaluate(workspace, "so-y-te-portal-data-1", wanted + more + seal)
    host = seen["so-y-te-portal-data-1"]
    assert host["policy"]["rpo_hours"] == 24
    assert host["policy"]["retention"] == {"daily": 7, "weekly": 4, "monthly": 12}
    assert (host["host"], host["server"]) == (estate.BACKUP, f"{estate.BACKUP}.{estate.DOMAIN}")
    assert host["paths"] == ["/etc", "/home", "/root", "/srv", "/srv/db"]
    assert host["dumps"] == "/srv/db/.hoaban-dumps"
    assert host["escrow"] == str(workspace.home / "escrow")
    assert host["recipients"] == recipients_of(workspace, [])


def test_the_store_itself_is_no_client(variables: dict[str, dict[str, Any]]) -> None:
    assert variables[estate.BACKUP]["backup_policy"] is None
    assert variables[estate.BASTION]["backup_policy"] is None


def test_all_hosts_send_their_journals_to_the_log_host(
    variables: dict[str, dict[str, Any]],
) -> None:
    host = variables[estate.BACKUP]
    assert (host["log_mount"], host["log_folder"]) == ("/srv/backup", "/srv/backup/journal")
    assert set(host["log_clients"]) == set(variables)
    assert {one["log_client_host"] for one in variables.values()} == {estate.BACKUP}
    assert {one["log_server"] for one in variables.values()} == {f"{estate.BACKUP}.{estate.DOMAIN}"}
    assert variables["so-y-te-portal-web-1"]["audit_immutable"] is False


def test_hosts_of_a_group_have_times_of_their_own_for_updates(
    variables: dict[str, dict[str, Any]],
) -> None:
    slots = {name: host["base_update_slot"] for name, host in variables.items()}
    tiers = [f"so-y-te-portal-{tier}-1" for tier in ("app", "data", "web")]
    assert [slots[name] for name in tiers] == [0, 1, 2]
    assert [slots[name] for name in sorted((estate.BACKUP, estate.BASTION))] == [0, 1]


def test_rules_of_every_host_leave_a_way_in(variables: dict[str, dict[str, Any]]) -> None:
    for host in variables.values():
        assert rule_problems(host["firewall_rules"], 22) == []


def test_a_standby_gets_copies_and_no_clients(tmp_path: Path, workspace: Workspace) -> None:
    outputs = estate.province()
    plan = outputs.environment
    keeper = next(host for host in plan.hosts if host.name == estate.BACKUP)
    # First by its name, and still no client's first choice.
    name = "a-standby"
    standby = keeper.model_copy(
        update={"name": name, "fqdn": f"{name}.{estate.DOMAIN}", "standby_of": keeper.name}
    )
    second = Workspace(workspace.root, tmp_path / "home")
    second.keys.mkdir(parents=True)
    (second.keys / "deploy.pub").write_text("ssh-ed25519 AAAA deploy\n")
    estate.write_estate(second.backend)
    changed = outputs.model_copy(
        update={
            "environment": plan.model_copy(update={"hosts": [*plan.hosts, standby]}),
            "hosts": outputs.hosts | {name: outputs.hosts[keeper.name]},
        }
    )
    estate.write_checkpoint(second.backend, "province", "sonla", changed)
    wanted = (
        "'copies': backup_host_copies | default(none), 'client_of': backup_client_host,"
        "'account': backup_host_account | default(none)"
    )
    out = ansible(
        workspace,
        *("ansible", f"{estate.BACKUP},{name},so-y-te-portal-data-1", "-c", "local"),
        *("-m", "ansible.builtin.debug", "--playbook-dir", str(ROOT / "playbooks")),
        *("-a", f'msg="{{{{ {{{wanted}}} }}}}"'),
        ANSIBLE_LOAD_CALLBACK_PLUGINS="true",
        ANSIBLE_STDOUT_CALLBACK="ansible.posix.json",
        HOABAN_HOME=str(second.home),
    )
    hosts = json.loads(out)["plays"][0]["tasks"][0]["hosts"]
    seen = {host: result["msg"] for host, result in hosts.items()}
    assert {one["client_of"] for one in seen.values()} == {estate.BACKUP}
    assert seen[name]["copies"] == []
    assert seen[estate.BACKUP]["account"] == estate.BACKUP
    assert seen[estate.BACKUP]["copies"] == [
        {
            "name": name,
            "repository": f"rest:https://{name}.{estate.DOMAIN}:8000/{estate.BACKUP}/",
            "host": name,
            "keep": {"daily": 7, "weekly": 4, "monthly": 12},
        }
    ]
