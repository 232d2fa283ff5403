"""Ansible action: remove Debian packages, and ask dpkg alone when none of them is there."""

from __future__ import annotations

from typing import Any

from ansible.plugins.action import ActionBase

from hoaban.plugins.action.packages_present import missing

_QUERY = "dpkg-query --show --showformat '${Package} ${db:Status-Status}\\n' "


class ActionModule(ActionBase):  # type: ignore[misc]  # ansible-core is untyped
    """The action ``packages_absent``; its argument ``name`` is a list of package names."""

    _VALID_ARGS = frozenset({"name"})
    _supports_check_mode = True

    def run(self, tmp: None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Ask dpkg, then apt if need be."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        names = self._task.args.get("name") or []
        # dpkg-query fails when it does not know a package at all; its listing tells just the same.
        query = self._low_level_execute_command(_QUERY + " ".join(names)) if names else {}
        absent = missing(names, query.get("stdout", ""))
        present = [name for name in names if name not in absent]
        if not present:
            return result | {"changed": False, "removed": []}
        arguments = {"name": present, "state": "absent"}
        apt: dict[str, Any] = self._execute_module(
            module_name="ansible.builtin.apt", module_args=arguments, task_vars=task_vars
        )
        if apt.get("failed"):
            apt["msg"] = f"packages {', '.join(present)}: {apt.get('msg')}"
        return apt | {"removed": present}
