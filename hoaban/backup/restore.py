"""``restore``: a host's data back to it, to another host, or into a folder."""

from __future__ import annotations

import posixpath
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hoaban.backup.access import borrow
from hoaban.backup.repository import Repository, What
from hoaban.backup.snapshots import choose
from hoaban.errors import HoabanError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime
    from pathlib import Path

    from hoaban.backup.repository import Rehearsal, Restored
    from hoaban.backup.snapshots import Snapshot
    from hoaban.backup.stream import Hosts
    from hoaban.console import Steps
    from hoaban.inventory.fleet import Fleet
    from hoaban.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Order:
    """What a person asks for.

    ``to`` None is the host itself; ``target`` is a folder there, None for each file at its own
    place. ``identity`` is a file that opens the escrow, which only another host needs.
    """

    host: str
    at: datetime | None = None
    snapshot: str | None = None
    paths: Sequence[str] = ()
    to: str | None = None
    target: str | None = None
    delete: bool = False
    identity: Path | None = None

    @property
    def folder(self) -> str:
        """Where it is restored below: the root, for each file at its own place."""
        return self.target or "/"

    def check(self) -> None:
        """Refuse what can't be meant."""
        if self.at is not None and self.snapshot is not None:
            raise UsageError("--at and --snapshot name two things", mend="leave one of them out")
        if self.to not in (None, self.host) and self.target is None and not self.paths:
            raise UsageError(
                f"all of {self.host} in place on {self.to} would put one host's /etc over the "
                "other's",
                mend="say a folder (--target /srv/restored), or what (--path /srv/data)",
            )
        for path in (*self.paths, self.folder):
            if not path.startswith("/") or posixpath.normpath(path) != (path.rstrip("/") or "/"):
                raise UsageError(
                    f"`{path}` is no whole path", mend="begin with /, without . and .. in it"
                )


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a restore came to."""

    host: str
    to: str
    target: str
    snapshot: Snapshot
    rehearsal: Rehearsal
    restored: Restored
    seconds: float

    def to_json(self) -> dict[str, Any]:
        """Plain values for ``--json``."""
        return {
            "host": self.host,
            "to": self.to,
            "target": self.target,
            "snapshot": self.snapshot.id,
            "time": self.snapshot.time.isoformat(),
            "files": self.restored.files,
            "bytes": self.restored.bytes,
            "overwritten": self.rehearsal.updated,
            "unchanged": self.rehearsal.unchanged,
            "deleted": self.rehearsal.deleted,
            "seconds": round(self.seconds, 1),
        }


def restore(
    workspace: Workspace,
    fleet: Fleet,
    hosts: Hosts,
    order: Order,
    steps: Steps,
    confirm: Callable[[Rehearsal], bool],
) -> Outcome | None:
    """Restore as ordered; None when ``confirm`` was asked and said no.

    It is asked only where files that are there would be overwritten or deleted.
    """
    order.check()
    started = time.monotonic()
    to = fleet.host(order.to).name if order.to else fleet.host(order.host).name
    access = None
    if to != order.host:
        access = borrow(workspace, fleet, hosts, order.host, order.identity)
    repository = Repository(hosts, order.host, to, access)
    with steps.step(f"Snapshots of {order.host}") as step:
        snapshot = choose(
            repository.snapshots(), order.host, at=order.at, identifier=order.snapshot
        )
        step.detail = f"{snapshot.short} of {snapshot.time:%Y-%m-%d %H:%M} UTC"
    what = What(snapshot, order.folder, order.paths, order.delete)
    with steps.step(f"What would change on {to}") as step:
        rehearsal = repository.rehearse(what)
        step.detail = in_words(rehearsal)
    if order.paths and not rehearsal.total:
        raise HoabanError(
            f"the snapshot {snapshot.short} holds nothing at {', '.join(order.paths)}",
            mend=f"it has what is below {', '.join(snapshot.paths)}",
        )
    if rehearsal.touched and not confirm(rehearsal):
        return None
    with steps.step(f"Restore to {to}:{order.folder}") as step:
        restored = repository.restore(what, lambda words: steps.update(step, words))
        step.detail = f"{restored.files} files and folders"
    seconds = time.monotonic() - started
    return Outcome(order.host, to, order.folder, snapshot, rehearsal, restored, seconds)


def in_words(rehearsal: Rehearsal) -> str:
    """A rehearsal for people."""
    parts = [
        f"{rehearsal.restored} new",
        f"{rehearsal.updated} to be overwritten",
        f"{rehearsal.unchanged} as they are",
    ]
    if rehearsal.deleted:
        parts.append(f"{rehearsal.deleted} to be deleted")
    return ", ".join(parts)
