"""``hoaban destroy``."""

from __future__ import annotations

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
from hoaban.engine.api import Options
from hoaban.provision import operations
from hoaban.provision.display.progress import Progress
from hoaban.provision.engines import engine_for
from hoaban.provision.results import result_json


def destroy(
    agency: AgencyArgument = None,
    yes: YesOption = False,
    delete_data: DeleteDataOption = False,
    json_: JsonOption = False,
) -> None:
    """Remove an environment from the cloud; asks, and says what data would be lost.

    Its addresses stay reserved in the ledger, and its backups are not touched.

    Examples: `hoaban destroy xa-long-sap`, `hoaban destroy xa-long-sap --yes --delete-data`
    """
    what = target_of(agency)
    require_yes(f"Remove {what.name}?", yes=yes)
    may = consent(yes=yes, delete_data=delete_data, allow_replace=delete_data)
    with Progress(f"Removing {what.stack_name}", quiet=json_) as progress:
        result = operations.destroy(
            what, engine_for(), progress.handle, consent=may, options=Options()
        )
    if json_:
        print_json(result_json(result))
    else:
        stdout().print(progress.summary())
        stderr().print(f"{what.project}/{what.stack_name} is gone", markup=False)
