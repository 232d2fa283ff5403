"""``hoaban quickstart``."""

from __future__ import annotations

from typing import Annotated

import typer

from hoaban.cli.up import tell
from hoaban.console import stdout
from hoaban.errors import ExitCode
from hoaban.quickstart import Clock
from hoaban.quickstart import quickstart as run
from hoaban.workspace import Workspace


def quickstart(
    agency: Annotated[str, typer.Argument(help="Slug of an agency")] = "xa-long-sap",
) -> None:
    """From nothing to a handover report, on an OpenStack of this machine's own.

    Brings up the lab, builds the guest image, provisions the province's foundation and one agency,
    configures the servers, checks every promise, writes the report. Can be run again.

    Example: `hoaban quickstart xa-long-sap`
    """
    clock = Clock()
    deliveries = run(Workspace.find(), agency, clock)
    out = stdout()
    out.print()
    for part, seconds in clock.seconds.items():
        out.print(f"  {part:<36}{seconds:>7.0f} s", markup=False)
    for delivery in deliveries:
        for phase, seconds in delivery.seconds.items():
            name = f"  {phase} {delivery.target.stack_name}"
            out.print(f"  {name:<36}{seconds:>7.0f} s", markup=False)
    for delivery in deliveries:
        tell(delivery)
    out.print("\nNext: hoaban status, hoaban ssh HOST, hoaban plan xa-long-sap, hoaban --help")
    if not all(delivery.ok for delivery in deliveries):
        raise typer.Exit(int(ExitCode.ERROR))
