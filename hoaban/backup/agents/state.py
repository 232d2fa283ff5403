"""Tells how backups stand: of this host, or (on a backup host) of those that it keeps.

Asked: ``client`` (whether to tell of this host's own), ``kept`` (names of clients to tell of),
``copies`` (names of the places to which these are copied) and ``offline`` (identifiers of volumes
that should not be here).

Events: ``{"event": "client", "state": …, "snapshot_age": …, "since_age": …, "timer": …,
"server": words}``; for each kept client ``{"event": "kept", "client": …, "state": …, "age": …}``;
for each of these and each place ``{"event": "copy", "client": …, "place": …, "state": …, "age": …,
"since_age": …}``; ``{"event": "store", "state": …, "age": …}``; ``{"event": "offline", "present":
[identifiers]}``; in the end ``{"event": "end", "status": 0}``. States are the roles' own files,
null when they are not there; ages are in seconds by this host's clock; ``server`` is empty when the
backup host answers under the pinned certificate.
"""

from __future__ import annotations

import json
import re
import socket
import ssl
import subprocess
import sys
import time
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

CONFIG = Path("/etc/hoaban-backup")
STATE = Path("/var/lib/hoaban-backup")
DISKS = Path("/dev/disk/by-id")
SERIAL_LENGTH = 20
PATIENCE = 20.0
TIMER = "hoaban-backup.timer"


def tell(**event: Any) -> None:
    """Write an event."""
    sys.stdout.write(json.dumps(event) + "\n")


def read(file: Path) -> dict[str, Any] | None:
    """A JSON object in a file; None when there is none."""
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None


def age(text: Any) -> float | None:
    """Seconds since a time (RFC 3339); None when it is none."""
    try:
        moment = datetime.fromisoformat(re.sub(r"(\.\d{6})\d+", r"\1", str(text)))
    except ValueError:
        return None
    return time.time() - moment.timestamp()


def timer() -> dict[str, str]:
    """Whether backups are planned: by the units' files, and by what runs."""
    words = ("UnitFileState", "is-enabled"), ("ActiveState", "is-active")
    return {word: _systemctl(verb) for word, verb in words}


def _systemctl(verb: str) -> str:
    asked = ["systemctl", verb, TIMER]
    return subprocess.run(asked, capture_output=True, text=True, check=False).stdout.strip()


def server() -> str:
    """Why the backup host does not answer under the pinned certificate; empty when it does."""
    try:
        text = (CONFIG / "client.env").read_text(encoding="utf-8")
        found = re.search(r"^RESTIC_REPOSITORY=rest:(\S+)$", text, re.MULTILINE)
        if found is None:
            return "client.env names no repository"
        parts = urlsplit(found.group(1))
        context = ssl.create_default_context(cafile=str(CONFIG / "server.crt"))
        address = (parts.hostname or "", parts.port or 8000)
        with (
            socket.create_connection(address, timeout=PATIENCE) as line,
            context.wrap_socket(line, server_hostname=parts.hostname),
        ):
            return ""
    except OSError as error:
        return str(error) or type(error).__name__


def client() -> None:
    """Tell of this host."""
    state = read(STATE / "client.json")
    configured = (CONFIG / "client.json").is_file()
    tell(
        event="client",
        configured=configured,
        state=state,
        snapshot_age=age(((state or {}).get("snapshot") or {}).get("time")),
        since_age=age((state or {}).get("since")),
        timer=timer(),
        server=server() if configured else "not configured",
    )


def is_here(volume: str) -> bool:
    """Whether a disk has the serial number that the cloud makes of a volume's identifier."""
    return any(DISKS.glob(f"*{volume[:SERIAL_LENGTH]}*"))


def main(asked: dict[str, Any]) -> int:
    """Tell what is asked."""
    if asked["client"]:
        client()
    for name in asked["kept"]:
        state = read(STATE / "clients" / f"{name}.json")
        tell(event="kept", client=name, state=state, age=age((state or {}).get("ended")))
        for place in asked.get("copies", ()):
            copy = read(STATE / "copies" / place / f"{name}.json")
            ages = {key: age((copy or {}).get(key)) for key in ("copied", "since")}
            tell(
                event="copy",
                client=name,
                place=place,
                state=copy,
                age=ages["copied"],
                since_age=ages["since"],
            )
    if asked["kept"]:
        state = read(STATE / "host.json")
        tell(event="store", state=state, age=age((state or {}).get("ended")))
    if asked.get("offline"):
        tell(event="offline", present=[one for one in asked["offline"] if is_here(one)])
    tell(event="end", status=0)
    return 0
