"""Ansible module: takes the lab's programs to their written configuration."""

from __future__ import annotations

from pathlib import Path

from ansible.module_utils.basic import AnsibleModule

from hoaban.errors import HoabanError
from hoaban.lab.layout import Layout
from hoaban.lab.supervisor import Supervisor
from hoaban.lab.wait import wait_for_apis

DOCUMENTATION = r"""
module: openstack_lab_programs
short_description: Start, restart or stop programs as their configuration says
description:
  - Starts the supervisor where it does not run.
  - Restarts the programs whose section changed, all at one time, and starts those that fell.
  - With I(wait_for), changes nothing and waits until these programs answer.
  - In check mode the supervisor's configuration is not written, so I(rewritten) stands for it.
  - Is run by the interpreter that has the C(hoaban) package.
options:
  lab_dir: {description: The folder of the lab., type: path, required: true}
  rewritten:
    description: Whether the sections of programs were written anew, or would be in check mode.
    type: bool
    default: false
  wait_for: {description: Programs to wait for., type: list, elements: str}
author: [hoaban]
"""


def predict(layout: Layout, rewritten: bool) -> bool:
    """Whether a run would start or restart anything."""
    supervisor = Supervisor(layout)
    return rewritten or not supervisor.alive() or bool(supervisor.fallen())


def main() -> None:
    """Run as an Ansible module."""
    module = AnsibleModule(
        argument_spec={
            "lab_dir": {"type": "path", "required": True},
            "rewritten": {"type": "bool", "default": False},
            "wait_for": {"type": "list", "elements": "str"},
        },
        supports_check_mode=True,
    )
    layout = Layout(Path(module.params["lab_dir"]))
    names = module.params["wait_for"]
    if module.check_mode:
        module.exit_json(changed=not names and predict(layout, module.params["rewritten"]))
    try:
        if names:
            wait_for_apis(layout, names)
            module.exit_json(changed=False)
        supervisor = Supervisor(layout)
        booted = not supervisor.alive()
        if booted:
            supervisor.boot()
        programs = supervisor.apply()
    except HoabanError as error:
        module.fail_json(msg=error.what, detail=error.detail, program=names[0] if names else None)
    module.exit_json(changed=booted or bool(programs), programs=programs)


if __name__ == "__main__":
    main()
