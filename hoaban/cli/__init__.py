"""The command ``hoaban``: one module a verb, loaded when it is called.

A verb's module holds its typer function and nothing else of weight, so that ``hoaban --help`` and
completion answer at once.
"""

from __future__ import annotations

import errno
import importlib
import keyword
import logging
import sys
from typing import TYPE_CHECKING, Annotated, cast

import typer
from typer._click.exceptions import ClickException  # typer's own copy of click
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command

from hoaban import __version__
from hoaban.console import print_error, stderr
from hoaban.errors import ExitCode, HoabanError, Location, UsageError
from hoaban.interrupts import Abandoned, leave

if TYPE_CHECKING:
    from typer._click.core import Context

NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)

VERBS = {
    "quickstart": "From nothing to a handover report, on this machine's own OpenStack",
    "init": "Make the inventory of a new province",
    "new": "Add an agency: a file to fill in, and its addresses",
    "check": "Validate the inventory; every error with file, line, key and mend",
    "plan": "Show what provisioning would change",
    "approve": "Look at a saved plan, and approve it as a second person",
    "up": "Provision, converge, verify and report",
    "converge": "Configure the servers of an agency or the province",
    "verify": "Check on the running hosts what was promised",
    "update": "Update the packages of servers, in waves that have to stay well",
    "report": "Write the handover report",
    "backup": "Backups: list, run, restore, and drills that prove them",
    "status": "Show stacks and their servers",
    "refresh": "Read the cloud into the state; show what was changed by hand",
    "import": "Bring objects that exist in the cloud under a stack",
    "destroy": "Remove an environment",
    "orphans": "Objects in the cloud that a stack made and no state owns",
    "cancel": "Release the lock of an operation that died",
    "stack": "Stacks: list, make, rename, export, import, history, outputs",
    "secrets": "The passphrases that the secrets of stacks are under",
    "state": "The record of a stack: mend, restore, take out, rename",
    "ssh": "Log in to a host, through the bastion",
    "vpn": "Tunnels between the sites and the data centre: state, keys",
    "address": "The address plan and its ledger",
    "links": "Circuits of the offices",
    "interfaces": "Who gets which data of whom, on what ground, until when",
    "lab": "A real OpenStack on this machine",
    "image": "The guest image",
    "schema": "JSON Schemas of the inventory, for editors",
    "doctor": "What this machine lacks, and the command that mends it",
}


class LazyGroup(TyperGroup):
    """Loads ``hoaban.cli.<verb>`` when the verb is called."""

    def list_commands(self, ctx: Context) -> list[str]:
        """Verbs in the order of use."""
        del ctx
        return list(VERBS)

    def get_command(self, ctx: Context, cmd_name: str) -> TyperCommand | TyperGroup | None:
        """The verb's command; its help line comes from the table, without loading it."""
        if cmd_name not in VERBS:
            return None
        asking_all = ctx.invoked_subcommand is None and "--help" in sys.argv[1:2]
        if asking_all:
            return TyperCommand(cmd_name, help=VERBS[cmd_name])
        return load_verb(cmd_name)


def load_verb(name: str) -> TyperCommand | TyperGroup:
    """Import a verb: a module's ``app`` (verbs of its own) or the function of the same name.

    What Python keeps for itself has a line after its name there.
    """
    python = f"{name}_" if keyword.iskeyword(name) else name
    module = importlib.import_module(f"hoaban.cli.{python}")
    app = getattr(module, "app", None)
    if app is None:
        app = typer.Typer(add_completion=False, rich_markup_mode="markdown")
        app.command(name=name)(getattr(module, python))
    command = cast("TyperCommand | TyperGroup", get_command(app))
    command.name = name
    command.short_help = VERBS[name]
    return command


app = typer.Typer(
    cls=LazyGroup, no_args_is_help=True, rich_markup_mode="markdown", add_completion=True
)


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"hoaban {__version__}")
        raise typer.Exit


@app.callback(epilog="Exit status: 0 done, 1 error, 2 usage, 3 policy, 4 drift, 130 interrupted.")
def root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Say the version")
    ] = False,
) -> None:
    """A provincial data centre, as code."""
    del version


def _no_room(error: OSError) -> HoabanError:
    file = error.filename2 or error.filename
    return HoabanError(
        f"cannot write: {error.strerror}",
        where=Location(file=str(file)) if file else None,
        mend="make room (df -h tells where there is none), then run the same command again; "
        "what was there is intact",
    )


def _typed_wrong(error: ClickException) -> UsageError:
    context = getattr(error, "ctx", None)
    command = context.command_path if context else "hoaban"
    return UsageError(error.format_message(), mend=f"{command} --help")


def main() -> None:
    """Run the command; errors that people can mend are told without a traceback."""
    for library in ("keystoneauth", "openstack"):  # what they warn of comes back as an error
        logging.getLogger(library).addHandler(logging.NullHandler())
    as_json = "--json" in sys.argv
    try:
        # On its own typer tells what was typed wrong in a frame, and ends; a program wants JSON.
        status = app(standalone_mode=not as_json)
        sys.exit(status if isinstance(status, int) else 0)
    except Abandoned as error:
        print_error(error, as_json=as_json)
        leave()
    except HoabanError as error:
        print_error(error, as_json=as_json)
        sys.exit(int(error.exit_code))
    except ClickException as error:
        print_error(_typed_wrong(error), as_json=as_json)
        sys.exit(error.exit_code)
    except typer.Abort:
        sys.exit(int(ExitCode.ERROR))
    except OSError as error:
        if error.errno not in NO_ROOM:
            raise
        print_error(_no_room(error), as_json=as_json)
        sys.exit(int(ExitCode.ERROR))
    except KeyboardInterrupt:
        stderr().print("interrupted")
        sys.exit(int(ExitCode.INTERRUPTED))
