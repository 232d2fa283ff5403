"""Adds up the events of a playbook run: how far each host is, what changed, what failed."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(slots=True)
class HostTally:
    """One host's part of a run. ``seconds`` is the time spent in its tasks."""

    name: str
    ok: int = 0
    changed: int = 0
    skipped: int = 0
    failed: int = 0
    unreachable: int = 0
    seconds: float = 0.0
    task: str = ""
    changes: list[str] = field(default_factory=list)
    """Names of the tasks that changed something, in order."""

    @property
    def done(self) -> int:
        """Tasks that are behind this host, whatever they came to."""
        return self.ok + self.skipped + self.failed + self.unreachable

    @property
    def good(self) -> bool:
        """Whether nothing went wrong so far."""
        return not (self.failed or self.unreachable)


@dataclass(frozen=True, slots=True)
class Failure:
    """A task that failed on a host, in its own words."""

    host: str
    task: str
    message: str
    unreachable: bool


class Tally:
    """Takes ansible-runner's events one by one. ``ok`` includes changed, as in Ansible's recap."""

    def __init__(self) -> None:
        self.hosts: dict[str, HostTally] = {}
        self.failures: list[Failure] = []
        self._started: dict[tuple[str, str], float] = {}

    def take(self, event: Mapping[str, Any]) -> HostTally | None:
        """Count an event; returns the host that it moved on, if it was about one."""
        kind = str(event.get("event", ""))
        data = event.get("event_data") or {}
        if not kind.startswith("runner_on_") or not data.get("host"):
            return None
        host = self.hosts.setdefault(data["host"], HostTally(data["host"]))
        task = str(data.get("task") or "")
        key = (host.name, str(data.get("task_uuid")))
        if kind == "runner_on_start":
            host.task = task
            self._started[key] = time.monotonic()
            return host
        result = data.get("res") or {}
        if kind == "runner_on_ok":
            host.ok += 1
            if result.get("changed"):
                host.changed += 1
                host.changes.append(task)
        elif kind == "runner_on_skipped":
            host.skipped += 1
        elif kind == "runner_on_failed":
            if data.get("ignore_errors"):
                host.ok += 1
            else:
                host.failed += 1
                self.failures.append(Failure(host.name, task, message_of(result), False))
        elif kind == "runner_on_unreachable":
            host.unreachable += 1
            self.failures.append(Failure(host.name, task, message_of(result), True))
        else:
            return None
        host.seconds += time.monotonic() - self._started.pop(key, time.monotonic())
        return host


def message_of(result: Mapping[str, Any]) -> str:
    """What a failed task says: its message, and what its program wrote if the message is bare."""
    lines = [str(result[key]).strip() for key in ("censored", "msg") if result.get(key)]
    lines += [
        f"{item.get('item', '')}: {item['msg']}".lstrip(": ")
        for item in result.get("results") or []
        if isinstance(item, dict) and item.get("failed") and item.get("msg")
    ]
    for key in ("stderr", "module_stderr", "stdout", "module_stdout", "exception"):
        text = str(result.get(key) or "").strip()
        if text and text not in lines:
            lines.append("\n".join(text.splitlines()[-10:]))
            break
    return "\n".join(dict.fromkeys(lines)) or "it gave no reason"
