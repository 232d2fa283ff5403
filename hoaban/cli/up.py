"""``hoaban up``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hoaban.cli.choosing import (
    ContinueOption,
    DiffOption,
    ExcludeDependentsOption,
    ExcludeOption,
    OperationsOption,
    RefreshOption,
    ReplaceOption,
    TargetDependentsOption,
    TargetOption,
    choose,
    looking,
)
from hoaban.cli.operation import (
    AgenciesArgument,
    AllOption,
    AllowReplaceOption,
    DeleteDataOption,
    Failures,
    JsonOption,
    ParallelOption,
    YesOption,
    consent,
    targets_of,
)
from hoaban.console import print_json, stdout
from hoaban.deliveries import How, deliver_many
from hoaban.delivery import deliver
from hoaban.delivery import provision_only as alone
from hoaban.engine.api import Options
from hoaban.errors import ExitCode, UsageError
from hoaban.provision.engines import EngineName, engine_for
from hoaban.provision.savedplan import SavedPlan
from hoaban.verify.show import in_short

if TYPE_CHECKING:
    from hoaban.delivery import Delivery


def up(
    agencies: AgenciesArgument = None,
    everything: AllOption = False,
    provision_only: Annotated[
        bool, typer.Option("--provision-only", help="Leave out converge, verify and report")
    ] = False,
    refresh: RefreshOption = None,
    continue_on_error: ContinueOption = False,
    expect_no_changes: Annotated[
        bool, typer.Option("--expect-no-changes", help="Change nothing: exit status 4 if it would")
    ] = False,
    target: TargetOption = None,
    target_dependents: TargetDependentsOption = False,
    exclude: ExcludeOption = None,
    exclude_dependents: ExcludeDependentsOption = False,
    replace: ReplaceOption = None,
    diff: DiffOption = False,
    plan: Annotated[
        Path | None,
        typer.Option("--plan", help="Do what this file of `hoaban plan --out` holds, nothing else"),
    ] = None,
    yes: YesOption = False,
    delete_data: DeleteDataOption = False,
    allow_replace: AllowReplaceOption = False,
    parallel: ParallelOption = None,
    operations: OperationsOption = None,
    engine: Annotated[EngineName, typer.Option(help="Which engine deploys")] = EngineName.AUTO,
    json_: JsonOption = False,
) -> None:
    """Provision, converge, verify and report. Exit status 1 when a check fails.

    What was changed by hand is told, and brought back to what the inventory says; at a terminal it
    asks first.

    Of several, the foundation comes first, then agencies side by side. One that fails stops no
    other. One that would lose data is left as it is, unless --delete-data or --allow-replace let
    it; `hoaban up AGENCY` asks.

    Examples: `hoaban up`, `hoaban up xa-long-sap`, `hoaban up xa-long-sap --provision-only`,
    `hoaban up --all`, `hoaban up so-y-te xa-long-sap --parallel 2`,
    `hoaban up xa-long-sap --plan plan.json`,
    `hoaban up xa-long-sap --replace '**:Instance::*-proxy' --allow-replace`,
    `hoaban up xa-long-sap --provision-only --operations 4 --continue-on-error`
    """
    targets = targets_of(agencies, everything)
    one = not everything and len(targets) == 1
    options = choose(
        one=one,
        target=target,
        target_dependents=target_dependents,
        exclude=exclude,
        exclude_dependents=exclude_dependents,
        replace=replace,
        operations=operations,
        diff=diff,
        continue_on_error=continue_on_error,
        expect_no_changes=expect_no_changes,
        **looking(refresh),
    )
    if diff and json_:
        raise UsageError(
            "the JSON of up tells no properties", mend="hoaban plan AGENCY --diff --json does"
        )
    saved = _saved(plan, options, one=one)
    may = consent(yes=yes, delete_data=delete_data, allow_replace=allow_replace, quiet=json_)
    if not one:
        how = How(engine, may, options, parallel, provision_only=provision_only, quiet=json_)
        deliveries = deliver_many(targets, how)
    elif provision_only:
        using = engine_for(engine)
        deliveries = [alone(targets[0], using, may, options, saved=saved, quiet=json_, diff=diff)]
    else:
        using = engine_for(engine)
        deliveries = deliver(targets, using, may, options, saved=saved, quiet=json_, diff=diff)
    failures = Failures()
    for delivery in deliveries:
        if delivery.error is not None:
            failures.add(delivery.target.stack_name, delivery.error)
        if not json_:
            tell(delivery)
    if json_:
        print_json([delivery.to_json() for delivery in deliveries])
    failures.tell(quiet=json_)
    if not provision_only and not all(delivery.ok for delivery in deliveries):
        raise typer.Exit(int(ExitCode.ERROR))


def _saved(file: Path | None, options: Options, *, one: bool) -> SavedPlan | None:
    """The plan that is to be done; it says itself what is chosen, and whether to look first."""
    if file is None:
        return None
    if not one:
        raise UsageError("--plan goes with one stack only", mend="name the agency of the plan")
    if options.choices() != Options(look=True).choices():
        raise UsageError(
            "a saved plan has --refresh, --target, --exclude and --replace of its own",
            mend="leave them out; or make another plan with them: hoaban plan … --out FILE",
        )
    return SavedPlan.read(file)


def tell(delivery: Delivery) -> None:
    """Say in a line what one target came to."""
    name = delivery.target.stack_name
    if delivery.error is not None:
        stdout().print(f"[bold red]FAILED[/] {name}: could not be {delivery.failed_at}")
    elif delivery.verified is not None:
        mark = "[green]ok[/]" if delivery.ok else "[bold red]FAILED[/]"
        if delivery.ok and delivery.verified.unproved:
            mark = "[yellow]not all proved[/]"
        stdout().print(
            f"{mark} {name}: checks: {in_short(delivery.verified)}; report: {delivery.report}"
        )
    else:
        stdout().print(f"[green]ok[/] {name} is provisioned")
