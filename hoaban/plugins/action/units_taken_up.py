"""Ansible action for handlers: let units take up what was written for them.

Any number of units by one call. systemd reads its units anew only where a file of one of these has
changed since it read it: that takes seconds of a slow host's processor, and a unit that systemd has
not met yet needs no such reading.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ansible.plugins.action import ActionBase

from hoaban.plugins.action.units_running import UNIT, complaint, words

if TYPE_CHECKING:
    from collections.abc import Sequence

_VERBS = {"restarted": "restart", "reloaded": "reload", "stopped": "stop"}
_READ = (
    "if systemctl show --property=NeedDaemonReload {} | grep -q yes; "
    "then systemctl daemon-reload; fi"
)


def script(units: Sequence[str], state: str, read: Sequence[str] = ()) -> str:
    """A shell's line: systemd reads what has changed of all, and brings ``units`` to a state."""
    line = _READ.format(words((*units, *read)))
    return f"{line} && systemctl --no-pager {_VERBS[state]} {words(units)}" if units else line


class ActionModule(ActionBase):  # type: ignore[misc]  # ansible-core is untyped
    """The action ``units_taken_up``.

    ``name`` is a list of units that become ``state``: ``restarted``, ``reloaded`` or ``stopped``;
    ``read`` of others, which take up their files at their next start.
    """

    _VALID_ARGS = frozenset({"name", "read", "state"})
    _supports_check_mode = True

    def run(self, tmp: None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Do it, or in check mode say that it would be done."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        units = [str(unit) for unit in self._task.args.get("name") or []]
        read = [str(unit) for unit in self._task.args.get("read") or []]
        state = str(self._task.args.get("state") or "restarted")
        odd = [unit for unit in (*units, *read) if not UNIT.fullmatch(unit)]
        if odd or not (units or read):
            return {"failed": True, "msg": f"not names of units, with their suffix: {odd}"}
        if state not in _VERBS:
            return {"failed": True, "msg": f"state is one of {', '.join(_VERBS)}, not {state}"}
        result["changed"] = bool(units)
        if self._task.check_mode:
            return result
        done = self._low_level_execute_command(script(units, state, read))
        if done["rc"] != 0:
            verb = _VERBS[state] if units else "daemon-reload"
            return result | {"failed": True, "msg": complaint(f"systemctl {verb}", units, done)}
        return result
