"""Tells what a log host holds: one JSON object. Runs as root, changes nothing.

Argument: ``{"names": ["so-y-te-app-1", …]}``, hosts whose journals are asked for.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

RETENTION = "/etc/tmpfiles.d/hoaban-log-host.conf"
"""Names folder and age of the journals (role ``log_host``; tmpfiles.d(5))."""


def said(*words: str) -> str:
    """What a program prints; empty when it fails."""
    done = subprocess.run(
        words,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=60,
        check=False,
        env={**os.environ, "LC_ALL": "C.UTF-8"},
    )
    return done.stdout if done.returncode == 0 else ""


def newest(folder: Path, address: str | None) -> float | None:
    """When the newest entry of a host was written, by that host's clock; None without any.

    Hosts' files are named by the addresses that the log host knows them by.
    """
    file = folder / f"remote-{address}.journal"
    if address is None or not file.is_file():
        return None
    line = said("journalctl", f"--file={file}", "--lines=1", "--output=json", "--quiet")
    try:
        return int(json.loads(line)["__REALTIME_TIMESTAMP"]) / 1e6
    except (ValueError, KeyError, TypeError):
        return None


def main(asked: dict[str, Any]) -> dict[str, Any]:
    """Where journals are, how long they are kept, and the newest of each host."""
    text = Path(RETENTION).read_text(encoding="utf-8")
    rule = re.search(r"^e (\S+) - - - m:(\S+)$", text, re.MULTILINE)
    if rule is None:
        raise ValueError(f"{RETENTION} says nothing of journals")
    folder = Path(rule.group(1))
    known = (line.split() for line in (folder / "names").read_text("utf-8").splitlines())
    addresses = {words[1]: words[0] for words in known if len(words) > 1}
    span = re.search(r"[uμ]s: (\d+)", said("systemd-analyze", "timespan", rule.group(2)))
    space = os.statvfs(folder)
    return {
        "folder": str(folder),
        "kept_seconds": int(span.group(1)) / 1e6 if span else 0.0,
        "free_bytes": space.f_bavail * space.f_frsize,
        "newest": {name: newest(folder, addresses.get(name)) for name in asked["names"]},
        "now": time.time(),
    }


if __name__ == "__main__":
    json.dump(main(json.loads(sys.argv[1])), sys.stdout)
