"""``hoaban update``."""

from __future__ import annotations

from typing import Annotated

import typer

from hoaban import model
from hoaban.cli.operation import AgenciesArgument, JsonOption, ProvisionedOption, provisioned
from hoaban.console import Steps, print_error, print_json
from hoaban.converge.console import CloudConsole
from hoaban.errors import ExitCode, UsageError, listed
from hoaban.update import run as updates
from hoaban.update.show import changes, failure, previewed, show
from hoaban.update.waves import USUAL
from hoaban.workspace import Workspace


def update(
    agencies: AgenciesArgument = None,
    everything: ProvisionedOption = False,
    host: Annotated[
        list[str] | None, typer.Option("--host", help="Only this host; may be given again")
    ] = None,
    security: Annotated[
        bool, typer.Option("--security", help="Only from Debian's archive of security updates")
    ] = False,
    serial: Annotated[
        str, typer.Option("--serial", help="Hosts of a wave at most, a number or a share")
    ] = USUAL,
    snapshot: Annotated[
        bool, typer.Option("--snapshot", help="Have each host's data backed up before")
    ] = False,
    reboot: Annotated[
        bool, typer.Option("--reboot/--no-reboot", help="Reboot hosts that want it")
    ] = True,
    check: Annotated[bool, typer.Option("--check", help="Change nothing, tell what would")] = False,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with the last update, which stopped")
    ] = False,
    json_: JsonOption = False,
) -> None:
    """Update the packages of servers in waves; stops at the first wave that is not well.

    Hosts of one tier, server group or service are never in one wave. Before and after its update
    a wave must answer, have no failed unit, keep time and let every allowed flow through. Hosts
    that want a reboot get it, and have to come back with their pinned key.

    Examples: `hoaban update so-y-te --security`, `hoaban update --all --serial 3 --snapshot`,
    `hoaban update --all --check`, `hoaban update --resume`
    """
    workspace = Workspace.find()
    if resume and (agencies or everything or host or check or security or snapshot):
        raise UsageError("--resume goes on with what was asked for then", mend="leave all else out")
    console = CloudConsole(model.load(workspace.inventory).spec.cloud, workspace.inventory)
    with Steps(quiet=json_) as steps:
        if resume:
            journal = updates.resume(workspace, console, steps)
        else:
            stacks = provisioned(workspace, agencies, everything)
            wanted = updates.Wanted(stacks, security, serial, snapshot, reboot, host or ())
            if check:
                found = updates.preview(workspace, wanted, console, steps)
            else:
                journal = updates.update(workspace, wanted, console, steps)
    if check:
        print_json(previewed(found)) if json_ else changes(found, {})
        return
    error = failure(journal)
    if json_:
        print_json({**journal.model_dump(mode="json"), "errors": listed(error)})
    else:
        show(journal)
    if error is not None:
        if not json_:
            print_error(error)
        raise typer.Exit(int(ExitCode.ERROR))
