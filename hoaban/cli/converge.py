"""``hoaban converge``."""

from __future__ import annotations

from typing import Annotated

import typer

from hoaban import model
from hoaban.console import Steps, print_json, stdout
from hoaban.converge.console import CloudConsole
from hoaban.converge.playbook import Transport
from hoaban.converge.run import converge as configure
from hoaban.workspace import Workspace


def converge(
    agency: Annotated[
        str | None, typer.Argument(help="Slug of the agency; the province's own hosts unless told")
    ] = None,
    host: Annotated[
        list[str] | None, typer.Option("--host", help="Only this host; may be given again")
    ] = None,
    tags: Annotated[
        list[str] | None, typer.Option("--tags", help="Only tasks with this tag")
    ] = None,
    check: Annotated[bool, typer.Option("--check", help="Change nothing, tell what would")] = False,
    diff: Annotated[bool, typer.Option("--diff", help="Show changes of files in the log")] = False,
    transport: Annotated[
        Transport, typer.Option(help="How tasks reach hosts: mitogen is several times faster")
    ] = Transport.MITOGEN,
    json_: Annotated[bool, typer.Option("--json", help="Print JSON")] = False,
) -> None:
    """Configure the servers of an agency, or of the province: keys pinned, playbook run.

    Examples: `hoaban converge`, `hoaban converge so-y-te --check --diff`
    """
    workspace = Workspace.find()
    console = CloudConsole(model.load(workspace.inventory).spec.cloud, workspace.inventory)
    with Steps(quiet=json_) as steps:
        result = configure(
            workspace,
            agency,
            console,
            steps,
            check=check,
            diff=diff,
            hosts=host or (),
            tags=tags or (),
            transport=transport,
        )
    if json_:
        print_json(result.to_json())
        return
    word = "would change" if check else "changed"
    for name, one in result.hosts.items():
        for task in one.changes:
            stdout().print(f"{name}: {word}: {task}", markup=False)
    stdout().print(
        f"{len(result.hosts)} hosts, {result.changed} {'changes to make' if check else 'changed'}, "
        f"{result.seconds:.0f} s"
    )
