"""``hoaban verify``."""

from __future__ import annotations

from typing import Annotated

import typer

from hoaban import model
from hoaban.console import Steps, print_json
from hoaban.converge.console import CloudConsole
from hoaban.errors import ExitCode
from hoaban.verify.run import verify as examine
from hoaban.verify.show import show
from hoaban.workspace import Workspace


def verify(
    agency: Annotated[
        str | None, typer.Argument(help="Slug of the agency; the province's own hosts unless told")
    ] = None,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="Show the evidence of passed checks too")
    ] = False,
    json_: Annotated[bool, typer.Option("--json", help="Print JSON")] = False,
) -> None:
    """Check on the running hosts what was promised. Exit status 1 when a check fails.

    Flows as the rules say (from inside and outside, IPv4 and IPv6), address plan, packet filter,
    SSH, accounts, time, volumes, updates, failed units. The result is kept for `hoaban report`.

    Examples: `hoaban verify so-y-te`, `hoaban verify so-y-te --json`
    """
    workspace = Workspace.find()
    console = CloudConsole(model.load(workspace.inventory).spec.cloud, workspace.inventory)
    with Steps(quiet=json_) as steps:
        report = examine(workspace, agency, console, steps)
    if json_:
        print_json(report.model_dump(mode="json"))
    else:
        show(report, verbose=verbose)
    if not report.ok:
        raise typer.Exit(int(ExitCode.ERROR))
