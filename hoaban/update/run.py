"""Updates hosts wave by wave, and stops at the first wave that is not well."""

from __future__ import annotations

import fcntl
import time
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from hoaban.converge.hostkeys import pin
from hoaban.converge.run import as_one, prepare
from hoaban.errors import HoabanError
from hoaban.inventory.fleet import Fleet
from hoaban.update import health, snapshots, waves
from hoaban.update.journal import HostUpdate, Journal, State, Wave, folder, keep, unfinished
from hoaban.update.play import upgrade
from hoaban.update.reboot import reboot

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from hoaban.console import Step, Steps
    from hoaban.converge.console import Console
    from hoaban.converge.reach import Door
    from hoaban.inventory.fleet import ManagedHost
    from hoaban.update.packages import Change
    from hoaban.workspace import Workspace


LOOKS: Final = 3
"""How often hosts are looked at after their update before they count as ill."""
PAUSE_SECONDS: Final = 10.0


@dataclass(frozen=True, slots=True)
class Wanted:
    """What was asked for. ``hosts`` narrows the stacks down to these; none means all."""

    stacks: Sequence[str | None]
    security: bool = False
    serial: str = waves.USUAL
    snapshot: bool = False
    reboot: bool = True
    hosts: Sequence[str] = ()


def preview(
    workspace: Workspace, wanted: Wanted, console: Console, steps: Steps
) -> Mapping[str, Sequence[Change]]:
    """What an update would change, by host. Lists of packages are fetched, nothing is installed."""
    fleet = Fleet.read(workspace)
    hosts = chosen(fleet, wanted)
    door = _open(workspace, fleet, wanted.stacks, console, steps)
    door.wait(hosts, steps)
    with steps.step(f"What {len(hosts)} hosts lack") as step:
        done = upgrade(
            workspace,
            door,
            [host.name for host in hosts],
            security=wanted.security,
            check=True,
            tell=lambda what: steps.update(step, what),
        )
        if done.errors:
            raise as_one([error for errors in done.errors.values() for error in errors])
        step.detail = ""
    return done.changes


def update(workspace: Workspace, wanted: Wanted, console: Console, steps: Steps) -> Journal:
    """Update hosts in waves. A wave that failed is told by :attr:`Journal.failed`, not raised."""
    fleet = Fleet.read(workspace)
    hosts = chosen(fleet, wanted)
    if wanted.snapshot:
        snapshots.ensure_possible(hosts)
    now = datetime.now(UTC)
    planned = waves.plan([waves.candidate(host) for host in hosts], wanted.serial)
    journal = Journal(
        id=now.strftime("%Y%m%dT%H%M%S.%fZ"),
        stacks=list(wanted.stacks),
        security=wanted.security,
        snapshot=wanted.snapshot,
        reboot=wanted.reboot,
        started=now,
        waves=[Wave(hosts=names) for names in planned],
    )
    return _go(workspace, fleet, journal, console, steps)


def resume(workspace: Workspace, console: Console, steps: Steps) -> Journal:
    """Go on with the newest run: waves that are done are left, the one that failed is done anew."""
    journal = unfinished(workspace)
    return _go(workspace, Fleet.read(workspace), journal, console, steps)


def chosen(fleet: Fleet, wanted: Wanted) -> list[ManagedHost]:
    """The hosts to update; an error where none of them can get any."""
    hosts = [host for stack in wanted.stacks for host in fleet.hosts_of(stack)]
    strange = set(wanted.hosts) - {host.name for host in hosts}
    for name in sorted(strange):
        fleet.host(name)  # an unknown name has its own error
        raise HoabanError(f"{name} is of none of the stacks named", mend="name its agency too")
    hosts = [host for host in hosts if not wanted.hosts or host.name in wanted.hosts]
    if not hosts:
        raise HoabanError("there is no host to update", mend="hoaban status lists the hosts")
    settings = fleet.settings_of(hosts[0].state)
    if settings is None or settings.mirror is None:
        raise HoabanError(
            "the province has named no mirror, so hosts have nowhere to get updates from",
            mend="name one: services.mirror in inventory/province.yml; then: hoaban up --all",
        )
    return hosts


def _go(
    workspace: Workspace, fleet: Fleet, journal: Journal, console: Console, steps: Steps
) -> Journal:
    with _alone(workspace):
        keep(workspace, journal)
        door = _open(workspace, fleet, journal.stacks, console, steps)
        for number, wave in enumerate(journal.waves, 1):
            if wave.state is State.DONE:
                continue
            title = f"Wave {number} of {len(journal.waves)}: {_few(wave.hosts)}"
            with steps.step(title) as step:
                wave.state, wave.problems = State.RUNNING, []
                keep(workspace, journal)
                worker = _Worker(workspace, door, journal, steps, step)
                wave.problems = worker.work([fleet.host(name) for name in wave.hosts])
                wave.state = State.FAILED if wave.problems else State.DONE
                keep(workspace, journal)
                steps.end(step, ok=not wave.problems, detail=_summary(journal, wave))
            if wave.problems:
                return journal
        journal.ended = datetime.now(UTC)
        keep(workspace, journal)
    return journal


