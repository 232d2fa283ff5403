"""Ansible callback: one JSON line a playbook run, with what changed on which host.

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
short_description: One JSON line a playbook run, with what changed on which host
description: Set HOABAN_RECORD to the file to which the lines are appended.
requirements: [none]
"""


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

    def v2_playbook_on_stats(self, stats: Any) -> None:
        """Append the line."""
        target = os.environ.get("HOABAN_RECORD")
        if not target:
            return
        line = {
            "playbook": self._playbook,
            "check": bool(context.CLIARGS.get("check")),
            "hosts": {
                host: {"ran": self._ran[host], "changed": self._changed[host]}
                for host in sorted(stats.processed)
            },
        }
        with Path(target).open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(line) + "\n")
