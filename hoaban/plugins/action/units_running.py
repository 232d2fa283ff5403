"""Ansible action: keep units of systemd enabled and running, and ask systemd but once.

``ansible.builtin.systemd_service`` takes one unit and starts several programs for it, which on a
slow host is seconds a unit. The usual answer is "all as wanted", and one ``systemctl show`` gives
it for any number of units. Only those that are not as wanted are handed to that module.
"""

from __future__ import annotations

import re
from typing import Any

from ansible.plugins.action import ActionBase

_UNIT = re.compile(r"[A-Za-z0-9:_.@\\-]+\.(service|socket|timer|path|mount|target)")
# Plain SSH gives sudo a terminal, for which systemctl would start a pager and colour its answer.
_QUERY = "systemctl show --property=UnitFileState --property=ActiveState {} | cat"
_ENABLED = {"enabled", "static", "alias", "indirect"}


def states(listing: str) -> list[dict[str, str]]:
    """Properties of each unit, in the order asked for, from the output of ``systemctl show``."""
    blocks = [block for block in listing.replace("\r", "").split("\n\n") if block.strip()]
    return [
        dict(line.split("=", 1) for line in block.splitlines() if "=" in line) for block in blocks
    ]


def as_wanted(state: dict[str, str], *, running: bool) -> bool:
    """Whether a unit is enabled and, where that is asked, active."""
    enabled = state.get("UnitFileState") in _ENABLED
    return enabled and (not running or state.get("ActiveState") == "active")


class ActionModule(ActionBase):  # type: ignore[misc]  # ansible-core is untyped
    """The action ``units_running``.

    ``name`` is a list of units that are to be enabled and active, ``enabled`` one of units that
    are only to be enabled: they run at the next boot.
    """

    _VALID_ARGS = frozenset({"name", "enabled"})
    _supports_check_mode = True

    def run(self, tmp: None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Ask systemd, then mend what is not as wanted."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        wanted = {str(unit): True for unit in self._task.args.get("name") or []}
        wanted |= {str(unit): False for unit in self._task.args.get("enabled") or []}
        odd = [unit for unit in wanted if not _UNIT.fullmatch(unit)]
        if odd or not wanted:
            return {"failed": True, "msg": f"not names of units, with their suffix: {odd}"}
        found = states(self._low_level_execute_command(_QUERY.format(" ".join(wanted)))["stdout"])
        if len(found) != len(wanted):
            return {"failed": True, "msg": f"systemd told of {len(found)} units, not {len(wanted)}"}
        mended = []
        for (unit, running), state in zip(wanted.items(), found, strict=True):
            if as_wanted(state, running=running):
                continue
            if self._task.check_mode:
                # A unit that the run has not written yet is unknown to systemd: it would be made.
                mended.append(unit)
                continue
            arguments = {"name": unit, "enabled": True} | ({"state": "started"} if running else {})
            done: dict[str, Any] = self._execute_module(
                module_name="ansible.builtin.systemd_service",
                module_args=arguments,
                task_vars=task_vars,
            )
            if done.get("failed"):
                return done | {"msg": f"{unit}: {done.get('msg')}"}
            mended.append(unit)
        return result | {"changed": bool(mended), "units": mended}
