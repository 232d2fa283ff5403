"""Ansible module: which of the lab's two hypervisors takes servers."""

from __future__ import annotations

from pathlib import Path

from ansible.module_utils.basic import AnsibleModule

from hoaban.errors import HoabanError
from hoaban.lab.hypervisor import Hypervisor, choose, chosen
from hoaban.lab.layout import Layout

DOCUMENTATION = r"""
module: openstack_lab_hypervisor
short_description: Choose the lab's hypervisor
description:
  - Runs and enables the compute service of one hypervisor, disables and stops the other one.
  - In check mode goes by the last choice.
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
        },
        supports_check_mode=True,
    )
    layout = Layout(Path(module.params["lab_dir"]))
    wanted = Hypervisor(module.params["hypervisor"])
    if module.check_mode:
        module.exit_json(changed=chosen(layout) is not wanted)
    try:
        changed = choose(layout, wanted)
    except HoabanError as error:
        module.fail_json(msg=error.what, detail=error.detail, program=wanted.program)
    module.exit_json(changed=changed)


if __name__ == "__main__":
    main()
