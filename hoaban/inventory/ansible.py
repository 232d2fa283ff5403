"""Puts the estate into an Ansible inventory."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any, Final, Protocol

from hoaban.inventory import sshconfig
from hoaban.inventory.fleet import Fleet
from hoaban.inventory.variables import (
    ALL_HOSTS,
    groups_of,
    host_variables,
    stack_group,
    stack_variables,
)
from hoaban.sealing import recipients_of
from hoaban.vpn import names

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hoaban.workspace import Workspace

PYTHON: Final = "/usr/bin/python3"


class Inventory(Protocol):
    """The part of ``ansible.inventory.data.InventoryData`` that is used."""

    def add_group(self, group: str) -> str:
        """Make a group unless it is there."""

    def add_host(self, host: str, group: str | None = None, port: int | None = None) -> str:
        """Make a host unless it is there, as a member of a group."""

    def add_child(self, group: str, child: str) -> bool:
        """Put a group or host into a group."""

    def set_variable(self, entity: str, varname: str, value: Any) -> None:
        """Set a variable of a group or host."""


def fill(inventory: Inventory, workspace: Workspace) -> list[str]:
    """Add all hosts, groups and variables; returns warnings for people."""
    fleet = Fleet.read(workspace)
    if not fleet.states:
        return [f"no stack has been provisioned in {workspace.backend} yet: run hoaban up first"]
    _set_all(inventory, inventory.add_group(ALL_HOSTS), _connection(workspace, fleet))
    for state in fleet.states:
        group = inventory.add_group(stack_group(state))
        inventory.add_child(ALL_HOSTS, group)
        _set_all(inventory, group, stack_variables(fleet, state))
    for host in fleet.hosts.values():
        inventory.add_host(host.name, group=stack_group(host.state))
        for name in groups_of(host):
            inventory.add_child(inventory.add_group(name), host.name)
        inventory.set_variable(host.name, "ansible_host", fleet.address_of(host))
        _set_all(inventory, host.name, host_variables(host))
    return _warnings(fleet)


def _connection(workspace: Workspace, fleet: Fleet) -> dict[str, Any]:
    """How Ansible logs in: by the configuration file alone, with nothing of its own added."""
    path = sshconfig.write(workspace, fleet)
    settings = fleet.province.outputs.settings if fleet.province else None
    workspace.escrow.mkdir(mode=0o700, exist_ok=True)
    return {
        "ansible_user": sshconfig.USER,
        "ansible_ssh_private_key_file": str(sshconfig.private_key(workspace)),
        "ansible_ssh_args": f"-F {shlex.quote(str(path))}",
        "ansible_python_interpreter": PYTHON,
        "hoaban_deploy_keys": sshconfig.public_keys(workspace),
        "hoaban_vpn_key_file": str(names.key_file(workspace.home)),
        "hoaban_recipients": recipients_of(workspace, settings.sealed_to if settings else ()),
        "hoaban_escrow": str(workspace.escrow),
    }


def _set_all(inventory: Inventory, entity: str, variables: Mapping[str, Any]) -> None:
    for name, value in variables.items():
        inventory.set_variable(entity, name, value)


def _warnings(fleet: Fleet) -> list[str]:
    warnings = []
    if fleet.province is None:
        warnings.append("the province's foundation is not provisioned: run hoaban up first")
    elif fleet.bastion is None:
        warnings.append("the province's stack names no bastion: hosts are reached directly")
    for state in fleet.states:
        missing = fleet.unbuilt(state.outputs.environment.agency)
        if missing:
            warnings.append(f"stack {state.stack} has not built {', '.join(missing)}: hoaban up")
    return warnings
