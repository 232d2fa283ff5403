#!/usr/bin/python3
"""Backs up this host, lists what there is, and restores; run by its units and by people.

Secrets are read from files of root and reach restic by its environment and by files: no command
line and no output of this program has any.
"""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import json
import os
import re
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

CONFIG = Path("/etc/hoaban-backup")
STATE = Path("/var/lib/hoaban-backup")
LOCK_PATIENCE = "30m"
"""Pruning at the backup host holds the repository's lock."""
ANSWER_SECONDS = 20
NO_REPOSITORY, WRONG_PASSWORD = 10, 12
"""Exit statuses of restic."""
LONGEST_COMPLAINT = 400
POLL_SECONDS = 1.0
NO_ROOM = b"507 Insufficient Storage"
"""What the server answers when its volume is full."""
MUCH = 1 << 20


class Fault(Exception):
    """What went wrong, in one line."""


def now() -> datetime:
    """The time here."""
    return datetime.now(UTC)


def stamp(moment: datetime) -> str:
    """A moment as RFC 3339, to the second."""
    return moment.astimezone(UTC).isoformat(timespec="seconds")


def moment_of(text: str) -> datetime:
    """A moment from RFC 3339; restic writes nine digits of a second, Python reads six."""
    moment = datetime.fromisoformat(re.sub(r"(\.\d{6})\d+", r"\1", text))
    return moment if moment.tzinfo else moment.astimezone()


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object of a file; empty when there is none or it is broken."""
    try:
        value: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return {}
    return value


def write_json(path: Path, value: dict[str, Any]) -> None:
    """Replace a file in one step; for all to read."""
    beside = path.with_name(f".{path.name}.new")
    beside.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    beside.chmod(0o644)
    beside.replace(path)


class Client:
    """This host as a client of the backup host, or another one whose folder was put here."""

    def __init__(self, config: Path = CONFIG) -> None:
        self.config = config
        self.settings = read_json(config / "client.json")
        if not self.settings:
            raise Fault(f"{config}/client.json is not there: was this host configured?")
        self.name = str(self.settings["client"])
        self.environment = {
            "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            "HOME": "/root",
            "LC_ALL": "C.UTF-8",
        }
        for name in ("client.env", "account.env"):
            for line in (config / name).read_text(encoding="utf-8").splitlines():
                key, equals, value = line.partition("=")
                if equals and not line.startswith("#"):
                    self.environment[key.strip()] = value
        self.environment["RESTIC_PASSWORD_FILE"] = str(config / "password")
        self.environment["RESTIC_CACERT"] = str(config / "server.crt")

    @property
    def repository(self) -> str:
        """Address of the repository."""
        return self.environment["RESTIC_REPOSITORY"]

    def restic(
        self, *arguments: str, limit: float | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run restic; past ``limit`` seconds it is asked to stop, so that it leaves no lock.

        So it is when the store is full: restic would go on trying for a quarter of an hour.
        """
        last = time.monotonic() + limit if limit else float("inf")
        with (
            tempfile.TemporaryFile("w+", errors="replace") as out,
            tempfile.TemporaryFile("w+", errors="replace") as err,
            subprocess.Popen(
                ["restic", *arguments],
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
            ) as process,
        ):
            reason = None
            while reason is None:
                try:
                    process.wait(POLL_SECONDS)
                    break
                except subprocess.TimeoutExpired:
                    if NO_ROOM in os.pread(err.fileno(), MUCH, 0):
                        reason = "the volume of the backup host is full"
                    elif time.monotonic() > last:
                        reason = f"stopped after {limit:.0f} s; what was sent is used next time"
            if reason is not None:
                stop(process)
            for stream in (out, err):
                stream.seek(0)
            done = subprocess.CompletedProcess(
                arguments, process.returncode, out.read(), err.read()
            )
        if reason is not None:
            raise Fault(f"{complaint(arguments[0], done)} ({reason})")
        return done

    def must(self, *arguments: str) -> str:
        """Output of restic; raises with its last words when it fails."""
        done = self.restic(*arguments)
        if done.returncode != 0:
            raise Fault(complaint(arguments[0], done))
        return done.stdout

    def answers(self) -> None:
        """Raise when nobody answers: restic itself would go on trying for a quarter of an hour."""
        parts = urlsplit(self.repository.removeprefix("rest:"))
        try:
            context = ssl.create_default_context(cafile=self.environment["RESTIC_CACERT"])
            address = (parts.hostname or "", parts.port or 8000)
            with (
                socket.create_connection(address, timeout=ANSWER_SECONDS) as line,
                context.wrap_socket(line, server_hostname=parts.hostname),
            ):
                pass
        except OSError as error:
            raise Fault(f"the backup host {parts.hostname}:{parts.port}: {error}") from error

    def snapshots(self) -> list[dict[str, Any]]:
        """Snapshots, the oldest first."""
        listing = json.loads(self.must("snapshots", "--json", "--no-lock")) or []
        found = []
        for one in listing:
            summary = one.get("summary") or {}
            found.append(
                {
                    "id": one["id"],
                    "short_id": one["short_id"],
                    "time": stamp(moment_of(one["time"])),
                    "paths": one["paths"],
                    "tags": one.get("tags") or [],
                    "bytes": summary.get("total_bytes_processed"),
                    "files": summary.get("total_files_processed"),
                }
            )
        return sorted(found, key=lambda one: moment_of(one["time"]))


