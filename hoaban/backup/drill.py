"""A drill: the newest snapshot of a host, restored to a scratch server and compared, is evidence.

From the order to the end of the comparison is what a restore would take (RTO); from the snapshot to
the order what would be lost (RPO). The scratch server goes in any case. What a drill came to, also
when it failed, is an entry of the journal.
"""

from __future__ import annotations

import fcntl
import time
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Protocol

from hoaban import __version__
from hoaban.backup.evidence import Database, Difference, Drill, Files, Verdict, drills_in
from hoaban.backup.repository import MIB, Repository, What
from hoaban.backup.snapshots import choose
from hoaban.errors import HoabanError, listed
from hoaban.model.drills import RESTORED

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from hoaban.backup.access import Access
    from hoaban.backup.clients import Client
    from hoaban.backup.journal import Entry, Journal
    from hoaban.backup.stream import Hosts
    from hoaban.console import Step, Steps
    from hoaban.workspace import Workspace


class Stage(Protocol):
    """The scratch server of one agency: made for a drill, and removed after it."""

    def clear(self) -> bool:
        """Remove what an earlier drill left; whether there was anything."""

    def build(self) -> None:
        """Make the server."""

    def configure(self) -> str:
        """Mount its volumes, load its packet filter; the server's name."""

    def remove(self) -> None:
        """Delete the server and all that was made for it."""


def folder_of(workspace: Workspace) -> Path:
    """Where the evidence is kept."""
    return workspace.home / "drills"


def drill(
    client: Client,
    hosts: Hosts,
    stage: Stage,
    borrow: Callable[[], Access],
    journal: Journal,
    steps: Steps,
) -> tuple[Entry, Drill]:
    """Do one drill and write it down. Raises only when there is nothing to write, or nowhere."""
    journal.entries()  # a journal that does not hold is told before an hour is spent
    with steps.step("What an earlier drill left") as step:
        step.detail = "removed" if stage.clear() else "nothing"
    course = _Course(client, steps)
    interrupted: BaseException | None = None
    try:
        course.go(hosts, stage, borrow)
    except HoabanError as error:
        course.trouble = in_words(error)
    except BaseException as error:  # noqa: BLE001 (raised again once the server is gone)
        course.trouble = f"stopped by {type(error).__name__}"
        interrupted = error
    left_behind = _removed(stage, steps)
    done = course.evidence(left_behind)
    entry = journal.append(done.record())
    if interrupted is not None:
        raise interrupted
    return entry, done


def _removed(stage: Stage, steps: Steps) -> str | None:
    """Remove the scratch server; why not, when it could not be."""
    try:
        with steps.step("Scratch server removed"):
            stage.remove()
    except HoabanError as error:
        return in_words(error)
    return None


def in_words(error: HoabanError) -> str:
    """An error, or several, as one line for the journal, with what mends it."""
    told = [(one["what"], one.get("mend")) for one in listed(error)]
    return "; ".join(f"{what} ({mend})" if mend else what for what, mend in told)


class _Course:
    """One drill under way, and what was measured so far."""

    def __init__(self, client: Client, steps: Steps) -> None:
        self._steps = steps
        self._started = time.monotonic()
        self._phases: dict[str, float] = {}
        self._known: dict[str, Any] = {}
        self._databases: list[Database] = []
        self._client = client
        self._ordered = datetime.now(UTC)
        self.trouble: str | None = None

    def go(self, hosts: Hosts, stage: Stage, borrow: Callable[[], Access]) -> None:
        """From an order to a comparison."""
        with self._phase("server", "Scratch server"):
            stage.build()
        with self._phase("configure", "Its volumes and packet filter"):
            scratch = stage.configure()
        with self._phase("snapshot", f"Newest snapshot of {self._client.name}") as step:
            repository = Repository(hosts, self._client.name, scratch, borrow())
            snapshot = choose(repository.snapshots(), self._client.name)
            self._known |= {"snapshot": snapshot.id, "snapshot_time": snapshot.time}
            step.detail = f"{snapshot.short} of {snapshot.time:%Y-%m-%d %H:%M} UTC"
        with self._phase("restore", "Restore") as step:
            what = What(snapshot, RESTORED)
            restored = repository.restore(
                what, lambda words: self._steps.update(step, words), verify=False
            )
            step.detail = f"{restored.files} files and folders, {restored.bytes / MIB:.0f} MiB"
        with self._phase("compare", "Comparison with the checksums of the backup") as step:
            asked = {"root": RESTORED, "paths": snapshot.paths}
            hosts.run(scratch, "compare", asked, lambda event: self._hear(event, step))
        self._known["took_seconds"] = round(time.monotonic() - self._started, 1)

    def evidence(self, left_behind: str | None) -> Drill:
        """What was measured."""
        return Drill(
            agency=self._client.agency,
            host=self._client.name,
            toolkit=__version__,
            ordered=self._ordered,
            rpo_seconds=round(self._client.rpo.total_seconds()),
            rto_seconds=round(self._client.rto.total_seconds()),
            phases=self._phases,
            databases=self._databases,
            trouble=self.trouble,
            left_behind=left_behind,
            **self._known,
        )

    @contextmanager
    def _phase(self, name: str, title: str) -> Iterator[Step]:
        started = time.monotonic()
        try:
            with self._steps.step(title) as step:
                yield step
        finally:
            self._phases[name] = round(time.monotonic() - started, 1)

    def _hear(self, event: Mapping[str, Any], step: Step) -> None:
        """Take what the comparison tells; it comes from a host that runs our own program."""
        match event["event"]:
            case "progress":
                self._steps.update(step, f"{event['files']} files, {event['bytes'] / MIB:.0f} MiB")
            case "files" if event["manifest"] is not None:
                examples = [Difference(path=path, what=what) for path, what in event["examples"]]
                names = ("bytes", "changed", "unknown", "differences")
                counts = {name: event[name] for name in names}
                self._known["files"] = Files(same=event["files"], examples=examples, **counts)
                step.detail = f"{event['files']} files, {event['differences']} differences"
            case "database":
                self._databases.append(
                    Database(**{name: event[name] for name in Database.model_fields})
                )


@contextmanager
def alone(workspace: Workspace, name: str, what: str = "") -> Iterator[None]:
    """One drill at a time in an agency: there is one scratch server. The same for other work."""
    folder = folder_of(workspace)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (folder / f"{name}.lock").open("w") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise HoabanError(
                f"{what or f'a drill of {name}'} is under way",
                mend="wait until it has ended; its entry will be in: hoaban backup journal",
            ) from None
        yield


def last_proofs(entries: Sequence[Entry]) -> dict[str, datetime]:
    """When each host's backup was last proved to be restorable."""
    return {
        one.host: entry.time for entry, one in drills_in(entries) if one.verdict is Verdict.PROVED
    }


def due(clients: Sequence[Client], entries: Sequence[Entry], now: datetime) -> list[Client]:
    """Clients whose last proof is older than their policy wants it, or that have none."""
    proofs = last_proofs(entries)
    return [
        client
        for client in clients
        if client.name not in proofs or now - proofs[client.name] >= client.interval
    ]


def longest_unproved(clients: Sequence[Client], entries: Sequence[Entry]) -> Client:
    """The client whose turn it is: never proved, else proved longest ago."""
    proofs = last_proofs(entries)
    never = datetime.min.replace(tzinfo=UTC)
    return min(clients, key=lambda client: proofs.get(client.name, never))
