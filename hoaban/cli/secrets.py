"""``hoaban secrets``."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hoaban.cli.operation import JsonOption, YesOption, require_yes
from hoaban.console import print_json, stderr, stdout
from hoaban.errors import UsageError
from hoaban.provision.named import named
from hoaban.provision.rotation import new_passphrase, rotate_all, rotate_one
from hoaban.workspace import Workspace

if TYPE_CHECKING:
    from hoaban.engine.embedded.rotation import Rotated

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode="markdown",
    help="The passphrases that the secrets of stacks are under.",
)


@app.callback()
def secrets() -> None:
    """The passphrases that the secrets of stacks are under."""


@app.command("rotate")
def rotate(
    name: Annotated[str | None, typer.Argument(help="An agency; or project/stack")] = None,
    everything: Annotated[
        bool, typer.Option("--all", help="Every stack, under one new passphrase")
    ] = False,
    to: Annotated[
        Path | None,
        typer.Option("--to", help="A file (mode 0600) with the new one; random unless told"),
    ] = None,
    yes: YesOption = False,
    json_: JsonOption = False,
) -> None:
    """Encrypt a stack's secrets anew: state, .bak, backups, history and configuration.

    A single stack gets a passphrase of its own, in `keys/passphrases`; with --all it is the
    workspace's. No ciphertext of before stays. When it is interrupted, the stack opens with exactly
    one of the two, and the same command goes on.

    Keep a copy of `keys/` where you keep the one of before: without it no state opens.

    Examples: `hoaban secrets rotate xa-long-sap --yes`, `hoaban secrets rotate --all --yes`
    """
    if bool(name) == everything:
        raise UsageError("name an agency, or --all", mend="hoaban secrets rotate --help")
    workspace = Workspace.find()
    passphrase = new_passphrase(to)
    what = "every stack" if everything else str(name)
    require_yes(f"Encrypt the secrets of {what} under a new passphrase?", yes=yes)
    if everything:
        done = rotate_all(workspace, passphrase, lambda one: _tell(one, quiet=json_))
    else:
        done = [rotate_one(named(workspace, name), passphrase)]
        _tell(done[0], quiet=json_)
    if json_:
        print_json([asdict(one) for one in done])
    else:
        stderr().print(f"keep a copy of {workspace.keys}", markup=False)


def _tell(one: Rotated, *, quiet: bool) -> None:
    if quiet:
        return
    stdout().print(f"{one.stack}: {one.secrets} secrets in {one.files} files", markup=False)
    for line in one.left:
        stdout().print(f"  left, could not be read: {line}", markup=False)
