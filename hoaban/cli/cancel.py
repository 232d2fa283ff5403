"""``hoaban cancel``."""

from __future__ import annotations

import typer

from hoaban.cli.operation import AgencyArgument, JsonOption, YesOption, target_of
from hoaban.console import print_json, stdout
from hoaban.engine.embedded import lock
from hoaban.engine.embedded.backend import Backend, StackName


def cancel(
    agency: AgencyArgument = None, yes: YesOption = False, json_: JsonOption = False
) -> None:
    """Release a stack's lock, whoever holds it.

    An operation that died is taken over without this. One that lives finds out before its next
    write or call to the cloud, and stops. The next `hoaban up` finds what it made, and goes on.

    Examples: `hoaban cancel`, `hoaban cancel xa-long-sap`
    """
    what = target_of(agency)
    backend, name = Backend(what.workspace.backend), StackName(what.project, what.stack_name)
    found = lock.holders(backend, name)
    alive = [holder for holder in found if not holder.dead]
    if alive and not yes:
        for holder in alive:
            typer.echo(f"not known to be dead: {holder}", err=True)
        typer.confirm("Release its lock all the same?", default=False, abort=True, err=True)
    released = lock.release(backend, name)
    if json_:
        print_json({"stack": str(name), "released": [str(holder) for holder in released]})
    elif released:
        for holder in released:
            stdout().print(f"released: {holder}", markup=False)
    else:
        stdout().print(f"{name} is not locked")
