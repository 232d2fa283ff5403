"""``hoaban stack``."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from hoaban.cli.operation import JsonOption, YesOption, require_yes
from hoaban.console import print_json, stderr, stdout
from hoaban.engine.embedded import care, stackfiles
from hoaban.engine.embedded.backend import Backend
from hoaban.engine.embedded.copies import of_version
from hoaban.engine.embedded.custody import missing, name_of
from hoaban.engine.embedded.exports import exported
from hoaban.engine.embedded.properties import mask, reveal
from hoaban.engine.embedded.store import open_stack, stack_outputs
from hoaban.errors import HoabanError, UsageError
from hoaban.files import write_atomic
from hoaban.provision.named import fresh, named
from hoaban.provision.stacklist import history_rows, stack_rows
from hoaban.provision.stacks import stack_for
from hoaban.workspace import Workspace

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode="markdown",
    help="Stacks: list, make, rename, export, import, history, outputs.",
)

StackArgument = Annotated[
    str | None,
    typer.Argument(help="An agency, the province's foundation unless told; or project/stack"),
]
ShowSecretsOption = Annotated[
    bool, typer.Option("--show-secrets", help="Secrets in plain text; whoever sees it knows them")
]


@app.command("ls")
def ls(json_: JsonOption = False) -> None:
    """List stacks: resources, last update, number of updates.

    Examples: `hoaban stack ls`, `hoaban stack ls --json`
    """
    rows = stack_rows(Workspace.find())
    if json_:
        print_json(rows)
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in ("stack", "updated", "updates", "resources", ""):
        table.add_column(title, overflow="fold")
    for row in rows:
        count = row.get("error") or row["resourceCount"]
        busy = "locked" if row["updateInProgress"] else ""
        table.add_row(row["name"], row["lastUpdate"], str(row["version"]), str(count), busy)
    stdout().print(table)


@app.command("init")
def init(name: StackArgument = None, json_: JsonOption = False) -> None:
    """Make a stack with nothing in it: its state, and the salt of its secrets.

    `hoaban up` does so by itself; before an import of a state it is this that makes the stack.

    Examples: `hoaban stack init xa-long-sap`
    """
    made = stackfiles.init(stack_for(named(Workspace.find(), name)))
    _tell({"stack": str(made), "made": True}, f"{made} is made", json_=json_)


@app.command("rm")
def rm(
    name: StackArgument = None,
    force: Annotated[
        bool, typer.Option("--force", help="Also one that has resources: nobody owns them then")
    ] = False,
    preserve_config: Annotated[
        bool, typer.Option("--preserve-config", help="Leave Pulumi.<stack>.yaml where it is")
    ] = False,
    yes: YesOption = False,
    json_: JsonOption = False,
) -> None:
    """Forget a stack. The cloud is left as it is: `hoaban destroy` takes away what it made.

    Its history and backups stay; `hoaban state restore` brings it back.

    Examples: `hoaban stack rm xa-long-sap --yes`
    """
    target = named(Workspace.find(), name)
    require_yes(f"Forget the stack {target.name}?", yes=yes)
    having = stackfiles.remove(stack_for(target), force=force, keep_config=preserve_config)
    left = [one.urn for one in having]
    told = f"{target.name} is forgotten"
    if left:
        told += f"; the cloud still has {len(left)} resources of it"
    _tell({"stack": target.name, "removed": True, "left": left}, told, json_=json_)


@app.command("rename")
def rename(
    name: Annotated[str, typer.Argument(help="The agency as it was called; or project/stack")],
    new: Annotated[str, typer.Argument(help="The agency as it is called now")],
    yes: YesOption = False,
    json_: JsonOption = False,
) -> None:
    """Give a stack the new name of its agency: in state, configuration, history and backups.

    For an agency whose file in the inventory was renamed; without this `hoaban up` would make all
    of it a second time. What the plan then changes are names that come of the agency's.

    Examples: `hoaban stack rename xa-long-sap xa-long-sap-moi --yes`
    """
    workspace = Workspace.find()
    target = named(workspace, name)
    to = fresh(workspace, new, target.project)
    require_yes(f"Rename {target.name} to {to.name}?", yes=yes)
    count = stackfiles.rename(stack_for(target), stack_for(to))
    told = f"{target.name} is {to.name} now ({count} resources)"
    if new not in target.province.agencies and target.agency is not None:
        stderr().print(f"the inventory has no agency {new}", style="yellow")
    body = {"stack": to.name, "before": target.name, "resources": count}
    _tell(body, told, json_=json_)


@app.command("export")
def export(
    name: StackArgument = None,
    version: Annotated[
        int | None, typer.Option("--version", min=1, help="As of this number in the history")
    ] = None,
    file: Annotated[
        Path | None, typer.Option("--file", help="Where to; standard output unless told")
    ] = None,
    show_secrets: ShowSecretsOption = False,
    json_: JsonOption = False,
) -> None:
    """Print the state as `pulumi stack export` does; secrets stay encrypted.

    It is JSON in any case. A file is made with mode 0600.

    Examples: `hoaban stack export xa-long-sap --file xa-long-sap.json`, `hoaban stack export`
    """
    del json_
    stack = stack_for(named(Workspace.find(), name))
    place, backend = name_of(stack), Backend(stack.backend)
    store = open_stack(stack, create=False, damaged=version is not None).store
    if version is not None:
        content = backend.storage.read(of_version(backend, place, version).key)
    elif store.journal() is not None:
        content = store.encode(store.load().snapshot)
    else:
        content = backend.storage.read(backend.checkpoint_key(place))
    if content is None:
        raise missing(place)
    body = exported(content, store.crypter if show_secrets else None)
    text = json.dumps(body, indent=4, ensure_ascii=False) + "\n"
    if file is None:
        sys.stdout.write(text)
        return
    write_atomic(file, text, mode=0o600)
    stderr().print(f"written: {file}", markup=False)


@app.command("import")
def import_(
    name: StackArgument = None,
    file: Annotated[
        Path | None, typer.Option("--file", help="Where from; standard input unless told")
    ] = None,
    force: Annotated[
        bool,
        typer.Option("--force", help="Also a state of another stack, or one that is not valid"),
    ] = False,
    yes: YesOption = False,
    json_: JsonOption = False,
) -> None:
    """Take an exported state in place of the stack's own, which is kept among its backups.

    It must be of this stack, and valid. Secrets may be in plain text in it, or encrypted under the
    stack's passphrase.

    Examples: `hoaban stack import xa-long-sap --file xa-long-sap.json --yes`
    """
    target = named(Workspace.find(), name)
    if file is None and not yes:
        raise UsageError("standard input is the state, so nobody can be asked", mend="--yes")
    try:
        text = sys.stdin.buffer.read() if file is None else file.read_bytes()
    except OSError as error:
        raise HoabanError(f"cannot read {file}: {error.strerror}", mend="check the path") from error
    require_yes(f"Replace the state of {target.name}?", yes=yes)
    snapshot = care.import_deployment(stack_for(target), text, force=force)
    count = len(snapshot.resources)
    _tell({"stack": target.name, "resources": count}, f"{count} resources imported", json_=json_)


@app.command("history")
def history(
    name: StackArgument = None,
    page_size: Annotated[int, typer.Option("--page-size", min=1, help="How many to show")] = 10,
    page: Annotated[int, typer.Option("--page", min=1, help="Which of the pages")] = 1,
    show_secrets: ShowSecretsOption = False,
    json_: JsonOption = False,
) -> None:
    """Show what was done to a stack, newest first, with the number that `--version` takes.

    Examples: `hoaban stack history xa-long-sap`, `hoaban stack history --page-size 3 --json`
    """
    stack = stack_for(named(Workspace.find(), name))
    store = open_stack(stack, create=False, damaged=True).store
    rows = history_rows(store.backend, store.name, store.crypter if show_secrets else None)
    rows = rows[(page - 1) * page_size : page * page_size]
    if json_:
        print_json(rows)
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in ("version", "when", "what", "result", "changes", "message"):
        table.add_column(title, overflow="fold")
    for row in rows:
        changes = ", ".join(f"{count} {op}" for op, count in row["resourceChanges"].items())
        told = [row["endTime"], row["kind"], row["result"], changes, row["message"]]
        table.add_row(str(row["version"]), *told)
    stdout().print(table)


@app.command("output")
def output(
    name: StackArgument = None,
    key: Annotated[
        str | None, typer.Option("--name", help="Only this output, as it is: for scripts")
    ] = None,
    show_secrets: ShowSecretsOption = False,
    json_: JsonOption = False,
) -> None:
    """Print what a stack exports. Secrets are shown as [secret].

    Examples: `hoaban stack output xa-long-sap --json`, `hoaban stack output --name image_id`
    """
    stack = stack_for(named(Workspace.find(), name))
    found = stack_outputs(open_stack(stack, create=False).store.load().snapshot)
    shown: dict[str, Any] = reveal(found) if show_secrets else mask(found)
    if key is not None and key not in shown:
        have = ", ".join(shown) or "none"
        raise HoabanError(f"the stack has no output `{key}`", mend=f"it has: {have}")
    if json_:
        print_json(shown if key is None else shown[key])
        return
    for one, value in shown.items() if key is None else [("", shown[key])]:
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        sys.stdout.write(f"{one}  {text}\n" if one else f"{text}\n")


def _tell(body: dict[str, Any], words: str, *, json_: bool) -> None:
    if json_:
        print_json(body)
    else:
        stdout().print(words, markup=False)
