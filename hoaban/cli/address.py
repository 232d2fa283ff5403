"""``hoaban address``."""

from __future__ import annotations

from typing import Annotated

import typer

from hoaban.console import print_json, stdout
from hoaban.model import ledgerfile, load
from hoaban.model.allocation import label
from hoaban.model.listing import given_networks, retired_entries
from hoaban.model.standing import held
from hoaban.workspace import Workspace

app = typer.Typer(add_completion=False, rich_markup_mode="markdown", no_args_is_help=True)
Json = Annotated[bool, typer.Option("--json", help="Print JSON")]


@app.command()
def allocate(json_: Json = False) -> None:
    """Give addresses to all that has none yet; nobody else's change.

    Example: `hoaban address allocate`
    """
    given = ledgerfile.allocate(Workspace.find().inventory)
    if json_:
        print_json({"allocated": [{"name": label(key), "kind": key.kind} for key in given]})
        return
    for key in given:
        stdout().print(f"allocated: {key}")
    stdout().print(f"{len(given)} allocated")


@app.command()
def show(
    agency: Annotated[str | None, typer.Argument(help="Only this agency's")] = None,
    retired: Annotated[
        bool, typer.Option("--retired", help="Only what has left the inventory")
    ] = False,
    json_: Json = False,
) -> None:
    """List the networks of the address plan, or the entries that are kept for nobody.

    Examples: `hoaban address show xa-long-sap`, `hoaban address show --retired`
    """
    province = load(Workspace.find().inventory)
    if retired:
        entries = retired_entries(province, agency)
        if json_:
            print_json({"retired": entries})
            return
        for entry in entries:
            stdout().print(entry, markup=False)
        return
    segments = given_networks(province, agency)
    if json_:
        print_json(
            {
                "networks": [
                    {"name": one.name, "owner": one.owner, **one.networks._asdict()}
                    for one in segments
                ]
            }
        )
        return
    for one in segments:
        stdout().print(f"{one.networks.ipv4!s:18} {one.networks.ipv6!s:28} {one.name}")


@app.command()
def release(
    names: Annotated[list[str], typer.Argument(help="As `hoaban address show --retired` says")],
    json_: Json = False,
) -> None:
    """Free what has left the inventory, so that its addresses can be given to others.

    Refused while a stack still has any of them: servers, networks, or rules that let them through.

    Example: `hoaban address release xa-cu`
    """
    workspace = Workspace.find()
    freed = ledgerfile.release(workspace.inventory, names, held(workspace.backend))
    if json_:
        print_json({"released": [label(key) for key in freed]})
        return
    for key in freed:
        stdout().print(f"released: {key}")
