"""Ansible action: install Debian packages, and ask dpkg alone when they are all there.

``ansible.builtin.apt`` opens apt's cache on every run, which takes seconds on a slow host. The
packages of the roles are baked into the guest image, so the usual answer is "nothing to do", and
one ``dpkg-query`` gives it. Only when something is missing is apt called.
"""

from __future__ import annotations

import re
from typing import Any

from ansible.plugins.action import ActionBase

_NAME = re.compile(r"[a-z0-9][a-z0-9+.-]+")
_QUERY = "dpkg-query --show --showformat '${Package} ${db:Status-Status}\\n' "


def missing(names: list[str], listing: str) -> list[str]:
    """Those of ``names`` that ``listing`` (lines of package and status) does not call installed."""
    installed = {
        package
        for package, _, status in (line.partition(" ") for line in listing.splitlines())
        if status.strip() == "installed"
    }
    return [name for name in names if name not in installed]


class ActionModule(ActionBase):  # type: ignore[misc]  # ansible-core is untyped
    """The action ``packages_present``; its argument ``name`` is a list of package names."""

    _VALID_ARGS = frozenset({"name"})
    _supports_check_mode = True

    def run(self, tmp: None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Ask dpkg, then apt if need be."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        names = self._task.args.get("name") or []
        odd = [name for name in names if not _NAME.fullmatch(str(name))]
        if odd:
            return {"failed": True, "msg": f"not names of Debian packages: {odd}"}
        # dpkg-query fails when it does not know a package at all; its listing tells just the same.
        query = self._low_level_execute_command(_QUERY + " ".join(names)) if names else {}
        absent = missing(names, query.get("stdout", ""))
        if not absent:
            return result | {"changed": False}
        arguments = {"name": absent, "state": "present", "update_cache": True}
        apt: dict[str, Any] = self._execute_module(
            module_name="ansible.builtin.apt", module_args=arguments, task_vars=task_vars
        )
        if apt.get("failed"):
            apt["msg"] = f"packages {', '.join(absent)}: {apt.get('msg')}"
        # Whether apt refreshed its lists is no change of the host.
        return apt | {"missing": absent}
