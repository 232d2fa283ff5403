"""Hosts whose restic, wrapper and comparison are told what to answer."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from hoaban.remote import RemoteResult

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

PEM = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"


def snapshot(number: int, age: timedelta, paths: Sequence[str] = ("/srv/data",)) -> dict[str, Any]:
    """A snapshot as restic lists it, with the nine digits of a second that Go writes."""
    time = datetime.now(UTC) - age
    return {
        "id": hashlib.sha256(str(number).encode()).hexdigest(),
        "time": time.strftime("%Y-%m-%dT%H:%M:%S.%f123Z"),
        "hostname": "h",
        "paths": list(paths),
        "tree": "ignored",
        "summary": {"total_files_processed": 3, "total_bytes_processed": 5 << 20},
    }


@dataclass
class FakeHosts:
    """Answers as the agents would; remembers who was asked what."""

    snapshots: list[dict[str, Any]] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=lambda: {"restored": 3})
    compared: list[dict[str, Any]] = field(default_factory=list)
    failing: dict[str, tuple[int, str]] = field(default_factory=dict)
    """restic's verb, or ``run``: status and words."""
    certificate: str = PEM
    asked: list[tuple[str, str, Mapping[str, Any]]] = field(default_factory=list)
    state: str = "{}"

    def run(
        self,
        host: str,
        agent: str,
        asked: Mapping[str, Any],
        on_event: Callable[[Mapping[str, Any]], None],
    ) -> None:
        self.asked.append((host, agent, asked))
        if agent == "compare":
            for event in self.compared:
                on_event(event)
            on_event({"event": "end", "status": 0})
            return
        verb = asked["arguments"][0]
        if verb in self.failing:
            status, words = self.failing[verb]
            on_event({"event": "end", "status": status, "words": words})
            return
        if verb == "snapshots":
            on_event({"event": "restic", "line": self.snapshots})
        elif "--dry-run" in asked["arguments"]:
            names = {"updated": ["/srv/data/a"], "deleted": []}
            on_event({"event": "files", "counts": self.counts, **names})
        else:
            status_line = {"message_type": "status", "percent_done": 0.5, "total_files": 3}
            on_event({"event": "restic", "line": status_line})
            summary = {"message_type": "summary", "files_restored": 3, "bytes_restored": 5 << 20}
            on_event({"event": "restic", "line": summary})
        on_event({"event": "end", "status": 0, "words": ""})

    def output(self, host: str, argv: Sequence[str]) -> RemoteResult:
        self.asked.append((host, argv[0], {"argv": list(argv)}))
        return RemoteResult(host, 0, self.state if argv[0] == "cat" else self.certificate, "", 0.1)

    def work(self, host: str, argv: Sequence[str]) -> RemoteResult:
        self.asked.append((host, "work", {"argv": list(argv)}))
        status, words = self.failing.get("run", (0, ""))
        return RemoteResult(host, status, "", words, 0.1)

    def arguments(self, host: str | None = None) -> list[list[str]]:
        """What restic was asked, by whom."""
        return [
            list(asked["arguments"])
            for name, agent, asked in self.asked
            if agent == "restic" and host in (None, name)
        ]


def good_comparison(**more: Any) -> dict[str, Any]:
    """What the comparison tells of files that all came back."""
    event = {
        "event": "files", "manifest": "/srv/m/manifest.jsonl", "files": 3, "bytes": 5 << 20,
        "changed": 0, "unknown": 0, "differences": 0, "examples": [],
    }  # fmt: skip
    return event | more
