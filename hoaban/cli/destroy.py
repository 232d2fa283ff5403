"""``hoaban destroy``."""

from __future__ import annotations

from typing import Annotated

import typer

from hoaban.cli.choosing import (
    ContinueOption,
    DiffOption,
    ExcludeDependentsOption,
    ExcludeOption,
    OperationsOption,
    TargetDependentsOption,
    TargetOption,
    choose,
)
from hoaban.cli.operation import (
    AgencyArgument,
    DeleteDataOption,
    JsonOption,
    YesOption,
    consent,
    require_yes,
    target_of,
)
from hoaban.console import print_json, stderr, stdout
from hoaban.provision import operations
from hoaban.provision.display.progress import Progress
from hoaban.provision.engines import EngineName, engine_for
from hoaban.provision.results import result_json


def destroy(
    agency: AgencyArgument = None,
    yes: YesOption = False,
    delete_data: DeleteDataOption = False,
    refresh: Annotated[
        bool, typer.Option("--refresh", help="Read the cloud first, and delete what is there")
    ] = False,
    continue_on_error: ContinueOption = False,
    target: TargetOption = None,
    target_dependents: TargetDependentsOption = False,
    exclude: ExcludeOption = None,
    exclude_dependents: ExcludeDependentsOption = False,
    diff: DiffOption = False,
    operations_: OperationsOption = None,
    engine: Annotated[EngineName, typer.Option(help="Which engine deletes")] = EngineName.AUTO,
    json_: JsonOption = False,
) -> None:
    """Remove an environment from the cloud; asks, and says what data would be lost.

    Its addresses stay reserved in the ledger, and its backups are not touched.

    With --target or --exclude only a part of it goes.

    Examples: `hoaban destroy xa-long-sap`, `hoaban destroy xa-long-sap --yes --delete-data`,
    `hoaban destroy xa-long-sap --target '**::xa-long-sap-proxy' --target-dependents`,
    `hoaban destroy xa-long-sap --exclude '**:Volume::**'`
    """
    what = target_of(agency)
    options = choose(
        target=target,
        target_dependents=target_dependents,
        exclude=exclude,
        exclude_dependents=exclude_dependents,
        operations=operations_,
        diff=diff,
        refresh=refresh,
        continue_on_error=continue_on_error,
    )
    part = bool(target or exclude)
    require_yes(f"Remove {'a part of ' if part else ''}{what.name}?", yes=yes)
    may = consent(yes=yes, delete_data=delete_data, allow_replace=delete_data)
    with Progress(f"Removing {what.stack_name}", quiet=json_, diff=diff) as progress:
        result = operations.destroy(
            what, engine_for(engine), progress.handle, consent=may, options=options
        )
    if json_:
        print_json({**result_json(result), **progress.properties()})
    else:
        stdout().print(progress.summary())
        chosen = "what was chosen of " if part else ""
        stderr().print(f"{chosen}{what.project}/{what.stack_name} is gone", markup=False)
