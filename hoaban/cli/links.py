"""``hoaban links``."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from hoaban.console import print_json, stderr, stdout
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


@app.command()
def report(
    month: Annotated[str, typer.Option(help="Such as 2026-11, in UTC")],
    output: Annotated[
        Path | None, typer.Option(help="Folder to write to; the workspace's reports unless told")
    ] = None,
    json_: Json = False,
) -> None:
    """Write what each circuit was like in a month against what was promised, page and JSON.

    The hubs' own measurements are asked for; a hub that does not answer is left out, and said.

    Example: `hoaban links report --month 2026-11`
    """
    # Only here: the list needs neither the stacks' state nor SSH.
    from hoaban.inventory import sshconfig  # noqa: PLC0415
    from hoaban.inventory.fleet import Fleet  # noqa: PLC0415
    from hoaban.remote import Remote  # noqa: PLC0415
    from hoaban.report.links import write  # noqa: PLC0415
    from hoaban.vpn import measured, quality  # noqa: PLC0415

    workspace = Workspace.find()
    province = load(workspace.inventory)
    quality.month_of(month)
    fleet = Fleet.read(workspace)
    remote = Remote(sshconfig.write(workspace, fleet))
    found, silent = measured.collect(remote, fleet, month)
    judged = quality.judge(province, month, found, datetime.now(UTC))
    written = write(output or workspace.reports / "links", province, month, judged)
    for host, why in silent.items():
        stderr().print(f"left out: {host}: {why}", markup=False)
    if json_:
        circuits_ = [one.model_dump(mode="json") for one in judged]
        print_json({"month": month, "circuits": circuits_, "files": [str(p) for p in written]})
        return
    for path in written:
        stdout().print(f"written: {path}", markup=False)
