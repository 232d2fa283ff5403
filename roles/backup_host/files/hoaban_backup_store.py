"""The store: clients' repositories, how restic is run on them, and how long what is kept."""

from __future__ import annotations

import json
import os
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

STATE = Path("/var/lib/hoaban-backup")
LOCK_PATIENCE = "1h"
"""A backup under way holds the repository's lock; pruning waits for its end."""
LONGEST_COMPLAINT = 500
ALL_WITHIN = timedelta(days=2)
"""Everything of so long before the newest snapshot is kept."""
DAYS_OF_WEEK, DAYS_OF_MONTH = 7, 31

PARTS = 30
"""In as many runs, once a day, all data of a repository is read."""

Snapshot = dict[str, Any]
State = dict[str, Any]


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


def windows(keep: dict[str, int]) -> list[tuple[str, str, timedelta]]:
    """What is kept of snapshots: restic's option, the bucket's form, how far back."""
    return [
        ("daily", "%Y-%m-%d", timedelta(days=keep["daily"])),
        ("weekly", "%G-%V", timedelta(days=keep["weekly"] * DAYS_OF_WEEK)),
        ("monthly", "%Y-%m", timedelta(days=keep["monthly"] * DAYS_OF_MONTH)),
    ]


def policy(keep: dict[str, int]) -> list[str]:
    """The same as options of ``restic forget``."""
    options = [f"--keep-within={ALL_WITHIN.days}d"]
    return options + [
        f"--keep-within-{name}={back.days}d" for name, _, back in windows(keep) if back.days
    ]


def kept_by_arrival(arrivals: dict[str, datetime], keep: dict[str, int]) -> set[str]:
    """Snapshots that the policy keeps, by the times at which they arrived here.

    As restic's ``--keep-within…`` counts: back from the newest, the newest of each day, week and
    month. Nothing goes because time has passed without new backups.
    """
    if not arrivals:
        return set()
    newest = max(arrivals.values())
    ordered = sorted(arrivals.items(), key=lambda item: item[1], reverse=True)
    kept = {name for name, moment in ordered if newest - moment <= ALL_WITHIN}
    for _, form, back in windows(keep):
        seen: set[str] = set()
        for name, moment in ordered:
            bucket = moment.strftime(form)
            if newest - moment <= back and bucket not in seen:
                seen.add(bucket)
                kept.add(name)
    return kept


class Repository:
    """One client's repository, on this host's file system.

    ``name`` is the client's; of a copy ``HOST/CLIENT``: below the account of the backup host that
    made it, which has one key for all of them.
    """

    def __init__(self, name: str, settings: dict[str, Any], keys: Path) -> None:
        self.name = name
        self.path = Path(settings["store"]) / name
        self.key = keys / f"keys_{name.partition('/')[0]}"

    def exists(self) -> bool:
        """Whether the client has made it yet."""
        return (self.path / "config").is_file()

    def size(self) -> int:
        """Bytes that it takes."""
        return sum(path.stat().st_size for path in self.path.rglob("*") if path.is_file())

    @property
    def environment(self) -> dict[str, str]:
        """Where the repository is and what opens it, as restic's variables."""
        return {"RESTIC_REPOSITORY": str(self.path), "RESTIC_PASSWORD_FILE": str(self.key)}

    def restic(self, *arguments: str) -> str:
        """Output of restic; raises with its last words when it fails."""
        return run_restic(self.environment, *arguments)

    def snapshots(self) -> list[Snapshot]:
        """Its snapshots, as restic lists them."""
        found: list[Snapshot] = json.loads(self.restic("snapshots", "--json", "--no-lock"))
        return found

    def arrivals(self, snapshots: list[Snapshot]) -> dict[str, datetime]:
        """When each snapshot's file was written by the server, by this host's clock."""
        found = {}
        for snapshot in snapshots:
            written = (self.path / "snapshots" / snapshot["id"]).stat().st_mtime
            found[snapshot["id"]] = datetime.fromtimestamp(written, tz=UTC)
        return found

    def by_claim(self, keep: dict[str, int], fate: str) -> list[Snapshot]:
        """Snapshots that restic's own policy would ``keep`` or ``remove``, by their own times."""
        listing = self.restic("forget", "--dry-run", "--json", "--no-lock", *policy(keep))
        groups = json.loads(listing) if listing.strip() else []
        return [one for group in groups for one in group.get(fate) or []]

    def forget(self, keep: dict[str, int]) -> int:
        """Remove what both clocks call old; how many snapshots that were."""
        snapshots = self.snapshots()
        arrived = self.arrivals(snapshots)
        series: dict[tuple[str, ...], dict[str, datetime]] = {}
        for one in snapshots:
            series.setdefault(tuple(one["paths"]), {})[one["id"]] = arrived[one["id"]]
        kept = {name for times in series.values() for name in kept_by_arrival(times, keep)}
        old = sorted({one["id"] for one in self.by_claim(keep, "remove")} - kept)
        if old:
            self.restic("forget", "--quiet", f"--retry-lock={LOCK_PATIENCE}", *old)
        return len(old)


def parts_to_check(before: State, parts: int = PARTS) -> list[int]:
    """The next part in turn, and those in which damage was found: until they are whole again."""
    following = before.get("part", 0) % parts + 1
    return sorted({following, *before.get("damaged", [])})


def check(repository: Repository, before: State, parts: int = PARTS) -> State:
    """Check the structure, and read the parts that are due; the state of the check."""
    state = {"parts": parts, "damaged": list(before.get("damaged", [])), **before}
    complaints = []
    for part in parts_to_check(before, parts):
        subset = f"--read-data-subset={part}/{parts}"
        damaged = set(state["damaged"])
        try:
            repository.restic("check", "--quiet", f"--retry-lock={LOCK_PATIENCE}", subset)
        except Fault as fault:
            complaints.append(str(fault))
            damaged.add(part)
        else:
            damaged.discard(part)
        state["damaged"] = sorted(damaged)
    state["part"] = before.get("part", 0) % parts + 1
    if state["part"] == parts:
        state["all_read"] = stamp(now())
    state |= {"ended": stamp(now()), "outcome": "failed" if complaints else "done"}
    state["error"] = complaints[0] if complaints else None
    return state


def repositories(
    settings: dict[str, Any], clients: dict[str, Any], keys: Path
) -> Iterator[tuple[Repository, dict[str, Any]]]:
    """Every repository that there is, with the client by whose rules it is kept."""
    for name, client in sorted(clients.items()):
        names = [name]
        if client.get("copies"):
            folder = Path(settings["store"]) / name
            found = sorted(folder.iterdir()) if folder.is_dir() else []
            names = [f"{name}/{one.name}" for one in found]
        for one in names:
            repository = Repository(one, settings, keys)
            if repository.exists():
                yield repository, client
