"""``hoaban plan``."""

from __future__ import annotations

from typing import Annotated

import typer

from hoaban.cli.operation import AgencyArgument, JsonOption, TargetOption, result_json, target_of
from hoaban.console import print_json, stderr, stdout
from hoaban.engine.api import Options
from hoaban.errors import DriftError
from hoaban.provision import operations
from hoaban.provision.display.progress import Progress
from hoaban.provision.display.tree import render_changes
from hoaban.provision.engines import EngineName, engine_for


def plan(
    agency: AgencyArgument = None,
    refresh: Annotated[
        bool, typer.Option("--refresh", help="Read the cloud first, to see changes by hand")
    ] = False,
    expect_no_changes: Annotated[
        bool, typer.Option("--expect-no-changes", help="Exit status 4 when anything would change")
    ] = False,
    target: TargetOption = None,
    engine: Annotated[EngineName, typer.Option(help="Which engine plans")] = EngineName.AUTO,
    json_: JsonOption = False,
) -> None:
    """Show what provisioning would change, and what it would lose.

    Examples: `hoaban plan`, `hoaban plan xa-long-sap --refresh`
    """
    what = target_of(agency)
    options = Options(refresh=refresh, targets=tuple(target or ()))
    with Progress(f"Planning {what.stack_name}", quiet=json_) as progress:
        planned = operations.plan(what, engine_for(engine), progress.handle, options=options)
    losses = [str(loss) for loss in planned.losses]
    if json_:
        print_json(
            {
                **result_json(planned.result),
                "losses": losses,
                "protected": planned.protected,
                "unchecked": planned.unchecked,
            }
        )
    else:
        stdout().print(render_changes(progress.board))
        stdout().print(progress.summary(planned=True))
        for loss in losses:
            stdout().print(f"[bold red]loses data:[/] {loss}")
        for line in planned.unchecked:
            stderr().print(f"not checked: {line}", markup=False)
    if expect_no_changes and planned.result.changed:
        raise typer.Exit(int(DriftError.exit_code))
