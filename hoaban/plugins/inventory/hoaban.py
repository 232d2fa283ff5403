"""Ansible's inventory, straight from the state of the stacks."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ansible.errors import AnsibleParserError
from ansible.plugins.inventory import BaseInventoryPlugin

from hoaban.errors import HoabanError
from hoaban.inventory.ansible import fill
from hoaban.workspace import Workspace

if TYPE_CHECKING:
    from ansible.inventory.data import InventoryData
    from ansible.parsing.dataloader import DataLoader


DOCUMENTATION = r"""
name: hoaban
short_description: Hosts of the province's and its agencies' stacks
description:
  - Reads hosts, groups, addresses and variables from the stacks' state, without any call to the
    cloud.
  - Every host is reached through the bastion, by the SSH configuration that this plugin keeps
    up to date in the state folder (C($HOABAN_HOME), or C(.hoaban) in the checkout).
options:
  plugin:
    description: Name of this plugin.
    required: true
    choices: [hoaban]
"""

EXAMPLES = r"""
# inventory/hoaban.yml
plugin: hoaban
"""


class InventoryModule(BaseInventoryPlugin):  # type: ignore[misc]
    """Gives the estate of :mod:`hoaban.inventory` to Ansible."""

    NAME = "hoaban"

    def verify_file(self, path: str) -> bool:
        """Whether a source is meant for this plugin: its name is ``hoaban.yml``."""
        return bool(super().verify_file(path)) and Path(path).name in ("hoaban.yml", "hoaban.yaml")

    def parse(
        self, inventory: InventoryData, loader: DataLoader, path: str, cache: bool = True
    ) -> None:
        """Add hosts, groups and variables."""
        super().parse(inventory, loader, path, cache)
        self._read_config_data(path)
        try:
            warnings = fill(inventory, Workspace.find(Path(path).parent))
        except HoabanError as error:
            raise AnsibleParserError(str(error)) from error
        for warning in warnings:
            self.display.warning(warning)
