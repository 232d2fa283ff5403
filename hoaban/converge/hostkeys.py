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
from hoaban.converge.pins import (
    ConflictingKeysError,
    Pin,
    PinStore,
    fingerprint,
    keys_in,
    same_keys,
)
from hoaban.errors import HoabanError
from hoaban.inventory.fleet import Fleet
from hoaban.model.problems import raise_all

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from hoaban.console import Step, Steps
    from hoaban.converge.console import Console, Hindrance
    from hoaban.inventory.fleet import ManagedHost
    from hoaban.workspace import Workspace

INTERVAL_SECONDS: Final = 3.0
HINDRANCE_SECONDS: Final = 15.0  # between two looks at how the cloud has a silent server


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
    interval: float = INTERVAL_SECONDS,
) -> Pinned:
    """Pin the keys of all hosts of some stacks, waiting for those that have not booted yet.

    A host whose server is the one that was pinned costs no call to the cloud. A host is waited for
    as long as a first boot may take (``console.boot_seconds``), but not longer than the cloud says
    that there is something to wait for. Keys that came before the error are kept.
    """
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
            for host, pinned in _collect(wanted, console, interval, steps, step):
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
        try:
            written = _keys_of(host, console.output(host.output.server_id))
        except ConflictingKeysError as error:
            found[host.name] = error
            continue
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


def forget_stacks(workspace: Workspace, fleet: Fleet) -> None:
    """Remove the pins of stacks that are no more; hidden files are others', half written.

    A stack that ``fleet`` doesn't know may have been made since ``fleet`` was read, by another run.
    Its state is there before its first pin: what was listed before the states are read again, and
    is in none of them, belongs to nobody.
    """
    known = {state.key for state in fleet.states}
    unknown = [file for file in workspace.known_hosts.glob("[!.]*") if file.stem not in known]
    if not unknown:
        return
    standing = {state.key for state in Fleet.read(workspace).states}
    for file in unknown:
        if file.stem not in standing:
            file.unlink(missing_ok=True)


def _keys_of(host: ManagedHost, log: str) -> list[str]:
    """Host keys on a host's console; the refusal of two sets names the host."""
    try:
        return keys_in(log)
    except ConflictingKeysError as error:
        raise ConflictingKeysError(
            f"{host.name}: {error.what}", mend=error.mend, detail=error.detail
        ) from None


def _collect(
    hosts: Sequence[ManagedHost],
    console: Console,
    interval: float,
    steps: Steps,
    step: Step,
) -> Iterable[tuple[ManagedHost, Pin]]:
    """Hosts and their keys as they come; what is wrong with others is raised after the last."""
    refused: list[HoabanError] = []
    limit = console.boot_seconds
    deadline = time.monotonic() + limit
    look = 0.0  # when to ask next how the cloud has the servers
    waiting = list(hosts)
    with ThreadPoolExecutor(max_workers=8) as pool:
        while True:
            logs = list(pool.map(lambda host: console.output(host.output.server_id), waiting))
            left = []
            for host, log in zip(waiting, logs, strict=True):
                try:
                    keys = _keys_of(host, log)
                except ConflictingKeysError as error:
                    refused.append(error)
                    continue
                if keys:
                    yield host, Pin(server_id=host.output.server_id, keys=keys)
                else:
                    left.append((host, log))
            if not left:
                break
            if time.monotonic() >= look:
                look = time.monotonic() + HINDRANCE_SECONDS
                hindered = _hindrances(left, console, pool)
                if hindered:
                    raise_all([*refused, *hindered])
            if time.monotonic() >= deadline:
                raise_all([*refused, *(_silent(host, log, limit) for host, log in left)])
            waiting = [host for host, _ in left]
            names = ", ".join(host.name for host in waiting)
            done = len(hosts) - len(waiting) - len(refused)
            steps.update(
                step,
                f"{done} of {len(hosts)}; waiting at most {limit:.0f} s for the first boot of "
                f"{names}",
            )
            time.sleep(min(interval, max(0.0, deadline - time.monotonic())))
    raise_all(refused)


def _hindrances(
    left: Sequence[tuple[ManagedHost, str]], console: Console, pool: ThreadPoolExecutor
) -> list[HoabanError]:
    """Errors of hosts from which, as the cloud itself says, nothing will come."""
    found = pool.map(lambda one: console.hindrance(one[0].output.server_id), left)
    alike: dict[Hindrance, list[tuple[ManagedHost, str]]] = {}
    for one, hindrance in zip(left, found, strict=True):
        if hindrance is not None:
            alike.setdefault(hindrance, []).append(one)
    return [_hindered(hindrance, hosts) for hindrance, hosts in alike.items()]


def _hindered(hindrance: Hindrance, hosts: Sequence[tuple[ManagedHost, str]]) -> HoabanError:
    names = ", ".join(host.name for host, _ in hosts)
    verb = "writes no SSH host key on its console" if len(hosts) == 1 else "write no SSH host key"
    return HoabanError(
        f"{names} {verb}: {hindrance.what}", mend=hindrance.mend, detail=_shown(hosts[0][1])
    )


def _silent(host: ManagedHost, log: str, timeout: float) -> HoabanError:
    return HoabanError(
        f"{host.name} wrote no SSH host key on its console within {timeout:.0f} s",
        mend="look at how far its boot came; to try again: "
        f"hoaban converge {host.environment.agency or ''}".rstrip()
        + "; for a cloud that boots slowly: cloud.boot_seconds in inventory/province.yml",
        detail=_shown(log),
    )


def _shown(log: str) -> str:
    return tail(log) or "its console is empty"
