"""``hoaban report``."""

from __future__ import annotations

from typing import Annotated

import typer

from hoaban import model
from hoaban.console import print_json, stderr, stdout
from hoaban.report.write import write
from hoaban.workspace import Workspace


def report(
    agency: Annotated[
        str | None, typer.Argument(help="Slug of the agency; the province's own hosts unless told")
    ] = None,
    json_: Annotated[bool, typer.Option("--json", help="Print the report as JSON")] = False,
) -> None:
    """Write the handover report from the latest verification: one HTML page, and JSON.

    The page says plainly when a check failed, or when the environment has changed since.

    Examples: `hoaban report so-y-te`, `hoaban report so-y-te --json`
    """
    workspace = Workspace.find()
    written = write(workspace, model.load(workspace.inventory), agency)
    if json_:
        print_json(written.handover.model_dump(mode="json"))
        return
    if written.handover.stale:
        stderr().print("the environment has changed since it was verified: hoaban verify")
    stdout().print(str(written.page), markup=False)
    stdout().print(str(written.data), markup=False)
