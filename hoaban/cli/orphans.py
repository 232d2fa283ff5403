"""``hoaban orphans``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from hoaban.cli.operation import AgencyArgument, JsonOption, YesOption, require_yes
from hoaban.console import print_json, stderr, stdout
from hoaban.errors import ExitCode, UsageError
from hoaban.provision import orphans as lost
from hoaban.provision.named import NamedTarget, named
from hoaban.workspace import Workspace

if TYPE_CHECKING:
    from hoaban.provision.orphans import Orphan
    from hoaban.provision.target import Target


def orphans(
    agency: AgencyArgument = None,
    everything: Annotated[
        bool, typer.Option("--all", help="Of every stack, and of none that is known here")
    ] = False,
    adopt: Annotated[
        bool, typer.Option("--adopt", help="Take them into the state of the stack that made them")
    ] = False,
    delete: Annotated[bool, typer.Option("--delete", help="Delete them in the cloud")] = False,
    foreign: Annotated[
        bool,
        typer.Option("--foreign", help="With --delete: also those of which no stack here knows"),
    ] = False,
    yes: YesOption = False,
    json_: JsonOption = False,
) -> None:
    """List objects in the cloud that bear our mark and that no state owns.

    Such are left by a state that was restored or lost, and by `hoaban state delete`. The cloud is
    asked for one list a type. What another workspace made in the same cloud shows with --all, as of
    no known stack: it is not deleted without --foreign.

    Examples: `hoaban orphans xa-long-sap`, `hoaban orphans --all --json`,
    `hoaban orphans xa-long-sap --adopt`
    """
    if (adopt and delete) or (foreign and not delete) or (agency and everything):
        raise UsageError("these options do not go together", mend="hoaban orphans --help")
    workspace = Workspace.find()
    target = named(workspace, agency)
    cloud = lost.cloud_of(target)
    found = lost.orphans(workspace, cloud)
    if not everything:
        found = lost.of_stack(found, target)
    if not json_:
        _show(found)
    done: list[dict[str, Any]] = []
    chosen = [one for one in found if one.stack or foreign]
    if adopt and chosen:
        require_yes(f"Take {len(chosen)} objects into the state?", yes=yes)
        done = _adopt(target, chosen)
    elif delete and chosen:
        require_yes(f"Delete {len(chosen)} objects, with the data that they hold?", yes=yes)
        done = [{"id": one.object.id, "error": error} for one, error in lost.delete(cloud, chosen)]
    if json_:
        print_json({"orphans": [one.to_json() for one in found], "done": done})
    else:
        for one in done:
            stdout().print(f"{one['id']}: {one['error'] or 'done'}", markup=False)
    if any(one["error"] for one in done):
        raise typer.Exit(int(ExitCode.ERROR))


def _show(found: list[Orphan]) -> None:
    for one in found:
        stdout().print(f"{one}, made {one.object.created or 'who knows when'}", markup=False)
    stderr().print(f"{len(found)} orphans")


def _adopt(target: Target, chosen: list[Orphan]) -> list[dict[str, Any]]:
    done: list[dict[str, Any]] = []
    for name in sorted({one.stack for one in chosen}):
        of = [one for one in chosen if one.stack == name]
        place = lost.stack_of(of[0])
        its = NamedTarget(target.workspace, target.province, place.stack, place)
        done += [{"id": one.id, "error": ""} for one in lost.adopt(its, of)]
    return done
