"""``hoaban state``."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

import typer

from hoaban.cli.operation import JsonOption, YesOption, require_yes
from hoaban.cli.stack import StackArgument
from hoaban.console import print_json, stderr, stdout
from hoaban.engine.embedded import care, edits
from hoaban.engine.embedded import restore as restoring
from hoaban.engine.embedded.backend import Backend
from hoaban.engine.embedded.copies import as_of, copies, of_version
from hoaban.engine.embedded.custody import held, name_of
from hoaban.errors import ExitCode, UsageError
from hoaban.provision.named import named, of_urn
from hoaban.provision.stacks import stack_for
from hoaban.workspace import Workspace

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode="markdown",
    help="The record of a stack: mend, restore, take out, rename. The cloud is left as it is.",
)

UrnsArgument = Annotated[list[str], typer.Argument(help="URNs, which also tell the stack")]
ForceOption = Annotated[bool, typer.Option("--force", help="Also what is protected")]
SHOWN = 10


@app.command("delete")
def delete(
    urn: Annotated[str, typer.Argument(help="The URN, which also tells the stack")],
    id_: Annotated[str, typer.Option("--id", help="Which, where several have the URN")] = "",
    target_dependents: Annotated[
        bool, typer.Option("--target-dependents", help="And all that depends on it")
    ] = False,
    force: ForceOption = False,
    yes: YesOption = False,
    json_: JsonOption = False,
) -> None:
    """Take a resource out of the state. The cloud keeps its object, which nobody owns then.

    Refuses what others depend on, and what is protected.

    Examples: `hoaban state delete urn:pulumi:so-y-te::agency::pulumi:providers:openstack::p --yes`
    """
    target = of_urn(Workspace.find(), urn)
    with held(stack_for(target)) as one:
        root = edits.chosen(one.snapshot, urn, id_)
        snapshot, gone = edits.without(
            one.snapshot, [root], with_dependents=target_dependents, unprotect=force
        )
        _list([resource.urn for resource in gone], quiet=json_ or yes)
        require_yes(f"Take {len(gone)} resources out of the state of {target.name}?", yes=yes)
        one.commit(snapshot, f"state delete {urn}")
    body = {"stack": target.name, "deleted": [{"urn": x.urn, "id": x.id} for x in gone]}
    _tell(body, f"{len(gone)} taken out; the cloud still has what they stood for", json_=json_)


@app.command("unprotect")
def unprotect(
    urns: Annotated[
        list[str] | None, typer.Argument(help="URNs, which also tell the stack")
    ] = None,
    all_of: Annotated[
        str | None, typer.Option("--all", help="Everything of this agency (or project/stack)")
    ] = None,
    yes: YesOption = False,
    json_: JsonOption = False,
) -> None:
    """Let resources be deleted or replaced.

    The next `hoaban up` protects them again, if the program says so.

    Examples: `hoaban state unprotect --all xa-long-sap --yes`
    """
    if bool(urns) == bool(all_of):
        raise UsageError("give URNs, or --all with an agency", mend="hoaban state unprotect --help")
    workspace = Workspace.find()
    target = named(workspace, all_of) if all_of else of_urn(workspace, (urns or [""])[0])
    with held(stack_for(target)) as one:
        snapshot, lifted = edits.unprotected(one.snapshot, urns or None)
        _list([resource.urn for resource in lifted], quiet=json_ or yes)
        if lifted:
            require_yes(f"Lift the protection of {len(lifted)} resources?", yes=yes)
            one.commit(snapshot, f"state unprotect {len(lifted)} resources")
    body = {"stack": target.name, "unprotected": [x.urn for x in lifted]}
    _tell(body, f"{len(lifted)} are not protected any more", json_=json_)


@app.command("rename")
def rename(
    urn: Annotated[str, typer.Argument(help="The URN, which also tells the stack")],
    name: Annotated[str, typer.Argument(help="The resource's name in the program from now on")],
    yes: YesOption = False,
    json_: JsonOption = False,
) -> None:
    """Give a resource another name in the state, wherever it is named; no alias is needed then.

    Examples: `hoaban state rename urn:pulumi:so-y-te::agency::pulumi:providers:openstack::p q`
    """
    target = of_urn(Workspace.find(), urn)
    with held(stack_for(target)) as one:
        snapshot, new = edits.renamed(one.snapshot, urn, name)
        require_yes(f"Rename it to {new}?", yes=yes)
        one.commit(snapshot, f"state rename {urn} {name}")
    _tell({"stack": target.name, "before": urn, "urn": new}, f"it is {new} now", json_=json_)


@app.command("verify")
def verify(name: StackArgument = None, json_: JsonOption = False) -> None:
    """Say all that is wrong with a state and its copies. Exit status 1 when anything is.

    Examples: `hoaban state verify xa-long-sap`
    """
    target = named(Workspace.find(), name)
    found = care.verify(stack_for(target))
    if json_:
        print_json({"stack": target.name, "problems": found})
    else:
        for line in found:
            stdout().print(f"- {line}", markup=False)
        stdout().print(f"{target.name}: {len(found)} problems" if found else f"{target.name}: well")
    if found:
        raise typer.Exit(int(ExitCode.ERROR))


@app.command("repair")
def repair(name: StackArgument = None, yes: YesOption = False, json_: JsonOption = False) -> None:
    """Put a state right as far as that needs no guess, and say what was done.

    Resources are put in order, references to what is not there dropped, doubles taken out.

    Examples: `hoaban state repair xa-long-sap --yes`
    """
    target = named(Workspace.find(), name)
    stack = stack_for(target)
    if not yes:
        planned = care.mend(stack, dry_run=True)
        if planned.done:
            _list(planned.done, quiet=False)
            require_yes(f"Do that to the state of {target.name}?", yes=False)
    found = care.mend(stack)
    if json_:
        print_json({"stack": target.name, "done": found.done, "left": found.left})
    else:
        _list(found.done, quiet=not yes)
        told = f"{len(found.done)} repairs" if found.done else "nothing to repair"
        stdout().print(f"{target.name}: {told}", markup=False)
        _list(found.left, quiet=False)
    if found.left:
        raise typer.Exit(int(ExitCode.ERROR))


@app.command("restore")
def restore(
    name: StackArgument = None,
    at: Annotated[
        str | None,
        typer.Option("--at", help="As it was then: `2026-11-29 16:00`, local time unless it tells"),
    ] = None,
    version: Annotated[
        int | None, typer.Option("--version", min=1, help="As of this number in the history")
    ] = None,
    yes: YesOption = False,
    json_: JsonOption = False,
) -> None:
    """Make an earlier state the present one; without a time or version, list what there is.

    The present one is kept among the backups, also when it is damaged. The cloud is left as it is:
    `hoaban refresh` then tells what it has.

    Examples: `hoaban state restore xa-long-sap`,
    `hoaban state restore xa-long-sap --version 3 --yes`
    """
    if at and version:
        raise UsageError("--at and --version are two ways to say it", mend="leave out one")
    target = named(Workspace.find(), name)
    stack = stack_for(target)
    place, backend = name_of(stack), Backend(stack.backend)
    if at is None and version is None:
        found = [copy.to_json() for copy in copies(backend, place)]
        if json_:
            print_json(found)
            return
        for one in found:
            stdout().print(f"{one['at']}  {one.get('version', '')}  {one['file']}", markup=False)
        return
    if version is not None:
        copy = of_version(backend, place, version)
    else:
        copy = as_of(backend, place, _time(at or ""))
    planned = restoring.restorable(stack, copy)
    if not json_:
        stderr().print(f"the state as of {copy.at:%Y-%m-%d %H:%M:%S} UTC", markup=False)
        _list([f"in the state now, not in that one: {urn}" for urn in planned.lost], quiet=False)
        _list([f"in that one, not in the state now: {urn}" for urn in planned.back], quiet=False)
    require_yes(f"Make it the state of {target.name}?", yes=yes)
    snapshot = restoring.restore(stack, copy)
    body = {
        "stack": target.name,
        **copy.to_json(),
        "resources": len(snapshot.resources),
        "lost": planned.lost,
        "back": planned.back,
    }
    again = place.command("refresh")
    _tell(body, f"restored; what the cloud has by now: {again}", json_=json_)


def _time(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text).astimezone()
    except ValueError:
        raise UsageError(f"not a time: {text}", mend="write it as 2026-11-29T16:00") from None


def _list(lines: list[str], *, quiet: bool) -> None:
    for line in () if quiet else lines[:SHOWN]:
        stderr().print(f"  {line}", markup=False)
    if not quiet and len(lines) > SHOWN:
        stderr().print(f"  and {len(lines) - SHOWN} more")


def _tell(body: dict[str, Any], words: str, *, json_: bool) -> None:
    if json_:
        print_json(body)
    else:
        stdout().print(words, markup=False)