def stop(process: subprocess.Popen[bytes]) -> None:
    """End restic in a way that lets it remove its lock, if it can."""
    process.send_signal(signal.SIGINT)
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def complaint(verb: str, done: subprocess.CompletedProcess[str]) -> str:
    """Why restic failed, in one line."""
    if done.returncode == NO_REPOSITORY:
        return f"restic {verb}: the backup host has no repository of this host; converge makes it"
    if done.returncode == WRONG_PASSWORD:
        return f"restic {verb}: the password of this host does not open its repository"
    words: list[str] = []
    for line in (done.stderr.strip() or done.stdout.strip()).splitlines():
        with contextlib.suppress(ValueError, TypeError, KeyError):
            report = json.loads(line)
            line = report.get("message") or report["error"]["message"]  # noqa: PLW2901
        words.append(line.strip())
    # The first says what began it, the last what came of it; between them it tried again.
    told = " … ".join(dict.fromkeys([*words[:1], *words[-1:]]))
    return f"restic {verb}: {told[:LONGEST_COMPLAINT]}"


def run_hooks(folder: Path, variables: dict[str, str]) -> list[str]:
    """Run a folder's executables in the order of their names; complaints of those that failed."""
    complaints = []
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        if not os.access(path, os.X_OK) or path.name.startswith("."):
            continue
        done = subprocess.run(
            [str(path)], env=variables, capture_output=True, text=True, check=False
        )
        sys.stdout.write(done.stdout)
        if done.returncode != 0:
            words = " ".join(done.stderr.split())[-LONGEST_COMPLAINT:]
            complaints.append(f"{path.name}: {words or f'exit status {done.returncode}'}")
    return complaints


def back_up(client: Client, limit: float | None) -> dict[str, Any]:
    """Make a snapshot; what restic says of it."""
    client.answers()
    client.restic("unlock", "--quiet", limit=60)  # a lock of a run of this host that was killed
    settings = client.settings
    paths = [path for path in settings["paths"] if Path(path).exists()]
    if not paths:
        raise Fault(f"nothing to back up: none of {', '.join(settings['paths'])} is there")
    options = [f"--exclude={pattern}" for pattern in settings["excludes"]]
    done = client.restic(
        *("backup", "--json", "--one-file-system", "--exclude-caches", f"--host={client.name}"),
        *(f"--retry-lock={LOCK_PATIENCE}", *options, "--", *paths),
        limit=limit,
    )
    if done.returncode != 0:
        raise Fault(complaint("backup", done))
    last = json.loads(done.stdout.splitlines()[-1])
    return {
        "id": last["snapshot_id"],
        "time": stamp(now()),
        "files": last["total_files_processed"],
        "bytes": last["total_bytes_processed"],
        "added_bytes": last["data_added"],
    }


