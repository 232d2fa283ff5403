"""Pins the SSH host keys of new servers, from what cloud-init writes on their consoles.

The console comes from the hypervisor, by the cloud's authenticated API: no network between here
and the server can change it. A key is pinned to a server's identifier, so it is replaced only when
the server was replaced.
"""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from hoaban.converge.console import tail
from hoaban.converge.pins import Pin, PinStore, fingerprint, keys_in, same_keys
from hoaban.errors import HoabanError, ManyErrors

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from hoaban.console import Step, Steps
    from hoaban.converge.console import Console
    from hoaban.inventory.fleet import Fleet, ManagedHost
    from hoaban.workspace import Workspace

TIMEOUT_SECONDS: Final = 900.0
INTERVAL_SECONDS: Final = 3.0


@dataclass(frozen=True, slots=True)
class Pinned:
    """Names of hosts, by what became of their keys."""

    new: list[str] = field(default_factory=list)
    replaced: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)
    dropped: list[str] = field(default_factory=list)


def pin(
    workspace: Workspace,
    fleet: Fleet,
    agencies: Iterable[str | None],
    console: Console,
    steps: Steps,
    *,
    timeout: float = TIMEOUT_SECONDS,
    interval: float = INTERVAL_SECONDS,
) -> Pinned:
    """Pin the keys of all hosts of some stacks, waiting for those that have not booted yet.

    A host whose server is the one that was pinned costs no call to the cloud.
    """
    _forget_stacks(workspace, fleet)
    result = Pinned()
    stores: dict[str, PinStore] = {}
    known: dict[str, dict[str, Pin]] = {}
    wanted: list[ManagedHost] = []
    for agency in agencies:
        hosts = fleet.hosts_of(agency)
        key = fleet.state_of(agency).key
        stores[key] = PinStore(workspace.known_hosts, key)
        old = stores[key].read()
        names = {host.name for host in hosts}
        result.dropped.extend(sorted(set(old) - names))
        known[key] = {}
        for host in hosts:
            pinned = old.get(host.name)
            if pinned is not None and pinned.server_id == host.output.server_id:
                known[key][host.name] = pinned
                result.kept.append(host.name)
            else:
                (result.new if pinned is None else result.replaced).append(host.name)
                wanted.append(host)
        if known[key] != old or not stores[key].known_hosts.is_file():
            stores[key].write(known[key])
    if wanted:
        with steps.step("Host keys from the console logs") as step:
            for host, pinned in _collect(wanted, console, timeout, interval, steps, step):
                pins = known[host.state.key]
                pins[host.name] = pinned
                stores[host.state.key].write(pins)
            step.detail = f"{len(wanted)} pinned"
    return result


def check(
    workspace: Workspace, hosts: Sequence[ManagedHost], console: Console
) -> Mapping[str, HoabanError]:
    """Compare pinned keys with the consoles again; what differs, by host."""
    found: dict[str, HoabanError] = {}
    for host in hosts:
        pinned = PinStore(workspace.known_hosts, host.state.key).read().get(host.name)
        if pinned is None or pinned.server_id != host.output.server_id:
            continue
        written = keys_in(console.output(host.output.server_id))
        if written and not same_keys(written, pinned.keys):
            found[host.name] = changed_key(workspace, host, pinned.keys, written)
    return found


def changed_key(
    workspace: Workspace, host: ManagedHost, pinned: Sequence[str], now: Sequence[str]
) -> HoabanError:
    """The refusal of a key that changed while the server did not."""
    store = PinStore(workspace.known_hosts, host.state.key).file
    lines = [f"pinned: {fingerprint(key)}" for key in pinned]
    lines += [f"now:    {fingerprint(key)}" for key in now]
    return HoabanError(
        f"{host.name} shows another SSH host key than the one pinned to this server",
        mend="somebody may stand between you and the server: find out before you trust it. "
        f"If it was reinstalled on purpose, remove {host.name} from {store} and run again",
        detail="\n".join(lines),
    )


def _forget_stacks(workspace: Workspace, fleet: Fleet) -> None:
    """Remove the pins of stacks that are no more."""
    known = {state.key for state in fleet.states}
    for file in workspace.known_hosts.glob("*"):
        if file.stem not in known:
            file.unlink()


def _collect(
    hosts: Sequence[ManagedHost],
    console: Console,
    timeout: float,
    interval: float,
    steps: Steps,
    step: Step,
) -> Iterable[tuple[ManagedHost, Pin]]:
    deadline = time.monotonic() + timeout
    waiting = list(hosts)
    with ThreadPoolExecutor(max_workers=8) as pool:
        while True:
            logs = list(pool.map(lambda host: console.output(host.output.server_id), waiting))
            left = []
            for host, log in zip(waiting, logs, strict=True):
                keys = keys_in(log)
                if keys:
                    yield host, Pin(server_id=host.output.server_id, keys=keys)
                else:
                    left.append((host, log))
            if not left:
                return
            if time.monotonic() >= deadline:
                raise ManyErrors([_silent(host, log, timeout) for host, log in left])
            waiting = [host for host, _ in left]
            names = ", ".join(host.name for host in waiting)
            done = len(hosts) - len(waiting)
            steps.update(step, f"{done} of {len(hosts)}; waiting for the first boot of {names}")
            time.sleep(interval)


def _silent(host: ManagedHost, log: str, timeout: float) -> HoabanError:
    return HoabanError(
        f"{host.name} wrote no SSH host key on its console within {timeout:.0f} s",
        mend=f"look at how far its boot came; to try again: hoaban converge "
        f"{host.environment.agency or ''}".rstrip(),
        detail=tail(log) or "its console is empty",
    )
