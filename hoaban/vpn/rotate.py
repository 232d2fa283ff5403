"""New keys for tunnels, one after the other, while traffic goes other ways.

What happens on the hosts is the role's (``tasks_from: rotate``); here it is decided which tunnels
are concerned and in which order: one interface at a time, so that every site keeps a way.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hoaban.converge.playbook import Run, play
from hoaban.converge.run import as_one, explain, prepare
from hoaban.converge.tally import Tally
from hoaban.errors import HoabanError
from hoaban.inventory.fleet import Fleet
from hoaban.vpn import keys, names

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from hoaban.console import Steps
    from hoaban.converge.console import Console
    from hoaban.workspace import Workspace

HUBS = "role_vpn_hub"
PLAYBOOK = "vpn_rotate.yml"
SERVICE = "vpn_hub"


@dataclass(frozen=True, slots=True)
class Turn:
    """One interface of one host, whose key is to be replaced."""

    host: str
    interface: str


def key_file(workspace: Workspace) -> Path:
    """Where public keys of managed hosts are noted."""
    return names.key_file(workspace.home)


def hubs(fleet: Fleet) -> list[str]:
    """Names of the hosts with tunnels, in the order of their names."""
    return sorted(host.name for host in fleet.hosts.values() if SERVICE in host.plan.services)


def turns(pins: keys.Pins, wanted: Sequence[str], known: Iterable[str]) -> list[Turn]:
    """The tunnels of the hosts ``wanted`` (all of ``known`` when none), host by host."""
    hosts = list(known)
    for name in wanted:
        if name not in hosts:
            raise HoabanError(
                f"{name} is not a host with tunnels",
                mend=f"there are: {', '.join(hosts) or 'none yet'}",
            )
    chosen = [name for name in hosts if not wanted or name in wanted]
    found = [Turn(host, name) for host in chosen for name in sorted(pins.get(host, {}))]
    missing = [host for host in chosen if not pins.get(host)]
    if missing or not found:
        raise HoabanError(
            f"no keys are known of {', '.join(missing) or 'any host'}",
            mend="make them first: hoaban converge",
        )
    return found


def rotate(
    workspace: Workspace,
    wanted: Sequence[str],
    console: Console,
    steps: Steps,
    *,
    routers: bool = False,
    interrupt: bool = False,
) -> list[Turn]:
    """Replace the keys of the named hosts' tunnels; what was replaced, in order.

    With ``routers`` also where other ends are not managed: they are without that tunnel until they
    are told the new key. With ``interrupt`` also where traffic has no other way.
    """
    fleet = Fleet.read(workspace)
    found = turns(keys.read(key_file(workspace)), wanted, hubs(fleet))
    door = prepare(workspace, fleet, None, console, steps)
    for turn in found:
        asked = {"host": turn.host, "interface": turn.interface}
        options = {"routers": routers, "interrupt": interrupt}
        run = Run(PLAYBOOK, HUBS, extra_vars={"hoaban_turn": {**asked, **options}})
        tally = Tally()
        with steps.step(f"{turn.host} {turn.interface}") as step:

            def tell(event: object, tally: Tally = tally, step: object = step) -> None:
                host = tally.take(event)  # type: ignore[arg-type]
                if host is not None:
                    steps.update(step, host.task)  # type: ignore[arg-type]

            log = play(workspace, run, tell)
            if tally.failures:
                raise as_one([explain(failure, door, log) for failure in tally.failures])
    return found
