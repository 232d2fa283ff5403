"""Runs restic on a host, with the host's own access to its repository or with one that is lent.

Asked: ``arguments`` of restic; ``folder``, where the host's own access is (``client.env`` and
``account.env``); or ``access`` that is lent: ``environment`` (restic's variables) and
``certificate`` (PEM). What is lent is in the environment of restic alone; the certificate, which is
no secret, is in a file for as long as restic runs.

Events: each line of restic's JSON as ``{"event": "restic", "line": …}``, but for what restic says
of single files: these are counted by what is done with them, as ``{"event": "files", "counts": …,
"updated": […], "deleted": […]}`` with the first names of those overwritten and deleted; in the end
``{"event": "end", "status": …, "words": …}``.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import Any

MOST_NAMES = 20
MOST_WORDS = 4000
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def tell(**event: Any) -> None:
    """Write an event."""
    sys.stdout.write(json.dumps(event) + "\n")
    sys.stdout.flush()


def settings(file: Path) -> dict[str, str]:
    """A file of variables, as systemd reads it (systemd.exec(5), EnvironmentFile)."""
    pairs = (
        line.split("=", 1)
        for line in file.read_text(encoding="utf-8").splitlines()
        if "=" in line and not line.lstrip().startswith(("#", ";"))
    )
    return {name.strip(): value.strip().strip("\"'") for name, value in pairs}


def surroundings(asked: dict[str, Any], certificate: Path) -> dict[str, str]:
    """Environment of restic, with the access that it is to have."""
    values = {"PATH": PATH, "LC_ALL": "C.UTF-8", "HOME": "/root", "RESTIC_PROGRESS_FPS": "0.5"}
    access: dict[str, Any] | None = asked.get("access")
    if access is None:
        folder = Path(asked["folder"])
        own = {
            "RESTIC_PASSWORD_FILE": str(folder / "password"),
            "RESTIC_CACERT": str(folder / "server.crt"),
        }
        return values | settings(folder / "client.env") | settings(folder / "account.env") | own
    certificate.write_text(access["certificate"], encoding="utf-8")
    values |= access["environment"]
    return values | {"RESTIC_CACERT": str(certificate)}


class Files:
    """What is done with single files, counted."""

    def __init__(self) -> None:
        self.counts: dict[str, int] = {}
        self.names: dict[str, list[str]] = {"updated": [], "deleted": []}

    def take(self, line: dict[str, Any]) -> None:
        """Count a line of restic's about one file."""
        action = str(line.get("action"))
        self.counts[action] = self.counts.get(action, 0) + 1
        names = self.names.get(action)
        if names is not None and len(names) < MOST_NAMES:
            names.append(str(line.get("item")))

    def tell(self) -> None:
        """Write the counts, if there are any."""
        if self.counts:
            tell(event="files", counts=self.counts, **self.names)


def run(command: list[str], values: dict[str, str]) -> int:
    """Run restic to its end and tell what it says; it is stopped when nobody listens any more."""
    files, words = Files(), bytearray()
    with subprocess.Popen(
        command,
        env=values,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        output, errors = process.stdout, process.stderr
        if output is None or errors is None:
            raise AssertionError("pipes were asked for")

        def listen() -> None:
            for line in errors:
                words.extend(line)
                del words[:-MOST_WORDS]

        listener = threading.Thread(target=listen, daemon=True)
        listener.start()
        try:
            for raw in output:
                try:
                    line = json.loads(raw)
                except ValueError:
                    continue
                if isinstance(line, dict) and line.get("message_type") == "verbose_status":
                    files.take(line)
                else:
                    tell(event="restic", line=line)
        except BaseException:
            process.terminate()
            raise
        status = process.wait()
        listener.join(timeout=10)
    files.tell()
    tell(event="end", status=status, words=words.decode(errors="replace").strip())
    return status


def main(asked: dict[str, Any]) -> int:
    """Run restic as asked; its exit status, 127 when what it needs is not there."""
    # A cache would stay on a host that only borrows the access.
    cache = [] if asked.get("access") is None else ["--no-cache"]
    with tempfile.TemporaryDirectory(prefix="hoaban-restic-") as folder:
        try:
            values = surroundings(asked, Path(folder) / "certificate.pem")
            return run(["restic", *cache, *asked["arguments"]], values)
        except FileNotFoundError as error:
            tell(event="end", status=127, words=f"there is no {error.filename}")
            return 127
        except BrokenPipeError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return 1