class _Worker:
    """One wave's work; every part returns what went wrong, and nothing follows on that."""

    def __init__(
        self,
        workspace: Workspace,
        door: Door,
        journal: Journal,
        steps: Steps,
        step: Step,
    ) -> None:
        self._workspace = workspace
        self._door = door
        self._journal = journal
        self._tell: Callable[[str], None] = lambda what: steps.update(step, what)

    def work(self, hosts: Sequence[ManagedHost]) -> list[str]:
        """Look, keep a snapshot, upgrade, reboot, look again."""
        self._tell("looking whether they are well")
        ill = health.problems(self._door.fleet, self._door.remote, hosts)
        if ill:
            return [f"before its update: {problem}" for problem in ill]
        for part in (self._keep_snapshots, self._upgrade, self._reboot):
            wrong = part(hosts)
            if wrong:
                return wrong
        if not any(self._of(host).changes or self._of(host).rebooted for host in hosts):
            return []  # as they were found well
        return self._look_since(hosts)

    def _look_since(self, hosts: Sequence[ManagedHost]) -> list[str]:
        """What is wrong after the update, and stays wrong: a host that has just booted settles."""
        for left in reversed(range(LOOKS)):
            self._tell("looking whether they are well since")
            ill = health.problems(self._door.fleet, self._door.remote, hosts)
            if not ill:
                break
            if left:
                self._tell(f"looking again soon: {ill[0]}")
                time.sleep(PAUSE_SECONDS)
        return ill

    def _of(self, host: ManagedHost) -> HostUpdate:
        return self._journal.hosts.setdefault(host.name, HostUpdate())

    def _keep_snapshots(self, hosts: Sequence[ManagedHost]) -> list[str]:
        for host in hosts if self._journal.snapshot else ():
            self._tell(f"{host.name}: snapshot")
            try:
                self._of(host).snapshot = snapshots.keep(self._door.remote, host)
            except HoabanError as error:
                return [f"{host.name}: no snapshot: {error.what}"]
        return []

    def _upgrade(self, hosts: Sequence[ManagedHost]) -> list[str]:
        names = [host.name for host in hosts]
        done = upgrade(
            self._workspace, self._door, names, security=self._journal.security, tell=self._tell
        )
        for host in hosts:
            mine = self._of(host)
            mine.changes = [*mine.changes, *done.changes.get(host.name, ())]
            mine.reboot_due = host.name in done.reboots
        return [f"{name}: {error.what}" for name, errors in done.errors.items() for error in errors]

    def _reboot(self, hosts: Sequence[ManagedHost]) -> list[str]:
        due = [host for host in hosts if self._of(host).reboot_due]
        if not due or not self._journal.reboot:
            return []
        self._tell(f"rebooting {_few([host.name for host in due])}")
        wrong = reboot(self._door, due)
        for host in due:
            mine = self._of(host)
            mine.rebooted = host.name not in wrong
            mine.reboot_due = host.name in wrong
        return [f"{name}: {error.what}" for name, error in wrong.items()]


def _open(
    workspace: Workspace,
    fleet: Fleet,
    stacks: Sequence[str | None],
    console: Console,
    steps: Steps,
) -> Door:
    """Pin keys of all stacks and write the SSH configuration."""
    door = prepare(workspace, fleet, stacks[0], console, steps)
    for name in pin(workspace, fleet, stacks[1:], console, steps).replaced:
        door.remote.close(name)
    return door


@contextmanager
def _alone(workspace: Workspace) -> Iterator[None]:
    """Two updates of one province at a time would take both halves of a pair."""
    workspace.ensure_home()
    folder(workspace).mkdir(mode=0o700, exist_ok=True)
    with (folder(workspace) / "lock").open("w") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise HoabanError(
                "another update of this workspace is at work", mend="wait until it is through"
            ) from error
        yield


def _few(names: Sequence[str]) -> str:
    more = len(names) - 3
    return ", ".join(names[:3]) + (f" and {more} more" if more > 0 else "")


def _summary(journal: Journal, wave: Wave) -> str:
    if wave.problems:
        return wave.problems[0]
    done = [journal.hosts[name] for name in wave.hosts if name in journal.hosts]
    packages = sum(len(host.changes) for host in done)
    rebooted = sum(host.rebooted for host in done)
    return f"{packages} packages" + (f", {rebooted} rebooted" if rebooted else "")
