"""What the programs of the backup host share: their files, and how restic is run."""

from __future__ import annotations

import json
import os
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

STATE = Path("/var/lib/hoaban-backup")
LOCK_PATIENCE = "1h"
"""A backup under way holds the repository's lock; pruning waits for its end."""
LONGEST_COMPLAINT = 500


class Fault(Exception):
    """Something went wrong with one client's repository; the others go on.

    ``status`` is that of restic, 0 when it was not restic that complained.
    """

    def __init__(self, words: str, status: int = 0) -> None:
        super().__init__(words)
        self.status = status


def now() -> datetime:
    """This host's time."""
    return datetime.now(UTC)


def stamp(moment: datetime) -> str:
    """A moment as RFC 3339, to the second."""
    return moment.astimezone(UTC).isoformat(timespec="seconds")


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object of a file; empty when there is none or it is broken."""
    try:
        value: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return {}
    return value


def write_json(path: Path, value: dict[str, Any]) -> None:
    """Replace a file in one step; for all to read."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.new")
    beside.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    beside.chmod(0o644)
    beside.replace(path)


def run_restic(environment: dict[str, str], *arguments: str) -> str:
    """Output of restic with these variables; raises with its last words when it fails."""
    done = subprocess.run(
        ["restic", *arguments],
        env={
            "PATH": "/usr/bin:/bin",
            "HOME": str(STATE),
            "TMPDIR": os.environ.get("TMPDIR", "/tmp"),  # noqa: S108
            "RESTIC_CACHE_DIR": str(STATE / "cache"),
            "GOGC": "20",
            **environment,
        },
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        words = " ".join((done.stderr.strip() or done.stdout.strip()).split())
        raise Fault(f"restic {arguments[0]}: {words[-LONGEST_COMPLAINT:]}", done.returncode)
    return done.stdout