def run(client: Client, limit: float | None) -> int:
    """One backup with its hooks; its outcome is in the state file, whatever happens."""
    STATE.mkdir(mode=0o755, exist_ok=True)
    with (STATE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        started, began = now(), time.monotonic()
        state = {"since": stamp(started), "snapshot": None} | read_json(STATE / "client.json")
        state |= {"schema": 1, "client": client.name, "repository": client.repository}
        state["rpo_hours"] = client.settings["rpo_hours"]
        state["last"] = {"started": stamp(started), "ended": None, "outcome": "running"}
        write_json(STATE / "client.json", state)
        path = {key: client.environment[key] for key in ("PATH", "HOME", "LC_ALL")}
        variables = {**path, "HOABAN_DUMP_FOLDER": client.settings["dump_folder"]}
        faults = run_hooks(client.config / "pre.d", variables)
        made = None
        try:
            # Files are worth keeping also when a hook has failed; the run counts as failed.
            made = back_up(client, limit)
        except (Fault, ValueError, KeyError) as fault:
            faults.append(str(fault))
        outcome = "failed" if faults else "done"
        faults += run_hooks(client.config / "post.d", {**variables, "HOABAN_OUTCOME": outcome})
        if made and not faults:
            state["snapshot"] = made
        state["last"] = {
            "started": stamp(started),
            "ended": stamp(now()),
            "outcome": "failed" if faults else "done",
            "error": "; ".join(faults) or None,
            "seconds": round(time.monotonic() - began, 1),
        }
        write_json(STATE / "client.json", state)
    if faults:
        raise Fault("; ".join(faults))
    return 0


def status(client: Client) -> dict[str, Any]:
    """The state, with the age of the newest good snapshot held against the policy."""
    state = read_json(STATE / "client.json")
    newest = (state.get("snapshot") or {}).get("time") or state.get("since")
    age = now() - moment_of(newest) if newest else None
    rpo = timedelta(hours=client.settings["rpo_hours"])
    return state | {
        "age_hours": round(age.total_seconds() / 3600, 2) if age is not None else None,
        "rpo_met": age is not None and age <= rpo,
    }


def alarm(client: Client) -> int:
    """Fail when the RPO is missed or the last run failed, which systemd shows and verify reads."""
    seen = status(client)
    last = seen.get("last") or {}
    if not seen["rpo_met"]:
        age = seen["age_hours"]
        told = f"{age} hours ago" if age is not None else "never"
        raise Fault(f"the last good backup was {told}, allowed are {client.settings['rpo_hours']}")
    if last.get("outcome") == "failed":
        raise Fault(f"the last run failed: {last.get('error')}")
    return 0


def restore(client: Client, options: argparse.Namespace) -> int:
    """Restore a snapshot, or parts of one, and read back what was written."""
    began = time.monotonic()
    found = client.snapshots()
    if options.snapshot:
        found = [one for one in found if one["id"].startswith(options.snapshot)]
    if options.at:
        found = [one for one in found if moment_of(one["time"]) <= moment_of(options.at)]
    if not found:
        raise Fault("there is no such snapshot; hoaban-backup list tells those that there are")
    snapshot = found[-1]
    includes = [f"--include={path}" for path in options.path]
    target = f"--target={options.to}"
    out = client.must(
        "restore", snapshot["id"], "--json", "--no-lock", "--verify", target, *includes
    )
    told = json.loads(out.splitlines()[-1])
    if options.path and not told.get("total_files"):
        raise Fault(f"snapshot {snapshot['short_id']} has nothing by {', '.join(options.path)}")
    answer = {
        "snapshot": snapshot["id"],
        "time": snapshot["time"],
        "files": told.get("total_files", 0),
        "bytes": told.get("total_bytes", 0),
        "seconds": round(time.monotonic() - began, 1),
        "to": options.to,
    }
    print(json.dumps(answer))  # noqa: T201
    return 0


def init(client: Client) -> int:
    """Make or open the repository; add the backup host's key, when standard input has one."""
    key = sys.stdin.read().strip()
    client.answers()
    opened = client.restic("cat", "config", "--no-lock", "--quiet")
    state = "opened"
    if opened.returncode == NO_REPOSITORY:
        client.must("init", "--quiet")
        state = "made"
    elif opened.returncode == WRONG_PASSWORD:
        state = "locked out"
    elif opened.returncode != 0:
        raise Fault(complaint("cat", opened))
    if key and state != "locked out":
        # In memory, and only until restic has read it: this host is not to keep that key.
        with tempfile.TemporaryDirectory(dir="/run", prefix="hoaban-backup-") as folder:
            file = Path(folder) / "key"
            file.touch(mode=0o600)
            file.write_text(key)
            client.must("key", "add", "--quiet", f"--new-password-file={file}")
    if state != "locked out":
        STATE.mkdir(mode=0o755, exist_ok=True)
        with (STATE / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            known = {"schema": 1, "client": client.name, "since": stamp(now()), "snapshot": None}
            known |= read_json(STATE / "client.json")
            known |= {"repository": client.repository, "rpo_hours": client.settings["rpo_hours"]}
            write_json(STATE / "client.json", known)
    print(json.dumps({"state": state, "key_added": bool(key) and state != "locked out"}))  # noqa: T201
    return 0


def parsed(arguments: list[str]) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="hoaban-backup", description=__doc__)
    parser.add_argument("--config", type=Path, default=CONFIG, metavar="FOLDER")
    verbs = parser.add_subparsers(dest="verb", required=True)
    one = verbs.add_parser("run", help="back up now")
    one.add_argument("--time-limit", type=float, metavar="SECONDS")
    one = verbs.add_parser("list", help="what there is")
    one.add_argument("--json", action="store_true")
    one = verbs.add_parser("restore", help="restore the newest snapshot, or another, or a part")
    one.add_argument("snapshot", nargs="?", help="identifier, or the beginning of one")
    one.add_argument("--to", required=True, metavar="FOLDER", help="/ restores in place")
    one.add_argument("--at", metavar="TIME", help="the newest not after this time (RFC 3339)")
    one.add_argument("--path", action="append", default=[], help="only this file or folder")
    verbs.add_parser("status", help="the last run, and whether the RPO is met, as JSON")
    verbs.add_parser("alarm", help="fail when it is not; run by its unit")
    verbs.add_parser("init", help="make the repository; run by the role")
    return parser.parse_args(arguments)


def show(client: Client, *, as_json: bool) -> int:
    """List the snapshots."""
    found = client.snapshots()
    if as_json:
        print(json.dumps(found, indent=2, ensure_ascii=False))  # noqa: T201
    for one in () if as_json else found:
        print(one["short_id"], one["time"], one["bytes"], *one["paths"])  # noqa: T201
    return 0


def act(client: Client, options: argparse.Namespace) -> int:
    """Do what was asked; the exit status."""
    match options.verb:
        case "run":
            return run(client, options.time_limit or client.settings["time_limit_hours"] * 3600)
        case "list":
            return show(client, as_json=options.json)
        case "restore":
            return restore(client, options)
        case "alarm":
            return alarm(client)
        case "init":
            return init(client)
    print(json.dumps(status(client), indent=2, ensure_ascii=False))  # noqa: T201
    return 0


def main(arguments: list[str]) -> int:
    """Exit status 1, with one line on standard error, when what was asked can't be done."""
    options = parsed(arguments)
    try:
        return act(Client(options.config), options)
    except Fault as fault:
        sys.stderr.write(f"hoaban-backup: {fault}\n")
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
