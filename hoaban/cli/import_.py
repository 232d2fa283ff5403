"""``hoaban import``."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hoaban.cli.operation import JsonOption, YesOption, require_yes
from hoaban.console import print_json, stderr
from hoaban.engine.imports import ImportRequest, ImportSpec
from hoaban.errors import UsageError
from hoaban.files import write_atomic
from hoaban.provision.display.progress import Progress
from hoaban.provision.display.tree import render_changes
from hoaban.provision.engines import EngineName, engine_for
from hoaban.provision.importing import import_resources, read_request
from hoaban.provision.named import named
from hoaban.provision.results import result_json
from hoaban.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hoaban.engine.api import Engine, UpdateResult
    from hoaban.provision.target import Target

MEND = "hoaban import --help"
RESOURCE = 3  # words that name a resource: type, name, id


def import_(
    words: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[AGENCY] [TYPE NAME ID]",
            help="The stack, the province's foundation unless told; and a resource: its type, the "
            "name that the program calls it by, the id that the cloud knows it by",
        ),
    ] = None,
    file: Annotated[
        Path | None,
        typer.Option(
            "--file", "-f", help="Many resources, in the format of `pulumi import --file`"
        ),
    ] = None,
    parent: Annotated[
        str, typer.Option("--parent", help="Variable and URN of its parent: `name=urn`")
    ] = "",
    provider: Annotated[
        str, typer.Option("--provider", help="Variable and URN of its provider: `name=urn`")
    ] = "",
    properties: Annotated[
        str, typer.Option("--properties", help="Only these inputs: `name1,name2`")
    ] = "",
    protect: Annotated[
        bool, typer.Option("--protect/--no-protect", help="Keep it from being deleted")
    ] = True,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Write the program's text here")
    ] = None,
    generate_code: Annotated[
        bool,
        typer.Option(
            "--generate-code/--no-generate-code", help="Print the program's text that declares it"
        ),
    ] = True,
    preview_only: Annotated[
        bool, typer.Option("--preview-only", help="Only look; write nothing to the state")
    ] = False,
    yes: YesOption = False,
    engine: Annotated[EngineName, typer.Option(help="Which engine imports")] = EngineName.AUTO,
    json_: JsonOption = False,
) -> None:
    """Bring objects that exist in the cloud under a stack. The cloud is left as it is.

    Prints the Python text that declares them. What a program does not declare, the next
    `hoaban up` would delete; it is protected from that.

    Examples: `hoaban import xa-long-sap --file adopt.json --preview-only`,
    `hoaban import xa-long-sap openstack:networking/network:Network lan 1f2d3c4b --yes`
    """
    agency, resource = _words(words or [], file)
    if out is not None and not generate_code:
        raise UsageError("--out is for the program's text", mend="leave out --no-generate-code")
    if file is None:
        request = _inline(resource, parent, provider, properties)
    elif parent or provider or properties:
        raise UsageError(
            "--parent, --provider and --properties are in the file", mend="leave them out"
        )
    else:
        request = read_request(file)
    request = replace(
        request, protect=protect, generate_code=generate_code, preview=preview_only or not yes
    )
    target, using = named(Workspace.find(), agency), engine_for(engine)
    result = _run(target, using, request, quiet=json_)
    if not preview_only and not yes:
        require_yes(f"Import {result.changes.get('import', 0)} into {target.name}?", yes=False)
        result = _run(target, using, replace(request, preview=False), quiet=json_)
    _tell(result, out, json_=json_)


def _words(words: Sequence[str], file: Path | None) -> tuple[str | None, Sequence[str]]:
    """The stack's name, and type, name and id of a resource where there is no file."""
    wanted = 0 if file is not None else RESOURCE
    if len(words) not in (wanted, wanted + 1):
        what = "a file goes without TYPE NAME ID" if file else "give TYPE NAME ID, or --file FILE"
        raise UsageError(what, mend=MEND)
    named_ = len(words) > wanted
    return (words[0] if named_ else None), words[named_:]


def _inline(words: Sequence[str], parent: str, provider: str, properties: str) -> ImportRequest:
    type_, name, id_ = words
    table: dict[str, str] = {}
    called = {"parent": "", "provider": ""}
    for option, text in (("parent", parent), ("provider", provider)):
        if not text:
            continue
        variable, urn = _variable(text, option)
        if variable in table:
            raise UsageError(
                f"--parent and --provider are both called {variable}", mend="give each its own name"
            )
        table[variable] = urn
        called[option] = variable
    wanted = tuple(one.strip() for one in properties.split(",") if one.strip())
    spec = ImportSpec(
        type=type_,
        name=name,
        id=id_,
        properties=wanted,
        parent=called["parent"],
        provider=called["provider"],
    )
    return ImportRequest(resources=[spec], names=table)


def _variable(text: str, option: str) -> tuple[str, str]:
    """Name and URN of ``name=urn``; a URN alone is called as its option."""
    if text.startswith("urn:"):
        return option, text
    name, equals, urn = text.partition("=")
    if not (name and equals and urn):
        raise UsageError(f"--{option} is not name=urn: {text}", mend=MEND)
    return name, urn


def _run(target: Target, engine: Engine, request: ImportRequest, *, quiet: bool) -> UpdateResult:
    verb = "Looking for" if request.preview else "Importing"
    with Progress(f"{verb} {len(request.resources)}: {target.name}", quiet=quiet) as progress:
        result = import_resources(target, engine, request, progress.handle)
    if not quiet:
        if request.preview:
            stderr().print(render_changes(progress.board))
        stderr().print(progress.summary(planned=request.preview))
    return result


def _tell(result: UpdateResult, out: Path | None, *, json_: bool) -> None:
    told = result_json(result)
    if out is not None and result.program:
        write_atomic(out, result.program)
        told["out"] = str(out)
    elif result.program:
        told["program"] = result.program
    if json_:
        print_json(told)
    elif "program" in told:
        typer.echo(result.program, nl=False)
        stderr().print("this is for the program: what it does not declare, an `up` would delete")
    elif "out" in told:
        stderr().print(f"written: {out}", markup=False)
