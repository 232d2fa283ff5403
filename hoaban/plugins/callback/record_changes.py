"""Ansible callback: one JSON line a playbook run, with what changed and failed on which host.

Written to the file named by ``HOABAN_RECORD``. Handlers are told apart from tasks, since check
mode cannot know what a handler that runs a command would do.
"""

from __future__ import annotations

import json
import os
from collections import defaultdict
from pathlib import Path
from typing import Any

from ansible import context
from ansible.playbook.handler import Handler
from ansible.plugins.callback import CallbackBase

DOCUMENTATION = r"""
name: record_changes
type: notification
short_description: One JSON line a playbook run, with what changed and failed on which host
description: Set HOABAN_RECORD to the file to which the lines are appended.
requirements: [none]
"""

TOLD_LINES = 12
"""How many of the last lines of each output a failure tells."""


def told(result: dict[str, Any]) -> str:
    """What a failed task's result says: its message, and the ends of what its commands printed.

    Of a loop, what its failed items say. A result that Ansible hides says just that.
    """
    failed = [item for item in result.get("results", ()) if item.get("failed")]
    if failed:
        return "\n".join(
            f"{item.get(item.get('ansible_loop_var'), 'an item')}: {told(item)}" for item in failed
        )
    parts = [str(result.get("msg") or result.get("censored") or "")]
    for key in ("stdout", "stderr", "module_stdout", "module_stderr"):
        lines = str(result.get(key) or "").splitlines()[-TOLD_LINES:]
        parts += [f"{key}: {line}" for line in lines]
    return "\n".join(part for part in parts if part)


class CallbackModule(CallbackBase):  # type: ignore[misc]  # ansible-core is untyped
    """Collects while the playbook runs, writes at its end."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "notification"
    CALLBACK_NAME = "record_changes"
    CALLBACK_NEEDS_ENABLED = True

    def __init__(self) -> None:
        super().__init__()
        self._playbook = ""
        self._changed: dict[str, list[str]] = defaultdict(list)
        self._ran: dict[str, int] = defaultdict(int)
        self._failure: dict[str, str] = {}

    def v2_playbook_on_start(self, playbook: Any) -> None:
        """Remember which playbook it is."""
        self._playbook = Path(playbook._file_name).name  # noqa: SLF001

    def v2_runner_on_ok(self, result: Any) -> None:
        """Count a task that ran, and note it when it changed something."""
        host = result._host.get_name()  # noqa: SLF001
        task = result._task  # noqa: SLF001
        self._ran[host] += 1
        if result.is_changed() and not isinstance(task, Handler):
            self._changed[host].append(task.get_name())

    def v2_runner_on_failed(self, result: Any, ignore_errors: bool = False) -> None:
        """Keep what failed last; whether it ended the host's run is known at the end."""
        if not ignore_errors:
            self._keep(result)

    def v2_runner_on_unreachable(self, result: Any) -> None:
        """Keep why the host was not reached."""
        self._keep(result)

    def _keep(self, result: Any) -> None:
        host = result._host.get_name()  # noqa: SLF001
        name = result._task.get_name()  # noqa: SLF001
        self._failure[host] = f"{name}: {told(result._result)}"  # noqa: SLF001

    def v2_playbook_on_stats(self, stats: Any) -> None:
        """Append the line."""
        target = os.environ.get("HOABAN_RECORD")
        if not target:
            return
        ended = {**stats.failures, **stats.dark}
        line = {
            "playbook": self._playbook,
            "check": bool(context.CLIARGS.get("check")),
            "hosts": {
                host: {
                    "ran": self._ran[host],
                    "changed": self._changed[host],
                    "failed": self._failure.get(host, "") if ended.get(host) else "",
                }
                for host in sorted(stats.processed)
            },
        }
        with Path(target).open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(line) + "\n")
