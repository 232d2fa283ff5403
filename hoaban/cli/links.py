"""``hoaban links``."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.table import Table

from hoaban.console import print_json, stdout
from hoaban.model import load
from hoaban.model.listing import circuits
from hoaban.workspace import Workspace

app = typer.Typer(add_completion=False, rich_markup_mode="markdown")
Json = Annotated[bool, typer.Option("--json", help="Print JSON")]


@app.callback(invoke_without_command=True)
def links(
    context: typer.Context,
    agency: Annotated[str | None, typer.Option(help="Only the offices of this agency")] = None,
    json_: Json = False,
) -> None:
    """List the circuits of the offices: provider, number, bandwidth and what was promised.

    Examples: `hoaban links`, `hoaban links --agency xa-long-sap --json`
    """
    if context.invoked_subcommand is not None:
        return
    rows = circuits(load(Workspace.find().inventory), agency)
    if json_:
        print_json({"circuits": rows})
        return
    table = Table(box=None, pad_edge=False)
    for heading in ("site", "role", "provider", "circuit", "kind", "down/up", "SLA"):
        table.add_column(heading, overflow="fold")
    for row in rows:
        sla = row["sla"]
        table.add_row(
            row["site"],
            row["role"] or "none yet",
            row["provider"],
            row["circuit"],
            row["kind"],
            f"{row['down_mbps']}/{row['up_mbps']} Mbit/s" if row["role"] else "",
            f"{sla['availability']} %, {sla['latency_ms']} ms, {sla['loss']} %" if sla else "",
        )
    stdout().print(table)
