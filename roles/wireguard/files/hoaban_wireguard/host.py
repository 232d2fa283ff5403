"""What all parts need: programs of the host, and the role's files."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

FOLDER = Path(os.environ.get("HOABAN_WIREGUARD_DIR", "/etc/hoaban/wireguard"))
ROUTING = FOLDER.parent / "routing.json"
RUN = Path("/run/hoaban-wireguard")

Settings = dict[str, Any]


class ToolError(Exception):
    """Something that whoever called can be told in one sentence."""


def run(*command: str, stdin: str | None = None, check: bool = True) -> str:
    """Output of a program; its complaint as an error when it fails."""
    done = subprocess.run(command, input=stdin, capture_output=True, text=True, check=False)
    if check and done.returncode != 0:
        complaint = (done.stderr or done.stdout).strip()
        raise ToolError(f"{' '.join(command[:4])}: {complaint}")
    return done.stdout


def answer(*command: str) -> Any:
    """What a program tells in JSON; an empty list when it tells nothing."""
    out = run(*command, check=False).strip()
    try:
        return json.loads(out) if out else []
    except json.JSONDecodeError:
        return []


def read_settings(name: str) -> Settings:
    """The file of an interface."""
    try:
        settings: Settings = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ToolError(f"there is no file for {name} in {FOLDER}") from error
    return settings


def read_routing() -> Settings:
    """What is known of BGP and the virtual address; nothing on a host without them."""
    try:
        routing: Settings = json.loads(ROUTING.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {"bgp": {}, "virtual": {}}
    return routing


def run_ok(*command: str) -> bool:
    """Whether a program succeeds."""
    return subprocess.run(command, capture_output=True, check=False).returncode == 0
