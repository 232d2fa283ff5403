"""Limits of what clients keep, as XFS' project quotas: who fills his own stops nobody else.

Each client's folder is a project of xfs_quota(8); their numbers are in /etc/projid, where xfs_quota
looks for names. Whoever is at the limit can be read and restored from, and adds nothing: the server
answers as on a full volume, and the client's next backup fails with an alarm. Run as root.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from hoaban_backup_store import STATE, write_json

PROJECTS = Path("/etc/projid")
FIRST_PROJECT = 1000
MORE_SHARE, MORE_KIB = 0.1, 256 * 1024
"""What the maintenance gets beyond a limit: pruning writes what it repacks before it removes."""
REPORT = STATE / "quotas.json"
KIB_PER_GIB = 1024**2


def run(*command: str) -> str:
    """Output of a command; OSError with its last words when it fails."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0 or done.stderr.strip():
        # xfs_quota complains and ends with 0.
        raise OSError(f"{command[0]}: {(done.stderr.strip() or 'failed').splitlines()[-1]}")
    return done.stdout


def hindrance(mount: str) -> str:
    """Why quotas of projects are not enforced on a volume; empty when they are."""
    (found,) = json.loads(run("findmnt", "--json", "--output=FSTYPE,OPTIONS", mount))["filesystems"]
    if found["fstype"] != "xfs":
        return f"{mount} is {found['fstype']}, and only XFS has quotas of projects here"
    if not {"prjquota", "pquota"} & set(found["options"].split(",")):
        return f"{mount} is mounted without prjquota: mount it anew, or reboot"
    return ""


def projects(names: list[str], path: Path = PROJECTS) -> dict[str, int]:
    """Numbers of projects by names; names that have none get the next ones, for good."""
    text = path.read_text(encoding="utf-8") if path.is_file() else ""
    known = {}
    for line in text.splitlines():
        name, colon, number = line.partition(":")
        if colon and not name.startswith("#"):
            known[name] = int(number)
    following = max([FIRST_PROJECT - 1, *known.values()]) + 1
    new = {name: following + n for n, name in enumerate(n for n in names if n not in known)}
    if new:
        beside = path.with_name(f".{path.name}.new")
        ending = "" if not text or text.endswith("\n") else "\n"
        lines = "".join(f"{name}:{number}\n" for name, number in new.items())
        beside.write_text(text + ending + lines, encoding="utf-8")
        beside.chmod(0o644)
        beside.replace(path)
    return known | new


def limit_kib(client: dict[str, Any], *, more: bool) -> int:
    """Most that a client's repository may take, in KiB; 0 for no limit."""
    limit = int(client.get("quota_gb") or 0) * KIB_PER_GIB
    return int(limit * (1 + MORE_SHARE)) + MORE_KIB if limit and more else limit


def project_of(folder: Path) -> int:
    """Number of the project to which new files in a folder belong."""
    return int(run("xfs_io", "-r", "-c", "lsproj", str(folder)).rpartition("=")[2])


def orders(
    settings: dict[str, Any], clients: dict[str, Any], *, more: bool
) -> list[tuple[str, ...]]:
    """Arguments of xfs_quota that make folders projects, and give each its limit."""
    store = Path(settings["store"])
    numbers = projects(sorted(clients))
    found = []
    for name, client in sorted(clients.items()):
        folder = store / name
        if not folder.is_dir():
            folder.mkdir(mode=0o700)
            shutil.chown(folder, settings["user"], settings["user"])
        if project_of(folder) != numbers[name]:
            found.append(("-c", f"project -s -p {folder} {numbers[name]}"))
        size = limit_kib(client, more=more)
        found.append(("-c", f"limit -p bhard={size}k {numbers[name]}"))
    return found


def limit(settings: dict[str, Any], clients: dict[str, Any], *, more: bool) -> int:
    """Set the limits of clients, with ``more`` those of the maintenance; 1 when that failed.

    A volume that can't enforce any is told, and is no failure: quotas raise alarms there.
    """
    # What other backup hosts keep here is limited where it comes from.
    own = {name: one for name, one in clients.items() if not one.get("copies")}
    try:
        why = hindrance(settings["mount"])
        if not why and own:
            arguments = [word for order in orders(settings, own, more=more) for word in order]
            run("xfs_quota", "-x", *arguments, settings["mount"])
    except (OSError, ValueError) as error:
        sys.stderr.write(f"<3>quotas: {error}\n")  # the journal's priority: err
        write_json(REPORT, {"schema": 1, "enforced": False, "why": str(error)})
        return 1
    if why and any(one.get("quota_gb") for one in own.values()):
        sys.stderr.write(f"<4>quotas raise alarms and stop nobody: {why}\n")
    write_json(REPORT, {"schema": 1, "enforced": not why, "why": why})
    return 0
