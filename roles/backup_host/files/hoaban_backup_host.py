#!/usr/bin/python3
"""Keeps the store of backups in order: forgets, prunes and checks each client's repository.

Works on the repositories' files, not through the server, with keys of the backup host's own. A
client can add to its repository and take nothing away; what is old goes by the decision of this
program alone, and only when both clocks agree: the client's, which a snapshot carries, and this
host's, at which the snapshot arrived. A client that lies about the time, or whose clock is wrong,
can't make good snapshots look old.
"""

from __future__ import annotations

import argparse
import fcntl
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

sys.dont_write_bytecode = True
sys.path.insert(1, "/usr/local/lib/hoaban-backup")

import hoaban_backup_copies as copies  # noqa: E402
import hoaban_backup_offline as offline  # noqa: E402
import hoaban_backup_quotas as quotas  # noqa: E402
from hoaban_backup_store import (  # noqa: E402
    LOCK_PATIENCE,
    STATE,
    Fault,
    Repository,
    State,
    check,
    now,
    read_json,
    repositories,
    stamp,
    write_json,
)

ETC = Path("/etc/hoaban-backup")
UNITS = {
    "maintain": "hoaban-backup-maintain.service",
    "unlock": "hoaban-backup-unlock.service",
    "copy": "hoaban-backup-copy.service",
}
LOW_SHARE = 0.05
"""Of the volume, of a client's quota: with less room left, the alarm is raised."""


def maintain(repository: Repository, client: dict[str, Any], before: State) -> State:
    """Maintain one repository; its new state. A fault is part of the state."""
    state: State = {"schema": 1, "client": repository.name, "error": None, "forgotten": 0}
    state |= {"check": before.get("check", {}), "quota_gb": client.get("quota_gb", 0)}
    try:
        repository.restic("unlock", "--quiet")  # of a run of this program that was killed
        if state["check"].get("damaged"):
            # Nothing is taken from a damaged repository until somebody has looked.
            state["kept_whole"] = True
        else:
            state["forgotten"] = repository.forget(client["keep"])
            repository.restic("prune", "--quiet", f"--retry-lock={LOCK_PATIENCE}")
        state["check"] = check(repository, state["check"])
        snapshots = repository.snapshots()
        state["snapshots"] = len(snapshots)
        arrived = repository.arrivals(snapshots)
        state["newest"] = stamp(max(arrived.values())) if arrived else None
        state["error"] = state["check"]["error"]
    except (Fault, OSError) as fault:
        state["error"] = str(fault)
    state["bytes"] = repository.size()
    quota = state["quota_gb"] * 1024**3
    state["over_quota"] = bool(quota) and state["bytes"] > (1 - LOW_SHARE) * quota
    if state["over_quota"] and not state["error"]:
        share = state["bytes"] / quota
        state["error"] = f"it takes {share:.0%} of its quota of {state['quota_gb']} GiB"
    state |= {"ended": stamp(now()), "outcome": "failed" if state["error"] else "done"}
    return state


class Reserve:
    """A file that takes room, so that pruning finds some on a volume that clients have filled.

    Removing old snapshots writes new indexes first. A volume that is full to the last byte could
    not be cleared by restic at all.
    """

    def __init__(self, folder: Path, megabytes: int) -> None:
        self.path = folder / "room"
        self.size = megabytes * 1024**2

    def release(self) -> None:
        """Give the room to the maintenance."""
        self.path.unlink(missing_ok=True)

    def take(self) -> bool:
        """Take it back; false when the volume has not got it."""
        self.path.unlink(missing_ok=True)
        if not self.size:
            return True
        room = os.statvfs(self.path.parent)
        if room.f_bavail * room.f_frsize < self.size:
            return False
        try:
            with self.path.open("wb") as stream:
                os.posix_fallocate(stream.fileno(), 0, self.size)
        except OSError:
            self.path.unlink(missing_ok=True)
            return False
        return True


def unlock_all(settings: dict[str, Any], clients: dict[str, Any], keys: Path) -> int:
    """Remove the locks of a run that was killed, or clients would wait until they expire."""
    for repository, _ in repositories(settings, clients, keys):
        if any((repository.path / "locks").iterdir()):
            try:
                repository.restic("unlock", "--quiet")
            except Fault as fault:
                sys.stderr.write(f"<4>{repository.name}: {fault}\n")
    return 0


def maintain_all(settings: dict[str, Any], clients: dict[str, Any], keys: Path) -> int:
    """Maintain one repository after the other; 1 when any has a fault."""
    reserve = Reserve(Path(settings["reserve"]), int(settings["reserve_mb"]))
    reserve.release()
    failed = []
    for repository, client in repositories(settings, clients, keys):
        path = STATE / "clients" / f"{repository.name}.json"
        state = maintain(repository, client, read_json(path))
        write_json(path, state)
        if state["error"]:
            failed.append(repository.name)
            # The journal's priority: err.
            sys.stderr.write(f"<3>{repository.name}: {state['error']}\n")
    held = reserve.take()
    room = os.statvfs(settings["store"])
    full = not held or room.f_bavail < LOW_SHARE * room.f_blocks
    if full:
        free = room.f_bavail * room.f_frsize // 1024**2
        sys.stderr.write(f"<3>the volume has {free} MiB left: enlarge it, or let a client go\n")
    summary = {
        "schema": 1,
        "ended": stamp(now()),
        "outcome": "failed" if failed or full else "done",
        "failed": failed,
        "full": full,
        "clients": len(clients),
        "free_bytes": room.f_bavail * room.f_frsize,
        "size_bytes": room.f_blocks * room.f_frsize,
    }
    write_json(STATE / "host.json", summary)
    return 1 if failed or full else 0


