"""Ansible action: keys of a host's tunnels, and the file on the controller of all public ones.

The module of the same name makes what is missing on the host. What it tells is noted in ``file``,
from which the other ends' configurations are made; so a host can be configured alone, while those
at the other ends are not asked.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ansible.plugins.action import ActionBase

from hoaban.errors import HoabanError
from hoaban.vpn import keys, psk


class ActionModule(ActionBase):  # type: ignore[misc]  # ansible-core is untyped
    """The action ``wireguard_keys``.

    ``interfaces`` and ``replace`` are the module's; ``file`` is where public keys are noted;
    ``preshared`` are files on the controller that get new keys. In check mode nothing is noted.
    """

    _VALID_ARGS = frozenset({"file", "interfaces", "preshared", "replace"})
    _supports_check_mode = True

    def run(self, tmp: None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Ask the host, then take down what it says."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        arguments = dict(self._task.args)
        file, preshared = Path(arguments.pop("file")), arguments.pop("preshared", None) or []
        done: dict[str, Any] = self._execute_module(
            module_name="wireguard_keys", module_args=arguments, task_vars=task_vars
        )
        if done.get("failed"):
            return result | done
        host = str((task_vars or {})["inventory_hostname"])
        try:
            if not self._task.check_mode:
                for path in preshared:
                    psk.replace(Path(path))
                keys.note(file, host, done["public"])
        except HoabanError as error:
            return result | {"failed": True, "msg": str(error)}
        return result | done
