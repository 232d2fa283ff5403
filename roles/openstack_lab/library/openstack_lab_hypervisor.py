"""Ansible module: which of the lab's two hypervisors takes servers."""

from __future__ import annotations

from pathlib import Path

from ansible.module_utils.basic import AnsibleModule

from hoaban.lab.hypervisor import Hypervisor, choose
from hoaban.lab.layout import Layout

DOCUMENTATION = r"""
module: openstack_lab_hypervisor
short_description: Choose the lab's hypervisor
description:
  - Runs and enables the compute service of one hypervisor, disables and stops the other one.
  - Is run by the interpreter that has the C(hoaban) package.
options:
  lab_dir: {description: The folder of the lab., type: path, required: true}
  hypervisor: {description: The one to use., choices: [fake, qemu], required: true}
author: [hoaban]
"""


def main() -> None:
    """Run as an Ansible module."""
    module = AnsibleModule(
        argument_spec={
            "lab_dir": {"type": "path", "required": True},
            "hypervisor": {"choices": [kind.value for kind in Hypervisor], "required": True},
        }
    )
    layout = Layout(Path(module.params["lab_dir"]))
    module.exit_json(changed=choose(layout, Hypervisor(module.params["hypervisor"])))


if __name__ == "__main__":
    main()
