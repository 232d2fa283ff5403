"""``hoaban status``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from hoaban import model
from hoaban.cli.operation import JsonOption
from hoaban.console import print_json, stderr, stdout
from hoaban.errors import UsageError
from hoaban.inventory.fleet import Fleet
from hoaban.live import servers
from hoaban.provision.target import standing
from hoaban.workspace import Workspace

if TYPE_CHECKING:
    from hoaban.engine.embedded.backend import StackName
    from hoaban.inventory.fleet import ManagedHost


def status(
    agencies: Annotated[
        list[str] | None, typer.Argument(help="Only these agencies; every stack unless told")
    ] = None,
    everything: Annotated[
        bool, typer.Option("--all", help="Every stack, as without a name")
    ] = False,
    live: Annotated[bool, typer.Option("--live", help="Ask the cloud how the servers are")] = False,
    json_: JsonOption = False,
) -> None:
    """Show stacks and their servers, from the state; with `--live` as the cloud has them too.

    Examples: `hoaban status`, `hoaban status xa-long-sap --live`
    """
    if agencies and everything:
        raise UsageError("--all goes without names", mend="leave out --all, or the names")
    workspace = Workspace.find()
    fleet = Fleet.read(workspace)
    hosts = list(fleet.hosts.values())
    if agencies:
        hosts = [host for agency in dict.fromkeys(agencies) for host in fleet.hosts_of(agency)]
    states = {}
    if live:
        states = servers(model.load(workspace.inventory), workspace, hosts)
    rows = [_row(fleet, host, states) for host in hosts]
    unfinished = _half_built(fleet, workspace, agencies)
    if json_:
        names = [f"{name.project}/{name.stack}" for name in unfinished]
        print_json({"hosts": rows, "unfinished": names})
        return
    if not (rows or unfinished):
        stderr().print("nothing is provisioned yet; begin with: hoaban up", markup=False)
    for name in unfinished:
        stderr().print(
            f"{name.project}/{name.stack} is half built; to go on: {name.command('up')}, "
            f"to remove it: {name.command('destroy')}",
            markup=False,
        )
    if rows:
        _show(rows, live=live)


def _half_built(fleet: Fleet, workspace: Workspace, agencies: list[str] | None) -> list[StackName]:
    """What an update that failed or was interrupted began; it has no hosts to show yet."""
    whole = {(state.project, state.stack) for state in fleet.states}
    return [
        name
        for name in standing(workspace)
        if (name.project, name.stack) not in whole and (not agencies or name.stack in agencies)
    ]


def _show(rows: list[dict[str, Any]], *, live: bool) -> None:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in ("stack", "updated", "host", "size", "IPv4", "IPv6", "reached at"):
        table.add_column(title, overflow="fold")
    if live:
        table.add_column("server")
    keys = ["stack", "updated", "host", "size", "ipv4", "ipv6", "reached_at"]
    for row in rows:
        table.add_row(*(str(row[key]) for key in [*keys, *(["server"] if live else [])]))
    stdout().print(table)


def _row(fleet: Fleet, host: ManagedHost, states: dict[str, str]) -> dict[str, Any]:
    state = host.state
    row = {
        "stack": f"{state.project}/{state.stack}",
        "version": state.version,
        "updated": f"{state.updated:%Y-%m-%d %H:%M}",
        "host": host.name,
        "fqdn": host.plan.fqdn,
        "size": host.plan.size_name,
        "ipv4": str(host.plan.ipv4),
        "ipv6": str(host.plan.ipv6),
        "reached_at": fleet.address_of(host),
    }
    return row | ({"server": states.get(host.output.server_id, "GONE")} if states else {})
