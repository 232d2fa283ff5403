"""``hoaban verify``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from hoaban import model
from hoaban.cli.operation import (
    AgenciesArgument,
    Failures,
    JsonOption,
    ParallelOption,
    ProvisionedOption,
    name_of,
    provisioned,
)
from hoaban.console import Steps, print_json, stdout
from hoaban.converge.console import CloudConsole
from hoaban.errors import ExitCode, HoabanError, listed
from hoaban.sidebyside import each
from hoaban.verify.run import verify as examine
from hoaban.verify.show import in_short, show
from hoaban.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hoaban.verify.model import VerifyReport


def verify(
    agencies: AgenciesArgument = None,
    everything: ProvisionedOption = False,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="Show the evidence of passed checks too")
    ] = False,
    parallel: ParallelOption = None,
    json_: JsonOption = False,
) -> None:
    """Check on the running hosts what was promised. Exit status 1 when a check fails.

    Flows as the rules say (from inside and outside, IPv4 and IPv6), address plan, packet filter,
    SSH, accounts, time, volumes, updates, failed units. The result is kept for `hoaban report`.
    Of several stacks, those are shown in full that did not pass.

    Examples: `hoaban verify so-y-te`, `hoaban verify so-y-te --json`, `hoaban verify --all`
    """
    workspace = Workspace.find()
    stacks = provisioned(workspace, agencies, everything)
    console = CloudConsole(model.load(workspace.inventory).spec.cloud, workspace.inventory)
    if everything or len(stacks) > 1:
        _many(workspace, stacks, console, parallel, verbose=verbose, json_=json_)
        return
    with Steps(quiet=json_) as steps:
        report = examine(workspace, stacks[0], console, steps)
    if json_:
        print_json(report.model_dump(mode="json"))
    else:
        show(report, verbose=verbose)
    if not report.ok:
        raise typer.Exit(int(ExitCode.ERROR))


def _many(
    workspace: Workspace,
    stacks: Sequence[str | None],
    console: CloudConsole,
    parallel: int | None,
    *,
    verbose: bool,
    json_: bool,
) -> None:
    by_name = {name_of(stack): stack for stack in stacks}
    results = each(
        "Verifying",
        list(by_name),
        lambda name: examine(workspace, by_name[name], console, Steps(quiet=True)),
        lambda report: (report.ok, in_short(report)),
        parallel=parallel,
        quiet=json_,
    )
    failures = Failures()
    good = True
    for name, result in results.items():
        if isinstance(result, HoabanError):
            failures.add(name, result)
        else:
            good = good and result.ok
            if not json_ and (verbose or not result.ok):
                stdout().print(f"\n[bold]{name}[/]")
                show(result, verbose=verbose)
    if json_:
        print_json([_entry(by_name[name], result) for name, result in results.items()])
    failures.tell(quiet=json_)
    if not good:
        raise typer.Exit(int(ExitCode.ERROR))


def _entry(agency: str | None, result: VerifyReport | HoabanError) -> dict[str, object]:
    if isinstance(result, HoabanError):
        return {"agency": agency, "errors": listed(result)}
    return {**result.model_dump(mode="json"), "errors": []}
