"""``hoaban backup``."""

from __future__ import annotations

from typing import Annotated

import typer

from hoaban.backup import clients as promised
from hoaban.backup.overview import run_now, survey
from hoaban.backup.place import Place
from hoaban.backup.show import sized, table_of
from hoaban.cli import backup_journal
from hoaban.cli.backup_drill import drill
from hoaban.cli.backup_offline import offline
from hoaban.cli.backup_restore import restore
from hoaban.cli.operation import Failures, JsonOption
from hoaban.console import Steps, print_json, stdout
from hoaban.errors import ExitCode

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode="markdown",
    help="Backups: list, run, restore, drills that prove them, and copies offline.",
)

WhoseArgument = Annotated[
    str | None, typer.Argument(help="An agency or a host; every host with a backup unless told")
]


@app.command("list")
def list_(whose: WhoseArgument = None, json_: JsonOption = False) -> None:
    """List snapshots by host, with their age against the policy (RPO).

    Exit status 1 when a host's newest is older than its policy allows, or a host can't be asked.

    Examples: `hoaban backup list`, `hoaban backup list so-y-te --json`
    """
    place = Place.here()
    kept = survey(place.hosts, promised.clients(place.fleet, whose))
    failures = Failures()
    for one in kept:
        if one.error is not None:
            failures.add(one.client.name, one.error)
    if json_:
        print_json([one.to_json() for one in kept])
    else:
        stdout().print(table_of(kept))
    failures.tell(quiet=json_)
    if not all(one.in_time for one in kept):
        raise typer.Exit(int(ExitCode.ERROR))


@app.command("run")
def run(
    whose: Annotated[str, typer.Argument(help="A host, or an agency: all its hosts")],
    json_: JsonOption = False,
) -> None:
    """Make a backup now, of one host after the other. Exit status 1 when one failed.

    Examples: `hoaban backup run so-y-te`, `hoaban backup run so-y-te-noi-bo-data-1`
    """
    place = Place.here()
    ran = []
    failures = Failures()
    with Steps(quiet=json_) as steps:
        for client in promised.clients(place.fleet, whose):
            step = steps.start(f"Backup of {client.name}")
            one = run_now(place.hosts, client.name)
            ran.append(one)
            told = one.to_json()
            detail = f"{told['files']} files, {sized(told['bytes'])}" if told["snapshot"] else ""
            steps.end(step, ok=one.error is None, detail=detail)
            if one.error is not None:
                failures.add(client.name, one.error)
    if json_:
        print_json([one.to_json() for one in ran])
    failures.tell(quiet=json_)


app.command("restore")(restore)
app.command("drill")(drill)
app.command("offline")(offline)
app.add_typer(
    backup_journal.app,
    name="journal",
    help="The evidence of drills and offline copies, chained by SHA-256",
)
