"""``hoaban converge``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from hoaban import model
from hoaban.cli.operation import (
    AgenciesArgument,
    Failures,
    JsonOption,
    ProvisionedOption,
    name_of,
    provisioned,
)
from hoaban.console import Steps, print_json, stdout
from hoaban.converge.console import CloudConsole
from hoaban.converge.many import converge_stacks
from hoaban.converge.playbook import Transport
from hoaban.converge.run import converge as configure
from hoaban.errors import HoabanError, UsageError, listed
from hoaban.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hoaban.converge.run import Converged


def converge(
    agencies: AgenciesArgument = None,
    everything: ProvisionedOption = False,
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
    json_: JsonOption = False,
) -> None:
    """Configure the servers of agencies, or of the province: keys pinned, playbook run.

    Agencies are configured by one run of Ansible, the province's own hosts before it.

    Examples: `hoaban converge`, `hoaban converge so-y-te --check --diff`, `hoaban converge --all`
    """
    workspace = Workspace.find()
    stacks = provisioned(workspace, agencies, everything)
    if host and (everything or len(stacks) > 1):
        raise UsageError(
            "--host goes with one stack only",
            mend="name one agency, or none for the province's own hosts",
        )
    console = CloudConsole(model.load(workspace.inventory).spec.cloud, workspace.inventory)
    how: dict[str, Any] = {"check": check, "diff": diff, "tags": tags or ()}
    how["transport"] = transport
    with Steps(quiet=json_) as steps:
        if not everything and len(stacks) == 1:
            one = configure(workspace, stacks[0], console, steps, hosts=host or (), **how)
            results: dict[str | None, Converged | HoabanError] = {stacks[0]: one}
        else:
            results = converge_stacks(workspace, stacks, console, steps, **how)
    _tell(results, check=check, json_=json_, one=not everything and len(stacks) == 1)


def _tell(
    results: Mapping[str | None, Converged | HoabanError], *, check: bool, json_: bool, one: bool
) -> None:
    failures, entries = Failures(), []
    hosts = changed = 0
    seconds = 0.0
    word = "would change" if check else "changed"
    for stack, result in results.items():
        if isinstance(result, HoabanError):
            failures.add(name_of(stack), result)
            entries.append({"agency": stack, "errors": listed(result)})
            continue
        entries.append({"agency": stack, **result.to_json(), "errors": []})
        hosts += len(result.hosts)
        changed += result.changed
        seconds = max(seconds, result.seconds)
        for name, host in result.hosts.items() if not json_ else ():
            for task in host.changes:
                stdout().print(f"{name}: {word}: {task}", markup=False)
    if json_:
        print_json(entries[0] if one else entries)
    else:
        what = "changes to make" if check else "changed"
        stdout().print(f"{hosts} hosts, {changed} {what}, {seconds:.0f} s")
    failures.tell(quiet=json_)