def list_clients(settings: dict[str, Any], clients: dict[str, Any]) -> int:
    """Print what is known of every client and copy, as JSON."""
    there = {one.name for one, _ in repositories(settings, clients, ETC)}
    known = [
        {"client": name, "repository": name in there, **read_json(STATE / f"clients/{name}.json")}
        for name in sorted({*clients, *there})
    ]
    enforced = bool(read_json(quotas.REPORT).get("enforced"))
    for one in known:
        if quota := clients.get(str(one["client"]), {}).get("quota_gb"):
            one |= {"quota_gb": quota, "quota_enforced": enforced}
    if settings.get("copies"):
        for one in known:
            one["copies"] = copies.known_of(str(one["client"]), settings["copies"])
    print(json.dumps(known, indent=2, ensure_ascii=False))  # noqa: T201
    return 0


def remove(name: str, settings: dict[str, Any]) -> int:
    """Take a client's account away; its data and the host's key of it stay."""
    path = ETC / "clients" / f"{name}.json"
    if not path.is_file():
        sys.stderr.write(f"hoaban-backup-host: no such client: {name}\n")
        return 2
    accounts = Path(settings["accounts"])
    with (ETC / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        kept = ETC / "former"
        kept.mkdir(mode=0o700, exist_ok=True)
        path.replace(kept / path.name)
        lines = accounts.read_text(encoding="utf-8").splitlines(keepends=True)
        beside = accounts.with_name(f".{accounts.name}.new")
        shutil.copy2(accounts, beside)
        owner = accounts.stat()
        beside.write_text("".join(one for one in lines if not one.startswith(f"{name}:")))
        os.chown(beside, owner.st_uid, owner.st_gid)
        beside.replace(accounts)
    subprocess.run(["systemctl", "reload", settings["unit"]], check=False)
    return 0


def unit_of(options: argparse.Namespace) -> str:
    """The unit in which a verb is carried out."""
    if options.verb == "fetch":
        return f"hoaban-backup-fetch@{options.client}.service"
    return offline.UNIT.format(options.label) if options.verb == "offline" else UNITS[options.verb]


def main(arguments: list[str]) -> int:
    """Do what the command line asks."""
    parser = argparse.ArgumentParser(prog="hoaban-backup-host", description=__doc__)
    verbs = parser.add_subparsers(dest="verb", required=True)
    verbs.add_parser("maintain", help="forget, prune and check, all repositories in turn")
    verbs.add_parser("unlock", help="remove the locks of a run that was killed")
    verbs.add_parser("copy", help="copy what is new of every client to the places for copies")
    one = verbs.add_parser("fetch", help="bring a client's backups back from a copy")
    one.add_argument("client")
    one = verbs.add_parser("offline", help="copy to the attached volume that has this label")
    one.add_argument("label")
    verbs.add_parser("release", help="stop writing to a volume that is attached, unmount it")
    one = verbs.add_parser("limit", help="set the limits of what clients keep")
    one.add_argument("client", nargs="?", help="of one alone")
    one.add_argument("--more", action="store_true", help="room for the maintenance as well")
    verbs.add_parser("list", help="every client, with what was found last, as JSON")
    one = verbs.add_parser("remove", help="take a client's account away; its data stay")
    one.add_argument("client")
    options = parser.parse_args(arguments)
    # In its unit the program is the store's account, and systemd hands it clients and keys.
    handed = os.environ.get("CREDENTIALS_DIRECTORY")
    settings = read_json(Path(handed) / "settings" if handed else ETC / "host.json")
    if options.verb == "remove":
        return remove(options.client, settings)
    files = Path(handed).glob("clients_*") if handed else ETC.glob("clients/*.json")
    clients = {one["name"]: one for one in map(read_json, sorted(files)) if one}
    if options.verb == "list":
        return list_clients(settings, clients)
    if options.verb == "release":
        return offline.release()
    if options.verb == "limit":
        chosen = {name: one for name, one in clients.items() if options.client in (None, name)}
        return quotas.limit(settings, chosen, more=options.more)
    if handed is None:
        unit = unit_of(options)
        return subprocess.run(["systemctl", "start", unit], check=False).returncode
    return work(options, settings, clients, Path(handed))


def work(
    options: argparse.Namespace, settings: dict[str, Any], clients: dict[str, Any], keys: Path
) -> int:
    """Carry out a verb in its unit, with the keys that systemd has handed over."""
    if options.verb in ("maintain", "unlock"):
        every = maintain_all if options.verb == "maintain" else unlock_all
        return every(settings, clients, keys)
    if options.verb == "offline":
        return offline.copy_all([*repositories(settings, clients, keys)], options.label, keys)
    # What other backup hosts keep here is theirs, and copied no further.
    own = {name: one for name, one in clients.items() if not one.get("copies")}
    kept = [*repositories(settings, own, keys)]
    places = [copies.Place(one, keys) for one in settings["copies"]]
    if options.verb == "copy":
        return copies.copy_all(kept, places)
    return copies.fetch([one for one, _ in kept if one.name == options.client], places)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
