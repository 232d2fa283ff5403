"""``hoaban up``."""

from __future__ import annotations

from typing import Annotated

import typer

from hoaban.cli.operation import (
    AllowReplaceOption,
    DeleteDataOption,
    JsonOption,
    TargetOption,
    YesOption,
    consent,
    result_json,
    target_of,
)
from hoaban.console import print_json, stdout
from hoaban.delivery import deliver, provision
from hoaban.engine.api import Options
from hoaban.errors import ExitCode, UsageError
from hoaban.provision.engines import EngineName, engine_for
from hoaban.verify.model import Status


def up(
    agencies: Annotated[
        list[str] | None,
        typer.Argument(help="Slugs of agencies; the province's foundation unless told"),
    ] = None,
    provision_only: Annotated[
        bool, typer.Option("--provision-only", help="Leave out converge, verify and report")
    ] = False,
    refresh: Annotated[
        bool, typer.Option("--refresh", help="Read the cloud first, to mend changes by hand")
    ] = False,
    continue_on_error: Annotated[
        bool, typer.Option("--continue-on-error", help="Go on with what does not depend on it")
    ] = False,
    target: TargetOption = None,
    yes: YesOption = False,
    delete_data: DeleteDataOption = False,
    allow_replace: AllowReplaceOption = False,
    engine: Annotated[EngineName, typer.Option(help="Which engine deploys")] = EngineName.AUTO,
    json_: JsonOption = False,
) -> None:
    """Provision, converge, verify and report. Exit status 1 when a check fails.

    Examples: `hoaban up`, `hoaban up xa-long-sap`, `hoaban up xa-long-sap --provision-only`
    """
    targets = [target_of(None)] if not agencies else [target_of(agency) for agency in agencies]
    if target and len(targets) > 1:
        raise UsageError("--target goes with one stack only", mend="name one agency")
    options = Options(
        refresh=refresh, targets=tuple(target or ()), continue_on_error=continue_on_error
    )
    may = consent(yes=yes, delete_data=delete_data, allow_replace=allow_replace)
    runner = engine_for(engine)
    if provision_only:
        results = [provision(each, runner, may, options, quiet=json_) for each in targets]
        if json_:
            print_json([result_json(result) for result in results])
        return
    deliveries = deliver(targets, runner, may, options, quiet=json_)
    if json_:
        print_json([delivery.to_json() for delivery in deliveries])
    for delivery in deliveries if not json_ else ():
        assert delivery.verified is not None  # noqa: S101 - deliver() verifies all or raises
        counts = {status: delivery.verified.count(status) for status in Status}
        mark = "[green]ok[/]" if delivery.ok else "[bold red]FAILED[/]"
        stdout().print(
            f"{mark} {delivery.target.stack_name}: {counts[Status.PASS]} checks passed, "
            f"{counts[Status.FAIL]} failed, {counts[Status.SKIP]} proved nothing; "
            f"report: {delivery.report}"
        )
    if not all(delivery.ok for delivery in deliveries):
        raise typer.Exit(int(ExitCode.ERROR))
