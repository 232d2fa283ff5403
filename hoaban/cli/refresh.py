"""``hoaban refresh``."""

from __future__ import annotations

from typing import Annotated

import typer

from hoaban.cli.operation import AgencyArgument, JsonOption, result_json, target_of
from hoaban.console import print_json, stdout
from hoaban.engine.api import Options
from hoaban.errors import DriftError
from hoaban.provision import operations
from hoaban.provision.display.progress import Progress
from hoaban.provision.display.tree import render_changes
from hoaban.provision.engines import engine_for


def refresh(
    agency: AgencyArgument = None,
    expect_no_changes: Annotated[
        bool, typer.Option("--expect-no-changes", help="Exit status 4 when something was changed")
    ] = False,
    json_: JsonOption = False,
) -> None:
    """Read the cloud into the state, and show what was changed by hand.

    The cloud is left as it is: `hoaban up` makes it again as the inventory says.

    Examples: `hoaban refresh`, `hoaban refresh xa-long-sap --expect-no-changes`
    """
    what = target_of(agency)
    with Progress(f"Reading {what.stack_name}", quiet=json_) as progress:
        result = operations.refresh(what, engine_for(), progress.handle, options=Options())
    if json_:
        print_json(result_json(result))
    else:
        stdout().print(render_changes(progress.board))
        stdout().print(progress.summary())
    if expect_no_changes and result.changed:
        raise typer.Exit(int(DriftError.exit_code))
