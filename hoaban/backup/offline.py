"""A third copy: a volume is attached to a backup host, written, verified, and detached again.

The volume goes in any case: after an error, after Ctrl-C, and when this very program was killed,
at the beginning of the next run. The host unmounts by itself when its work ends, however it ends.
What a run came to is an entry of the journal.
"""

from __future__ import annotations

import signal
import threading
import time
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from pydantic import ValidationError

from hoaban import __version__
from hoaban.backup.drill import in_words
from hoaban.backup.offline_evidence import HostFile, OfflineCopy, offline_in
from hoaban.errors import HoabanError
from hoaban.interrupts import announce

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from hoaban.backup.journal import Entry, Journal
    from hoaban.backup.lending import Lending
    from hoaban.backup.stream import Hosts
    from hoaban.console import Steps
    from hoaban.inventory.fleet import Fleet, ManagedHost
    from hoaban.model.environment import VolumePlan

WRAPPER: Final = ("sudo", "-n", "/usr/local/sbin/hoaban-backup-host")
READ: Final = ("sudo", "-n", "cat")
STATE: Final = "/var/lib/hoaban-backup/offline/{}.json"
TIMES_IN_DAYS: Final = 2
"""A copy is due this many times in the days that it may be old: one that fails can be made up."""


def keepers(fleet: Fleet, name: str | None = None) -> list[ManagedHost]:
    """Hosts with volumes for a third copy, or the one of this name; an error when there is none."""
    hosts = [fleet.host(name)] if name else list(fleet.hosts.values())
    found = [host for host in hosts if host.plan.offline is not None]
    if not found:
        raise HoabanError(
            f"{name or 'no backup host that is provisioned'} has no volumes for an offline copy",
            mend="give a backup host in inventory/province.yml "
            "`offline: {size_gb: …, volumes: 2, days: 14}`; then hoaban up province",
        )
    return found


def volumes_of(host: ManagedHost) -> list[tuple[VolumePlan, str]]:
    """The offline volumes of a host with their identifiers in the cloud."""
    offline = host.plan.offline
    known = host.output.offline_ids
    return [(one, known[one.name]) for one in (offline.volumes if offline else ())]


def next_volume(host: ManagedHost, entries: Sequence[Entry]) -> tuple[VolumePlan, str]:
    """The volume whose turn it is: never written, else whose last good copy is the oldest."""
    last = {done.volume_id: entry.time for entry, done in offline_in(entries) if not done.broken}
    never = datetime.min.replace(tzinfo=UTC)
    return min(volumes_of(host), key=lambda one: last.get(one[1], never))


def due(host: ManagedHost, entries: Sequence[Entry], now: datetime) -> bool:
    """Whether the newest good copy of a host is half as old as it may be, or there is none."""
    times = [
        entry.time
        for entry, done in offline_in(entries)
        if done.host == host.name and not done.broken
    ]
    days = host.plan.offline.days if host.plan.offline else 0
    age = (now - max(times)).total_seconds() / 86400 if times else None
    return age is None or age >= days / TIMES_IN_DAYS


def detach_all(host: ManagedHost, hosts: Hosts, lending: Lending) -> list[str]:
    """Unmount and detach what an earlier run has left; names of the volumes."""
    left = [(plan, id_) for plan, id_ in volumes_of(host) if lending.servers(id_)]
    if left:
        _release(host, hosts)
    for _, identifier in left:
        lending.detach(identifier)
    return [plan.name for plan, _ in left]


def copy(
    host: ManagedHost,
    hosts: Hosts,
    lending: Lending,
    prepare: Callable[[VolumePlan], None],
    journal: Journal,
    steps: Steps,
) -> tuple[Entry, OfflineCopy]:
    """Make one copy and write it down. Raises only when there is nothing to write, or nowhere.

    ``prepare`` makes the attached volume ready to be mounted, on the host.
    """
    entries = journal.entries()  # a journal that does not hold is told before anything is done
    with steps.step("What an earlier run left") as step:
        step.detail = ", ".join(detach_all(host, hosts, lending)) or "nothing"
    volume, identifier = next_volume(host, entries)
    course = _Course(host, volume, identifier, hosts, steps)
    interrupted: BaseException | None = None
    try:
        with _stopped_by_signals():
            course.go(lending, prepare)
    except HoabanError as error:
        course.trouble = in_words(error)
    except BaseException as error:  # noqa: BLE001 (raised again once the volume is detached)
        course.trouble = f"stopped by {type(error).__name__}"
        interrupted = error
    with _unmoved_by_signals(volume.name):
        course.end(lending)
        done = course.evidence()
        entry = journal.append(done.record())
    if interrupted is not None:
        raise interrupted
    return entry, done


