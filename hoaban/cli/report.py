"""``hoaban report``."""

from __future__ import annotations

from typing import Any

from hoaban import model
from hoaban.cli.operation import (
    AgenciesArgument,
    Failures,
    JsonOption,
    ProvisionedOption,
    name_of,
    provisioned,
)
from hoaban.console import print_json, stderr, stdout
from hoaban.errors import HoabanError, listed
from hoaban.report.write import Written, write
from hoaban.workspace import Workspace


def report(
    agencies: AgenciesArgument = None,
    everything: ProvisionedOption = False,
    json_: JsonOption = False,
) -> None:
    """Write the handover report from the latest verification: one HTML page, and JSON.

    The page says plainly when a check failed, or when the environment has changed since. With
    `--json` one report is printed whole, of several the names of their files.

    Examples: `hoaban report so-y-te`, `hoaban report so-y-te --json`, `hoaban report --all`
    """
    workspace = Workspace.find()
    stacks = provisioned(workspace, agencies, everything)
    province = model.load(workspace.inventory)
    if not everything and len(stacks) == 1:
        written = write(workspace, province, stacks[0])
        if json_:
            print_json(written.handover.model_dump(mode="json"))
        else:
            _tell(written, "the environment")
        return
    failures, entries = Failures(), []
    for stack in stacks:
        try:
            written = write(workspace, province, stack)
        except HoabanError as error:
            failures.add(name_of(stack), error)
            entries.append({"agency": stack, "errors": listed(error)})
        else:
            entries.append(_entry(stack, written))
            if not json_:
                _tell(written, name_of(stack))
    if json_:
        print_json(entries)
    failures.tell(quiet=json_)


def _tell(written: Written, what: str) -> None:
    if written.handover.stale:
        stderr().print(f"{what} has changed since it was verified: hoaban verify", markup=False)
    stdout().print(str(written.page), markup=False)
    stdout().print(str(written.data), markup=False)


def _entry(agency: str | None, written: Written) -> dict[str, Any]:
    return {
        "agency": agency,
        "page": str(written.page),
        "data": str(written.data),
        "stale": written.handover.stale,
        "errors": [],
    }
