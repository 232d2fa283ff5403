"""``hoaban refresh``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from hoaban.cli.choosing import (
    DiffOption,
    ExcludeDependentsOption,
    ExcludeOption,
    OperationsOption,
    TargetDependentsOption,
    TargetOption,
    choose,
)
from hoaban.cli.operation import (
    AgenciesArgument,
    Failures,
    JsonOption,
    ParallelOption,
    ProvisionedOption,
    provisioned,
    target_of,
)
from hoaban.console import print_json, stdout
from hoaban.errors import DriftError, listed
from hoaban.provision import operations
from hoaban.provision.display.progress import Progress
from hoaban.provision.display.tree import render_changes
from hoaban.provision.engines import EngineName, engine_for
from hoaban.provision.fleet import Action
from hoaban.provision.results import result_json
from hoaban.sidebyside import error_of, operate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hoaban.engine.api import Options, UpdateResult
    from hoaban.provision.target import Target


def refresh(
    agencies: AgenciesArgument = None,
    everything: ProvisionedOption = False,
    expect_no_changes: Annotated[
        bool, typer.Option("--expect-no-changes", help="Exit status 4 when something was changed")
    ] = False,
    target: TargetOption = None,
    target_dependents: TargetDependentsOption = False,
    exclude: ExcludeOption = None,
    exclude_dependents: ExcludeDependentsOption = False,
    diff: DiffOption = False,
    parallel: ParallelOption = None,
    operations_: OperationsOption = None,
    engine: Annotated[EngineName, typer.Option(help="Which engine reads")] = EngineName.AUTO,
    json_: JsonOption = False,
) -> None:
    """Read the cloud into the state, and show what was changed by hand.

    The cloud is left as it is: `hoaban up` makes it again as the inventory says.

    Examples: `hoaban refresh`, `hoaban refresh xa-long-sap --expect-no-changes`,
    `hoaban refresh xa-long-sap --target '**:Instance::**' --diff`, `hoaban refresh --all`
    """
    first = target_of(None)
    targets = [first.of(slug) for slug in provisioned(first.workspace, agencies, everything)]
    one = not everything and len(targets) == 1
    options = choose(
        one=one,
        target=target,
        target_dependents=target_dependents,
        exclude=exclude,
        exclude_dependents=exclude_dependents,
        operations=operations_,
        diff=diff,
    )
    if not one:
        changed = _many(targets, options, parallel, engine, json_=json_)
    else:
        result, progress = _one(targets[0], options, engine, json_=json_, diff=diff)
        if json_:
            print_json({**result_json(result), **progress.properties()})
        changed = result.changed
    if expect_no_changes and changed:
        raise typer.Exit(int(DriftError.exit_code))


def _one(
    target: Target, options: Options, engine: EngineName, *, json_: bool, diff: bool = False
) -> tuple[UpdateResult, Progress]:
    with Progress(f"Reading {target.stack_name}", quiet=json_, diff=diff) as progress:
        using = engine_for(engine)
        result = operations.refresh(target, using, progress.handle, options=options)
    if not json_:
        stdout().print(render_changes(progress.board))
        stdout().print(progress.summary())
    return result, progress


def _many(
    targets: Sequence[Target],
    options: Options,
    parallel: int | None,
    engine: EngineName,
    *,
    json_: bool,
) -> bool:
    """Read each; returns whether anything was changed by hand."""
    failures, entries, changed = Failures(), [], 0
    for target in targets:
        if target.agency is None:
            result, _ = _one(target, options, engine, json_=json_)
            entries.append({"stack": target.name, **result_json(result), "errors": []})
            changed += result.changed
    agencies = [target for target in targets if target.agency is not None]
    outcomes = operate(
        agencies, Action.REFRESH, parallel=parallel, quiet=json_, engine=engine, options=options
    )
    for target in agencies:
        outcome = outcomes[target.stack_name]
        error = error_of(outcome)
        if error is not None:
            failures.add(target.stack_name, error)
        changed += outcome.changed
        entries.append({"stack": target.name, **outcome.result, "errors": listed(error)})
    if json_:
        print_json(entries)
    else:
        stdout().print(f"{len(targets)} stacks: {changed} were changed by hand")
    failures.tell(quiet=json_)
    return bool(changed)
