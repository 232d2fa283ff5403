"""Configures the hosts of many agencies by one run of Ansible.

One run, because Ansible itself works on hosts side by side, up to its forks, while every further
run would load its plugins and compile its modules anew. A host that fails leaves the run and stops
no other; an agency one of whose hosts can't be reached is left out as a whole.
"""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from hoaban.console import Steps
from hoaban.converge.hostkeys import pin
from hoaban.converge.playbook import Run, Transport, count_tasks, play
from hoaban.converge.run import (
    QUIET_SECONDS,
    Converged,
    as_one,
    converge,
    explain,
    prepare,
    untouched,
)
from hoaban.converge.tally import Tally
from hoaban.errors import HoabanError
from hoaban.inventory.fleet import Fleet
from hoaban.inventory.variables import stack_group

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from hoaban.console import Step
    from hoaban.converge.console import Console
    from hoaban.converge.reach import Door
    from hoaban.inventory.fleet import ManagedHost
    from hoaban.workspace import Workspace

PLAYBOOK = "agency.yml"
STACKS_AT_ONCE = 8
"""Of how many stacks the first boot is awaited at once."""


def converge_stacks(
    workspace: Workspace,
    stacks: Sequence[str | None],
    console: Console,
    steps: Steps,
    **how: Any,
) -> dict[str | None, Converged | HoabanError]:
    """What each stack's part came to: the foundation's (None) first, which the agencies need.

    ``how`` is what :func:`converge_many` takes. An error of the foundation doesn't keep the
    agencies from being tried, and what concerns all agencies is told of each of them.
    """
    results: dict[str | None, Converged | HoabanError] = {}
    if None in stacks:
        try:
            results[None] = converge(workspace, None, console, steps, **how)
        except HoabanError as error:
            results[None] = error
    agencies = [stack for stack in stacks if stack is not None]
    if agencies:
        try:
            results.update(converge_many(workspace, agencies, console, steps, **how))
        except HoabanError as error:
            results.update(dict.fromkeys(agencies, error))
    return results


def converge_many(
    workspace: Workspace,
    agencies: Sequence[str],
    console: Console,
    steps: Steps,
    *,
    check: bool = False,
    diff: bool = False,
    tags: Sequence[str] = (),
    transport: Transport = Transport.MITOGEN,
) -> dict[str, Converged | HoabanError]:
    """What each agency's part came to, in the order given: what was done, or why not.

    Raises what concerns all of them: an agency that was never provisioned, a bastion that does not
    answer, a playbook that does not start.
    """
    started = time.monotonic()
    fleet = Fleet.read(workspace)
    hosts = {agency: fleet.hosts_of(agency) for agency in agencies}
    wrong, door = _open(workspace, fleet, hosts, console, steps)
    chosen = [host for agency, of in hosts.items() if agency not in wrong for host in of]
    tally, log = Tally(), None
    if chosen:
        groups = {stack_group(host.state): None for host in chosen}
        run = Run(PLAYBOOK, ":".join(groups), check, diff, tuple(tags), transport)
        with steps.step(f"Configuring {len(chosen)} hosts of {len(groups)} agencies") as step:
            total = count_tasks(workspace, run) * len(chosen)
            log = play(workspace, run, _view(tally, steps, step, total))
            steps.update(step, _summary(tally, len(chosen)))
        for name, errors in _failures(tally, chosen, run, door, log).items():
            agency = fleet.host(name).environment.agency
            assert agency is not None  # noqa: S101 (the province's hosts are not among them)
            wrong.setdefault(agency, []).extend(errors)
    seconds = time.monotonic() - started
    return {
        agency: as_one(wrong[agency])
        if agency in wrong
        else Converged({host.name: tally.hosts[host.name] for host in of}, seconds, log)
        for agency, of in hosts.items()
    }


def _open(
    workspace: Workspace,
    fleet: Fleet,
    hosts: Mapping[str, Sequence[ManagedHost]],
    console: Console,
    steps: Steps,
) -> tuple[dict[str, list[HoabanError]], Door]:
    """Pin keys and log in everywhere; why that failed, by agency."""
    door = prepare(workspace, fleet, None, console, steps)
    wrong: dict[str, list[HoabanError]] = {}
    with steps.step(f"Host keys of {len(hosts)} agencies") as step:
        left = set(hosts)

        def keys_of(agency: str) -> None:
            try:
                pinned = pin(workspace, fleet, [agency], console, Steps(quiet=True))
            except HoabanError as error:
                wrong[agency] = [error]
            else:
                for name in pinned.replaced:
                    door.remote.close(name)
            left.discard(agency)
            steps.update(step, f"{len(hosts) - len(left)} of {len(hosts)}")

        with ThreadPoolExecutor(STACKS_AT_ONCE) as pool:
            list(pool.map(keys_of, hosts))
    asked = [host for agency, of in hosts.items() if agency not in wrong for host in of]
    for name, error in door.closed(asked, steps).items():
        agency = fleet.host(name).environment.agency
        assert agency is not None  # noqa: S101 (a closed bastion is raised)
        wrong.setdefault(agency, []).append(error)
    return wrong, door


def _failures(
    tally: Tally, chosen: Sequence[ManagedHost], run: Run, door: Door, log: Path
) -> dict[str, list[HoabanError]]:
    """What went wrong in the run, by host."""
    found: dict[str, list[HoabanError]] = {}
    for failure in tally.failures:
        found.setdefault(failure.host, []).append(explain(failure, door, log))
    for host in chosen:
        if host.name not in tally.hosts:
            found[host.name] = [untouched(run, [host.name], log)]
    return found


def _view(
    tally: Tally, steps: Steps, step: Step, total: int
) -> Callable[[Mapping[str, Any]], None]:
    """Takes events and tells, now and then, how far the whole is."""
    told = time.monotonic()

    def take(event: Mapping[str, Any]) -> None:
        nonlocal told
        host = tally.take(event)
        if host is None or time.monotonic() - told < QUIET_SECONDS:
            return
        told = time.monotonic()
        done = sum(one.done for one in tally.hosts.values())
        steps.update(step, f"{done} of {max(total, done)} tasks · {host.task}")

    return take


def _summary(tally: Tally, hosts: int) -> str:
    changed = sum(host.changed for host in tally.hosts.values())
    failed = sum(not host.good for host in tally.hosts.values())
    return f"{hosts - failed} of {hosts} hosts, {changed} changed"
