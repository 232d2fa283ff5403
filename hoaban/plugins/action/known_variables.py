"""Ansible action: refuse variables that carry a role's prefix and are none of its options.

A misspelt variable is silently ignored by Ansible, and the host gets the default. This compares
all names that start with the role's own prefix with ``meta/argument_specs.yml``; it runs on the
controller and costs no connection. Names that start with two underscores are the role's own.
"""

from __future__ import annotations

from difflib import get_close_matches
from pathlib import Path
from typing import Any

from ansible.plugins.action import ActionBase

from hoaban.roles import Role


def complaint(role: Role, names: list[str]) -> str | None:
    """What to say about the unknown ones among ``names``, None when there are none."""
    unknown = role.unknown_variables(names)
    if not unknown:
        return None
    lines = []
    for name in unknown:
        near = get_close_matches(name, role.options, n=1)
        lines.append(f"{name} (did you mean {near[0]}?)" if near else name)
    return (
        f"role {role.name} has no such variables: {', '.join(lines)}. "
        f"Those that it has are in {role.path / 'README.md'}"
    )


class ActionModule(ActionBase):  # type: ignore[misc]  # ansible-core is untyped
    """The action ``known_variables``; it takes no arguments and must stand in a role."""

    _requires_connection = False
    _VALID_ARGS: frozenset[str] = frozenset()

    def run(self, tmp: None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Check the variables of the task's host."""
        super().run(tmp, task_vars)
        if self._task._role is None:  # noqa: SLF001
            return {"failed": True, "msg": "known_variables must stand in a role"}
        role = Role(Path(self._task._role._role_path))  # noqa: SLF001
        message = complaint(role, list(task_vars or {}))
        return {"changed": False} if message is None else {"failed": True, "msg": message}