class _Course:
    """One copy under way, and what is known of it so far."""

    def __init__(
        self, host: ManagedHost, volume: VolumePlan, identifier: str, hosts: Hosts, steps: Steps
    ) -> None:
        self._host, self._volume, self._identifier = host, volume, identifier
        self._hosts, self._steps = hosts, steps
        self._started = time.monotonic()
        self._known: dict[str, Any] = {"ordered": datetime.now(UTC)}
        self.trouble: str | None = None

    def go(self, lending: Lending, prepare: Callable[[VolumePlan], None]) -> None:
        """Attach, make ready, copy and verify."""
        name = self._host.name
        with self._steps.step(f"{self._volume.name} attached to {name}"):
            lending.attach(self._identifier)
        prepare(self._volume)
        before = self._told().started
        with self._steps.step(f"Copies of all that {name} keeps, read again") as step:
            label = self._volume.label
            result = self._hosts.work(name, [*WRAPPER, "offline", label])
            told = self._told()
            self._known |= told.known()
            clients = self._known["clients"]
            if told.started == before or told.outcome == "unfinished":
                self._known["clients"] = []
                words = result.stderr.splitlines() or [f"status {result.status}"]
                raise HoabanError(
                    f"{name}: the copy did not come to its end: {words[-1]}",
                    mend=f"hoaban ssh {name} -- sudo journalctl -u hoaban-backup-offline@{label}",
                )
            if not result.ok and not any(one.error for one in clients):
                raise HoabanError(
                    f"{name}: the copy failed with status {result.status}",
                    mend=f"hoaban ssh {name} -- sudo journalctl -u hoaban-backup-offline@{label}",
                )
            added = sum(one.added for one in clients)
            step.detail = f"{len(clients)} clients, {added} snapshots added"
        self._known["took_seconds"] = round(time.monotonic() - self._started, 1)

    def end(self, lending: Lending) -> None:
        """Unmount and detach, whatever was before."""
        try:
            with self._steps.step(f"{self._volume.name} detached"):
                self._unmount()
                lending.detach(self._identifier)
            self._known["detached"] = datetime.now(UTC)
        except HoabanError as error:
            self._known["left_attached"] = in_words(error)

    def _unmount(self) -> None:
        """A host that does not answer, or can't, does not keep the volume for that."""
        try:
            words = _release(self._host, self._hosts)
        except HoabanError as error:
            words = in_words(error)
        if words and self.trouble is None:
            self.trouble = f"{self._host.name} could not unmount the volume: {words}"

    def evidence(self) -> OfflineCopy:
        """What is known."""
        return OfflineCopy(
            host=self._host.name,
            volume=self._volume.name,
            volume_id=self._identifier,
            toolkit=__version__,
            trouble=self.trouble,
            **self._known,
        )

    def _told(self) -> HostFile:
        """The host's file about the volume; an empty one when there is none yet."""
        answer = self._hosts.output(self._host.name, [*READ, STATE.format(self._volume.label)])
        if not answer.ok:
            return HostFile()
        try:
            return HostFile.model_validate_json(answer.stdout)
        except ValidationError as error:
            raise HoabanError(
                f"{self._host.name}: what it tells of the copy can't be read",
                mend="bring the host's role up to date: hoaban converge province",
                detail=error.errors()[0]["msg"],
            ) from error


def _release(host: ManagedHost, hosts: Hosts) -> str:
    """Have the host stop writing and unmount; why it could not, empty when it did."""
    result = hosts.work(host.name, [*WRAPPER, "release"])
    return "" if result.ok else (result.stderr.splitlines() or [f"status {result.status}"])[-1]


@contextmanager
def _stopped_by_signals() -> Iterator[None]:
    """SIGTERM (a runner's time limit) is as Ctrl-C, so that the volume is detached."""
    stop = signal.default_int_handler
    with _handled({signal.SIGINT: stop, signal.SIGTERM: stop}):
        yield


@contextmanager
def _unmoved_by_signals(volume: str) -> Iterator[None]:
    """A second Ctrl-C does not leave the volume attached."""

    def told(*_: object) -> None:
        announce(f"{volume} is being detached; wait for it")

    with _handled({signal.SIGINT: told, signal.SIGTERM: told}):
        yield


@contextmanager
def _handled(handlers: dict[signal.Signals, Callable[..., Any]]) -> Iterator[None]:
    """Other handlers of signals for a while; signals are the main thread's alone."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
