"""``hoaban backup journal``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from hoaban.backup.drill import folder_of
from hoaban.backup.evidence import drills_in
from hoaban.backup.journal import Journal
from hoaban.backup.offline_evidence import offline_in
from hoaban.backup.show import ago
from hoaban.cli.operation import JsonOption
from hoaban.console import print_json, stdout
from hoaban.errors import HoabanError
from hoaban.workspace import Workspace

if TYPE_CHECKING:
    from hoaban.backup.journal import Entry
    from hoaban.backup.offline_evidence import OfflineCopy

app = typer.Typer(add_completion=False, rich_markup_mode="markdown", invoke_without_command=True)


@app.callback()
def journal(
    context: typer.Context,
    json_: JsonOption = False,
) -> None:
    """Show the drills and offline copies, the newest last.

    Examples: `hoaban backup journal`, `hoaban backup journal verify`
    """
    if context.invoked_subcommand is not None:
        return
    entries = Journal(folder_of(Workspace.find())).entries()
    if json_:
        print_json([entry.model_dump(mode="json") for entry in entries])
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in (
        "entry",
        "ended",
        "host or volume",
        "verdict",
        "snapshot age",
        "took",
        "files",
        "digest",
    ):
        table.add_column(title)
    copies = {entry.number: (entry, one) for entry, one in offline_in(entries)}
    drills = {entry.number: (entry, one) for entry, one in drills_in(entries)}
    for number in sorted({*copies, *drills}):
        if number in copies:
            table.add_row(*_offline_row(*copies[number]))
            continue
        entry, one = drills[number]
        took = f"{one.took_seconds:.0f} s" if one.took_seconds is not None else "-"
        table.add_row(
            str(entry.number),
            f"{entry.time:%Y-%m-%d %H:%M}",
            one.host,
            str(one.verdict),
            ago(one.age) if one.age is not None else "-",
            took,
            str(one.files.same) if one.files else "-",
            entry.digest[:16],
        )
    stdout().print(table)


def _offline_row(entry: Entry, one: OfflineCopy) -> tuple[str, ...]:
    took = f"{one.took_seconds:.0f} s" if one.took_seconds is not None else "-"
    files = str(sum(client.files for client in one.clients))
    verdict = "failed" if one.broken else "copied"
    when = f"{entry.time:%Y-%m-%d %H:%M}"
    return (str(entry.number), when, one.volume, verdict, "-", took, files, entry.digest[:16])


@app.command("verify")
def verify(
    head: Annotated[
        str | None,
        typer.Option("--head", help="Digest that a report quotes: its entry must be there"),
    ] = None,
    json_: JsonOption = False,
) -> None:
    """Follow the chain: exit status 1 when any entry was changed, added, moved or taken away.

    Examples: `hoaban backup journal verify`, `hoaban backup journal verify --head 3f1c9a0b…`
    """
    journal_ = Journal(folder_of(Workspace.find()))
    entries = journal_.entries()
    if head is not None and not any(entry.digest.startswith(head.lower()) for entry in entries):
        raise HoabanError(
            f"no entry has the digest {head}, which a report quotes",
            mend="entries were cut off or rewritten since: take the journal from a copy",
        )
    newest = entries[-1].digest if entries else None
    if json_:
        print_json({"entries": len(entries), "head": newest})
    else:
        stdout().print(f"{len(entries)} entries, each as it was written; newest {newest or '-'}")
