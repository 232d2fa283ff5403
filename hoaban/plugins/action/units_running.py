"""Ansible action: keep units of systemd enabled and running, and ask systemd but once.

``ansible.builtin.systemd_service`` takes one unit and starts several programs for it; and enabling
one makes systemd read all its units anew, three times over where it has an init script as well. On
a slow host that is some twenty seconds a unit. The usual answer is "all as wanted", and one
question gives it for any number of units. Those that are not are enabled by one call and started
by one.

An enabled unit needs no such reading: links that are for the next boot are read then. Only what
``systemctl status`` says of it can be of before, so the fact ``hoaban_units_enabled`` is set, by
which a playbook's end knows that systemd should read its units once.
"""

from __future__ import annotations

import re
import shlex
from typing import Any

from ansible.plugins.action import ActionBase

UNIT = re.compile(r"[A-Za-z0-9:_.@\\-]+\.(service|socket|timer|path|mount|target)")
# Of the files, and not as systemd remembers it. Plain SSH gives sudo a terminal, for which
# systemctl would colour its answer.
_QUERY = "{{ systemctl is-enabled {0}; systemctl is-active {0}; }} 2>&1 | cat"
_ENABLED = {"enabled", "static", "alias", "indirect"}
_ENABLE = "SYSTEMCTL_SKIP_SYSV=1 systemctl --no-pager --no-reload enable"
_START = "systemctl --no-pager start"


def mends(wanted: dict[str, bool], answer: str) -> dict[str, list[str]] | None:
    """Which units are to be enabled, and which started, by what does it.

    ``wanted`` says of each unit whether it is to run now as well; ``answer`` has a line for each
    unit, whether it is enabled, then a line for each, whether it is active. None when it has not.
    """
    lines = answer.split()
    if len(lines) != 2 * len(wanted):
        return None
    enabled, active = lines[: len(wanted)], lines[len(wanted) :]
    return {
        _ENABLE: [
            unit for unit, state in zip(wanted, enabled, strict=True) if state not in _ENABLED
        ],
        _START: [
            unit
            for (unit, running), state in zip(wanted.items(), active, strict=True)
            if running and state != "active"
        ],
    }


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
        odd = [unit for unit in wanted if not UNIT.fullmatch(unit)]
        if odd or not wanted:
            return {"failed": True, "msg": f"not names of units, with their suffix: {odd}"}
        answer = self._low_level_execute_command(_QUERY.format(words(wanted)))["stdout"]
        todo = mends(wanted, answer)
        if todo is None:
            return {"failed": True, "msg": f"systemd did not tell of {words(wanted)}: {answer}"}
        # A unit that the run has not written yet is unknown to systemd: it would be made.
        mended = [unit for unit in wanted if any(unit in units for units in todo.values())]
        result |= {"changed": bool(mended), "units": mended}
        if self._task.check_mode:
            return result
        for command, units in todo.items():
            if units:
                done = self._low_level_execute_command(f"{command} {words(units)}")
                if done["rc"] != 0:
                    return result | {"failed": True, "msg": complaint(command, units, done)}
        if todo[_ENABLE]:
            result["ansible_facts"] = {"hoaban_units_enabled": True}
        return result


def words(units: Any) -> str:
    """Names of units for a shell."""
    return " ".join(map(shlex.quote, units))


def complaint(command: str, units: Any, done: dict[str, Any]) -> str:
    """What systemctl said when it failed."""
    said = (done["stderr"] or done["stdout"]).strip() or f"exit status {done['rc']}"
    return f"{command} {words(units)}: {said}"
