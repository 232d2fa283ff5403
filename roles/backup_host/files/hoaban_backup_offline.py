"""Third copies: what this host keeps goes to a volume that is attached for as long as that takes.

The unit mounts it, runs this program, and unmounts it, however the program ends. Each client has a
repository there, under one password of this host's own for all that is offline. What a run has
written is read again, from the volume and not from memory, before it counts.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hoaban_backup_copies import NO_REPOSITORY, WRONG_PASSWORD, from_source, missing, moment_of
from hoaban_backup_store import (
    LOCK_PATIENCE,
    STATE,
    Fault,
    Repository,
    State,
    check,
    now,
    read_json,
    run_restic,
    stamp,
    write_json,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

MOUNT = Path("/srv/offline")
FOLDER = STATE / "offline"
UNIT = "hoaban-backup-offline@{}.service"
PARTS = 4
"""In as many runs on one volume, all that it holds is read."""
NAMED_AFTER_CONTENT = ("data", "index", "snapshots")
"""Folders of a repository in which a file's name is the SHA-256 of what it holds."""
BLOCK = 1 << 20
LEAFLET = """\
Bản sao lưu ngoại tuyến của máy chủ {host}. Mở bằng restic; mật khẩu nằm trong access.age,
giải mã bằng age với khóa của tỉnh (sealed_to trong province.yml).

Offline copies of the backups that {host} keeps. restic opens them; the password is in access.age,
which age opens with a key of the province (sealed_to in province.yml):

    age --decrypt -i KEY access.age            # shows RESTIC_PASSWORD
    restic -r restic/CLIENT restore latest --no-lock --target FOLDER
"""


class Copy(Repository):
    """The copy of one client's repository on the volume."""

    def __init__(self, source: Repository, root: Path, key: Path) -> None:
        self.name = source.name
        self.path = root / "restic" / source.name
        self.key = key

    def files(self) -> set[Path]:
        """What it holds, but for what is not named after its content."""
        folders = (self.path / name for name in NAMED_AFTER_CONTENT)
        return {path for folder in folders for path in folder.rglob("*") if path.is_file()}

    def opened(self, source: Repository) -> None:
        """Make it when there is none; raise when this host's password does not open it."""
        try:
            self.restic("cat", "config", "--no-lock", "--quiet")
        except Fault as fault:
            if fault.status == WRONG_PASSWORD:
                raise Fault(
                    "the copy has another password: of a host before this one? Put the one that "
                    "was sealed into /etc/hoaban-backup/offline/password"
                ) from fault
            if fault.status != NO_REPOSITORY:
                raise
            given = {**self.environment, **from_source(source)}
            run_restic(given, "init", "--quiet", "--copy-chunker-params")


def read_back(files: Iterable[Path]) -> State:
    """Read what was written, past the cache, and compare; raises when it is not the same."""
    os.sync()
    count, size = 0, 0
    for path in files:
        digest = hashlib.sha256()
        with path.open("rb") as stream:
            os.posix_fadvise(stream.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
            while block := stream.read(BLOCK):
                digest.update(block)
                size += len(block)
        if digest.hexdigest() != path.name:
            raise Fault(f"{path.parent.name}/{path.name} does not read as it was written")
        count += 1
    return {"files": count, "bytes": size}


def copy_one(
    source: Repository, client: dict[str, Any], target: Copy, before: dict[str, Any]
) -> State:
    """Copy what is new of one client, and verify; a fault is part of the state."""
    state: State = {"error": None, "added": 0, "forgotten": 0, "check": before.get("check", {})}
    keep = client["keep"]
    try:
        target.opened(source)
        target.restic("unlock", "--quiet")  # of a run that was killed
        there = target.snapshots()
        if there and not state["check"].get("damaged"):
            state["forgotten"] = target.forget(keep)
            if state["forgotten"]:
                target.restic("prune", "--quiet")
        already = target.files()
        new = missing(source.by_claim(keep, "keep"), there)
        if new:
            given = {**target.environment, **from_source(source)}
            run_restic(given, "copy", "--quiet", f"--retry-lock={LOCK_PATIENCE}", *new)
        state |= {"added": len(new), "read_back": read_back(sorted(target.files() - already))}
        state["check"] = check(target, state["check"], PARTS)
        state["error"] = state["check"]["error"]
        snapshots = target.snapshots()
        state["snapshots"] = len(snapshots)
        newest = max((moment_of(one["time"]) for one in snapshots), default=None)
        state["newest"] = stamp(newest) if newest else None
    except (Fault, OSError, ValueError, KeyError) as fault:
        state["error"] = str(fault)
    return state


def copy_all(
    kept: list[tuple[Repository, dict[str, Any]]], label: str, handed: Path, root: Path = MOUNT
) -> int:
    """Copy every repository to the volume of this label; 1 when any has a fault."""
    file = FOLDER / f"{label}.json"
    before = read_json(file).get("clients") or {}
    told: State = {"schema": 1, "volume": label, "started": stamp(now()), "clients": {}}
    # An earlier run's word must not pass for this one's, should this one be killed.
    write_json(file, {**told, "clients": before, "outcome": "unfinished", "ended": None})
    for source, client in kept:
        target = Copy(source, root, handed / "offline_password")
        state = copy_one(source, client, target, before.get(source.name) or {})
        told["clients"][source.name] = state
        if state["error"]:
            sys.stderr.write(f"<3>{source.name} to {label}: {state['error']}\n")
    (root / "access.age").write_bytes((handed / "offline_escrow.age").read_bytes())
    (root / "README.txt").write_text(LEAFLET.format(host=os.uname().nodename), encoding="utf-8")
    os.sync()
    room = os.statvfs(root)
    failed = sorted(name for name, state in told["clients"].items() if state["error"])
    told |= {
        "ended": stamp(now()),
        "outcome": "failed" if failed else "done",
        "failed": failed,
        "free_bytes": room.f_bavail * room.f_frsize,
        "size_bytes": room.f_blocks * room.f_frsize,
    }
    write_json(file, told)
    return 1 if failed else 0


def release() -> int:
    """Stop what writes, unmount the volume; 1 when it is still mounted."""
    subprocess.run(["systemctl", "stop", UNIT.format("*")], check=False)
    if MOUNT.is_mount():
        subprocess.run(["umount", str(MOUNT)], check=False)
    return 1 if MOUNT.is_mount() else 0
