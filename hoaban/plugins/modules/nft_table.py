"""Ansible module: load a table of packet filter rules, safely.

The wanted rules are loaded in a network namespace of their own first: that proves them valid, and
gives their canonical listing, which is compared with what the kernel really has. So a rule changed
by hand is seen, check mode tells the truth, and the difference can be read.

Before anything is loaded, a timer is armed that puts the old rules back. Whoever can still reach
the host afterwards stops the timer; whoever locked himself out waits for it. While it runs, the
kernel's rules are confirmed by nobody: the table counts as changed even if it is the wanted one,
and the rules to go back to stay those of before the first change.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule

DOCUMENTATION = r"""
module: nft_table
short_description: Load a table of nftables, and put the old one back unless this is confirmed
description:
  - Replaces one table of the kernel's packet filter in one transaction; other tables stay.
  - Rules that were loaded and not yet confirmed are loaded and reported as changed again.
  - Supports check mode and diff, against the rules that are really loaded.
options:
  family:
    description: Family of the table.
    type: str
    default: inet
  name:
    description: Name of the table.
    type: str
    required: true
  content:
    description: Ruleset in the syntax of nft(8) that makes the table and no other.
    type: str
    required: true
  revert_seconds:
    description:
      - Time after which the old table comes back, unless the timer RV(revert_unit) is stopped.
    type: int
    default: 60
author: hoaban contributors
"""

EXAMPLES = r"""
- name: Load the rules
  nft_table:
    name: hoaban
    content: "{{ lookup('ansible.builtin.template', 'nftables.conf.j2') }}"
"""

RETURN = r"""
revert_unit:
  description: The timer to be stopped as a confirmation.
  returned: always
  type: str
"""

FOLDER = Path("/run/hoaban-firewall")


def listing(module: AnsibleModule, table: list[str], *wrapper: str) -> str:
    """The table as the kernel has it, without counters' values; empty when there is none."""
    status, out, err = module.run_command([*wrapper, "nft", "--stateless", "list", "table", *table])
    if status != 0 and "No such file or directory" not in err:
        module.fail_json(msg=f"the packet filter can't be read: {err.strip()}")
    return str(out) if status == 0 else ""


def canonical(module: AnsibleModule, table: list[str], path: str) -> str:
    """The listing that the rules in ``path`` give, found out where they touch nothing."""
    script = 'nft --file "$1" && exec nft --stateless list ruleset'
    status, out, err = module.run_command(["unshare", "--net", "sh", "-euc", script, "sh", path])
    if status != 0:
        module.fail_json(msg=f"the rules are not valid, nothing was loaded: {err.strip()}")
    tables = [line for line in out.splitlines() if line.startswith("table ")]
    if tables != [f"table {' '.join(table)} {{"]:
        module.fail_json(msg=f"the rules must make the table {' '.join(table)} alone: {tables}")
    return str(out)


def pending(module: AnsibleModule, unit: str) -> bool:
    """Whether a change still waits for its confirmation: its timer, or what this starts, runs."""
    command = ["systemctl", "is-active", "--quiet", f"{unit}.timer", f"{unit}.service"]
    # Status 0 when at least one of the two is active (systemctl(1)).
    return bool(module.run_command(command)[0] == 0)


def keep(table: list[str], before: str) -> None:
    """Write down how to get ``before`` back."""
    FOLDER.mkdir(mode=0o700, exist_ok=True)
    name = " ".join(table)
    text = f"table {name}\ndelete table {name}\n{before}"
    (FOLDER / "before.nft").write_text(text, encoding="utf-8")


def arm(module: AnsibleModule, unit: str) -> None:
    """Start the timer that puts back what was kept; one that runs begins anew."""
    module.run_command(["systemctl", "stop", f"{unit}.timer", f"{unit}.service"])
    module.run_command(
        [
            "systemd-run",
            "--quiet",
            "--collect",
            f"--unit={unit}",
            "--description=Put the old packet filter back",
            f"--on-active={module.params['revert_seconds']}",
            "--timer-property=AccuracySec=100ms",
            module.get_bin_path("nft", required=True),
            "--file",
            str(FOLDER / "before.nft"),
        ],
        check_rc=True,
    )


def run(module: AnsibleModule) -> dict[str, Any]:
    """Compare, and load when there is a difference; the module's result."""
    table = [module.params["family"], module.params["name"]]
    unit = f"{module.params['name']}-firewall-revert"
    with tempfile.NamedTemporaryFile("w", dir=module.tmpdir, suffix=".nft") as wanted:
        wanted.write(module.params["content"])
        wanted.flush()
        after = canonical(module, table, wanted.name)
        before = listing(module, table)
        unconfirmed = pending(module, unit)
        changed = before != after or unconfirmed
        if changed and not module.check_mode:
            if not unconfirmed:
                keep(table, before)
            arm(module, unit)
            module.run_command(["nft", "--file", wanted.name], check_rc=True)
    header = f"table {' '.join(table)}"
    diff = {"before": before, "after": after, "before_header": header, "after_header": header}
    result = {"changed": changed, "revert_unit": f"{unit}.timer"}
    return {**result, "diff": diff} if changed else result


def main() -> None:
    """Entry point, on the host."""
    module = AnsibleModule(
        argument_spec={
            "family": {"type": "str", "default": "inet"},
            "name": {"type": "str", "required": True},
            "content": {"type": "str", "required": True},
            "revert_seconds": {"type": "int", "default": 60},
        },
        supports_check_mode=True,
    )
    module.exit_json(**run(module))


if __name__ == "__main__":
    main()
