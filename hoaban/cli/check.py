"""``hoaban check``."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from hoaban.console import print_json, stdout
from hoaban.model import load
from hoaban.model.summary import summarise
from hoaban.workspace import Workspace


def check(
    json_: Annotated[bool, typer.Option("--json", help="Print JSON")] = False,
) -> None:
    """Validate the inventory: each file, what they say of each other, and the address plan.

    Tells all errors at once, each with file, line, key and mend. Example: `hoaban check --json`
    """
    workspace = Workspace.find()
    workspace.link_toolkit()
    summary = summarise(load(workspace.inventory))
    if json_:
        print_json(asdict(summary))
        return
    kinds = ", ".join(f"{count} {kind}" for kind, count in summary.agencies_by_kind.items())
    out = stdout()
    out.print(f"[green]ok[/] {summary.province}: {summary.agencies} agencies ({kinds or 'none'})")
    out.print(
        f"   {summary.systems} systems, {summary.hosts} hosts "
        f"({summary.vcpus} vCPU, {summary.ram_mb / 1024:.1f} GiB RAM), "
        f"{summary.volumes} volumes ({summary.volumes_gb} GiB)"
    )
    out.print(
        f"   {summary.networks} networks, {summary.security_groups} security groups, "
        f"{summary.rules} rules"
    )
    used = ", ".join(f"{name} {use.given} of {use.capacity}" for name, use in summary.pools.items())
    out.print(f"   address pools: {used}; no two networks overlap; {summary.retired} retired")
