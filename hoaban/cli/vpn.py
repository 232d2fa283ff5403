"""``hoaban vpn``."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

import typer
from rich.table import Table

from hoaban import model
from hoaban.cli.operation import JsonOption
from hoaban.cli.vpn_site import site
from hoaban.console import Steps, print_json, stderr, stdout
from hoaban.converge.console import CloudConsole
from hoaban.errors import HoabanError, ManyErrors, UsageError
from hoaban.inventory import sshconfig
from hoaban.inventory.fleet import Fleet
from hoaban.remote import Remote
from hoaban.vpn import rotate as rotation
from hoaban.vpn import status as states
from hoaban.workspace import Workspace

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",
    help="Tunnels between the sites and the data centre",
)
app.command()(site)


@app.command()
def status(
    hosts: Annotated[
        list[str] | None, typer.Argument(help="Only these hosts; all with tunnels unless told")
    ] = None,
    json_: JsonOption = False,
) -> None:
    """Show handshakes, traffic, BGP, and who holds the virtual address.

    Exit status 1 when a host can't be asked.

    Examples: `hoaban vpn status`, `hoaban vpn status son-la-vpn-1 --json`
    """
    workspace = Workspace.find()
    fleet = Fleet.read(workspace)
    known = rotation.hubs(fleet)
    for name in hosts or ():
        fleet.host(name)  # an unknown name has its own error
    chosen = hosts or known
    if not chosen:
        stderr().print("no host has tunnels: none has the service vpn_hub", markup=False)
    answers = states.ask(Remote(sshconfig.write(workspace, fleet)), chosen)
    if json_:
        print_json({"hosts": states.to_json(answers)})
    else:
        for host, answer in answers.items():
            if not isinstance(answer, HoabanError):
                _show(host, answer)
    errors = [answer for answer in answers.values() if isinstance(answer, HoabanError)]
    if errors:
        raise ManyErrors(errors)


@app.command()
def rotate(
    hosts: Annotated[
        list[str] | None, typer.Argument(help="Hosts whose tunnels get new keys")
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="All hosts with tunnels")] = False,
    routers: Annotated[
        bool,
        typer.Option(
            "--routers",
            help="Also where routers are not managed: they use other ways until told the new key",
        ),
    ] = False,
    interrupt: Annotated[
        bool, typer.Option("--interrupt", help="Also where traffic has no other way")
    ] = False,
    json_: JsonOption = False,
) -> None:
    """Replace keys and shared keys of tunnels, one after the other, without losing a packet.

    Traffic is led around a tunnel by BGP while both ends are changed, and then back.

    Examples: `hoaban vpn rotate son-la-vpn-1`, `hoaban vpn rotate --all --routers`
    """
    if bool(hosts) == everything:
        raise UsageError("which hosts?", mend="name some, or give --all")
    workspace = Workspace.find()
    console = CloudConsole(model.load(workspace.inventory).spec.cloud, workspace.inventory)
    with Steps(quiet=json_) as steps:
        done = rotation.rotate(
            workspace, hosts or (), console, steps, routers=routers, interrupt=interrupt
        )
    if json_:
        print_json({"rotated": [{"host": turn.host, "interface": turn.interface} for turn in done]})
    else:
        stdout().print(f"{len(done)} tunnels have new keys", markup=False)


def _show(host: str, answer: states.HubStatus) -> None:
    virtual = ", ".join(answer.virtual.addresses)
    held = "holds" if answer.virtual.held else "does not hold"
    title = f"{host}: {held} {virtual}" if virtual else host
    table = Table(box=None, pad_edge=False, header_style="bold", title=title, title_justify="left")
    for name in ("tunnel", "peer", "endpoint", "session", "received", "sent", "BGP"):
        table.add_column(name, justify="right" if name in ("received", "sent") else "left")
    for interface in answer.interfaces:
        for peer in interface.peers:
            routing = sorted(
                {
                    neighbour.state
                    for neighbour in answer.neighbours
                    if neighbour.interface == interface.name and neighbour.name == peer.name
                }
            )
            table.add_row(
                interface.name,
                peer.name,
                peer.endpoint or "—",
                _session(answer, peer),
                _bytes(peer.received_bytes),
                _bytes(peer.sent_bytes),
                ", ".join(routing) or "—",
            )
        if not interface.up:
            table.add_row(interface.name, "(the interface is down)")
    for neighbour in answer.neighbours:
        if neighbour.interface is None:
            table.add_row("(zone)", neighbour.name, neighbour.address, "", "", "", neighbour.state)
    stdout().print(table)


def _session(answer: states.HubStatus, peer: states.Peer) -> str:
    if peer.handshake is None:
        return "never"
    age = timedelta(seconds=max(0, answer.time - peer.handshake))
    return f"{age} ago" if answer.alive(peer) else f"none since {age}"


def _bytes(count: int) -> str:
    size, units = float(count), iter(("B", "KiB", "MiB", "GiB", "TiB"))
    unit = next(units)
    while size >= 1024 and unit != "TiB":  # noqa: PLR2004 - the step of these units
        size, unit = size / 1024, next(units)
    return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
