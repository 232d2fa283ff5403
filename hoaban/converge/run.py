"""Configures the hosts of a stack: keys pinned, hosts reachable, playbook run."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hoaban.console import stderr
from hoaban.converge.hostkeys import forget_stacks, pin
from hoaban.converge.playbook import Run, Transport, count_tasks, play
from hoaban.converge.reach import Door
from hoaban.converge.tally import Failure, HostTally, Tally
from hoaban.errors import HoabanError, together
from hoaban.inventory import sshconfig
from hoaban.inventory.fleet import Fleet
from hoaban.inventory.variables import stack_group
from hoaban.remote import Remote

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from hoaban.console import Step, Steps
    from hoaban.converge.console import Console
    from hoaban.workspace import Workspace

QUIET_SECONDS = 10.0
"""Least time between two lines about one host when the output is not a terminal."""


@dataclass(frozen=True, slots=True)
class Converged:
    """What a run came to. ``log`` is the folder with Ansible's output and events."""

    hosts: Mapping[str, HostTally]
    seconds: float
    log: Path | None

    @property
    def changed(self) -> int:
        """Changes on all hosts together."""
        return sum(host.changed for host in self.hosts.values())

    def to_json(self) -> dict[str, Any]:
        """Plain values for ``--json``."""
        hosts = {
            name: {
                "ok": host.ok,
                "changed": host.changed,
                "skipped": host.skipped,
                "failed": host.failed,
                "unreachable": host.unreachable,
                "seconds": round(host.seconds, 1),
                "changes": host.changes,
            }
            for name, host in self.hosts.items()
        }
        return {"hosts": hosts, "changed": self.changed, "seconds": round(self.seconds, 1)}


def converge(
    workspace: Workspace,
    agency: str | None,
    console: Console,
    steps: Steps,
    *,
    check: bool = False,
    diff: bool = False,
    hosts: Sequence[str] = (),
    tags: Sequence[str] = (),
    transport: Transport = Transport.MITOGEN,
    playbook: str | None = None,
    extra_vars: Mapping[str, Any] | None = None,
) -> Converged:
    """Configure the hosts of an agency, or (None) of the province; all of them unless named.

    With ``check`` nothing is changed and what would be is told. Raises :class:`HoabanError` that
    names host, task and reason of each failure.
    """
    started = time.monotonic()
    fleet = Fleet.read(workspace)
    chosen = [host for host in fleet.hosts_of(agency) if not hosts or host.name in hosts]
    for name in set(hosts) - {host.name for host in chosen}:
        fleet.host(name)  # an unknown name has its own error
        raise HoabanError(
            f"{name} is not a host of {agency or 'the province'}",
            mend="name hosts of one stack only",
        )
    if not chosen:
        return Converged({}, time.monotonic() - started, None)
    door = prepare(workspace, fleet, agency, console, steps)
    group = stack_group(fleet.state_of(agency))
    run = Run(
        playbook=playbook or ("province.yml" if agency is None else "agency.yml"),
        limit=",".join(host.name for host in chosen) if hosts else group,
        check=check,
        diff=diff,
        tags=tuple(tags),
        transport=transport,
        extra_vars=extra_vars or {},
    )
    with ThreadPoolExecutor(max_workers=1) as pool:
        total = pool.submit(count_tasks, workspace, run)
        door.wait(chosen, steps)
        view = _View(steps, [host.name for host in chosen], total.result())
    tally = Tally()
    try:
        log = play(workspace, run, lambda event: view.show(tally.take(event)))
    except BaseException:
        view.end(tally, finished=False)
        raise
    view.end(tally, finished=True)
    if tally.failures:
        raise as_one([explain(failure, door, log) for failure in tally.failures])
    missed = [host.name for host in chosen if host.name not in tally.hosts]
    if missed:
        raise untouched(run, missed, log)
    return Converged(tally.hosts, time.monotonic() - started, log)


def prepare(
    workspace: Workspace, fleet: Fleet, agency: str | None, console: Console, steps: Steps
) -> Door:
    """Pin the host keys of a stack and the province, write the SSH configuration.

    The keys of stacks that were destroyed are forgotten.
    """
    forget_stacks(workspace, fleet)
    remote = Remote(sshconfig.write(workspace, fleet))
    # The province's hosts come first: the way to the others leads through its bastion.
    concerned = dict.fromkeys([*([None] if fleet.province is not None else []), agency])
    pinned = pin(workspace, fleet, concerned, console, steps)
    for name in pinned.replaced:
        remote.close(name)
    return Door(workspace, fleet, remote, console)


def as_one(errors: Sequence[HoabanError]) -> HoabanError:
    """One error for one or several."""
    return together(errors)


def untouched(run: Run, names: Sequence[str], log: Path) -> HoabanError:
    """Hosts that the playbook should have worked on and did not."""
    return HoabanError(
        f"the playbook {run.playbook} did nothing on {', '.join(names)}",
        mend=f"see {log}/artifacts/run/stdout",
    )


def explain(failure: Failure, door: Door, log: Path) -> HoabanError:
    """Why a task failed on a host; one that was lost is asked again what is the matter."""
    first, _, rest = failure.message.partition("\n")
    if not failure.unreachable:
        return HoabanError(
            f"{failure.host}: task “{failure.task}” failed: {first}",
            mend=f"the whole run is in {log}/artifacts/run/stdout",
            detail=rest or None,
        )
    host = door.fleet.host(failure.host)
    result = door.remote.run(host.name, ["true"], timeout=30)
    if not result.ok:
        return door.explain(host, result)
    return HoabanError(
        f"{failure.host}: Ansible lost it at task “{failure.task}”: {first}",
        mend="it answers SSH again: run the same command once more",
        detail=rest or None,
    )


class _View:
    """Shows each host as a step of its own."""

    def __init__(self, steps: Steps, names: Sequence[str], total: int) -> None:
        self._steps = steps
        self._total = total
        self._rows: dict[str, Step] = {name: steps.start(name) for name in names}
        self._told = dict.fromkeys(names, 0.0)
        self._alive = stderr().is_terminal

    def show(self, host: HostTally | None) -> None:
        """Tell how far a host is; in a log only now and then."""
        if host is None or host.name not in self._rows:
            return
        now = time.monotonic()
        if self._alive or now - self._told[host.name] >= QUIET_SECONDS:
            self._told[host.name] = now
            self._steps.update(self._rows[host.name], f"{self._count(host)} · {host.task}")

    def end(self, tally: Tally, *, finished: bool) -> None:
        """Close every row."""
        for name, row in self._rows.items():
            host = tally.hosts.get(name)
            ok = finished and host is not None and host.good
            self._steps.end(row, ok=ok, detail=self._count(host) if host else "nothing was done")

    def _count(self, host: HostTally) -> str:
        of = f" of {max(self._total, host.done)}" if self._total else ""
        parts = [f"{host.done}{of} tasks", f"{host.changed} changed"]
        parts += [f"{host.failed} failed"] if host.failed else []
        parts += ["unreachable"] if host.unreachable else []
        return ", ".join(parts)
