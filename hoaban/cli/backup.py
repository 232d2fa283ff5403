"""``hoaban backup``."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from hoaban import model
from hoaban.backup import clients as promised
from hoaban.backup import restore as restoring
from hoaban.backup.access import borrow
from hoaban.backup.drill import alone, due, folder_of, longest_unproved
from hoaban.backup.drill import drill as practise
from hoaban.backup.evidence import Drill, Verdict, drills_in
from hoaban.backup.journal import Journal
from hoaban.backup.overview import run_now, survey
from hoaban.backup.scratch import ScratchStage
from hoaban.backup.show import ago, drill_line, sized, table_of
from hoaban.backup.snapshots import moment
from hoaban.backup.stream import RemoteHosts
from hoaban.cli.operation import Failures, JsonOption, YesOption
from hoaban.console import Steps, print_json, stderr, stdout
from hoaban.converge.console import CloudConsole
from hoaban.errors import ExitCode, HoabanError, UsageError, listed
from hoaban.inventory import sshconfig
from hoaban.inventory.fleet import Fleet
from hoaban.provision.engines import engine_for
from hoaban.provision.target import DrillTarget
from hoaban.remote import Remote
from hoaban.workspace import Workspace

if TYPE_CHECKING:
    from hoaban.backup.clients import Client
    from hoaban.backup.journal import Entry
    from hoaban.backup.repository import Rehearsal

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode="markdown",
    help="Backups: list, run, restore, and drills that prove them.",
)
journal_app = typer.Typer(
    add_completion=False, rich_markup_mode="markdown", invoke_without_command=True
)
app.add_typer(journal_app, name="journal", help="The evidence of drills, chained by SHA-256")

WhoseArgument = Annotated[
    str | None, typer.Argument(help="An agency or a host; every host with a backup unless told")
]
IdentityOption = Annotated[
    Path | None,
    typer.Option("--identity", help="age identity that opens the escrow; the workspace's own"),
]


@dataclass(frozen=True, slots=True)
class Place:
    """The workspace a verb is run in, its hosts, and the way to them."""

    workspace: Workspace
    fleet: Fleet
    hosts: RemoteHosts

    @classmethod
    def here(cls) -> Place:
        """Read the state; no host is asked."""
        workspace = Workspace.find()
        fleet = Fleet.read(workspace)
        return cls(workspace, fleet, RemoteHosts(Remote(sshconfig.write(workspace, fleet))))


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


@app.command("restore")
def restore(
    host: Annotated[str, typer.Argument(help="Host whose backup is restored")],
    at: Annotated[
        str | None, typer.Option("--at", help="The newest not after this time (ISO 8601)")
    ] = None,
    snapshot: Annotated[
        str | None, typer.Option("--snapshot", help="Identifier of a snapshot, or its beginning")
    ] = None,
    paths: Annotated[
        list[str] | None, typer.Option("--path", help="Only this file or folder; may be repeated")
    ] = None,
    to: Annotated[
        str | None, typer.Option("--to", help="Another host; needs the escrow of the first")
    ] = None,
    target: Annotated[
        str | None, typer.Option("--target", help="Folder there; else each file at its own place")
    ] = None,
    delete: Annotated[
        bool, typer.Option("--delete", help="Delete what is there and not in the snapshot")
    ] = False,
    identity: IdentityOption = None,
    yes: YesOption = False,
    json_: JsonOption = False,
) -> None:
    """Restore a host's backup: to itself, another host or a folder; whole or by path; at a time.

    Asks before a file is overwritten. All that is restored is read again and compared with the
    snapshot. Deletes nothing unless told.

    Examples: `hoaban backup restore so-y-te-noi-bo-data-1 --path /srv/db --at 2026-11-22T06:00`,
    `hoaban backup restore so-y-te-noi-bo-data-1 --target /srv/old`
    """
    place = Place.here()
    order = restoring.Order(
        host=place.fleet.host(host).name,
        at=moment(at) if at else None,
        snapshot=snapshot,
        paths=tuple(paths or ()),
        to=to,
        target=target,
        delete=delete,
        identity=identity,
    )

    def confirm(rehearsal: Rehearsal) -> bool:
        return yes or _ask(rehearsal)

    with Steps(quiet=json_) as steps:
        done = restoring.restore(place.workspace, place.fleet, place.hosts, order, steps, confirm)
    if done is None:
        raise HoabanError("stopped; nothing was changed", mend="--target DIR restores beside it")
    if json_:
        print_json(done.to_json())
    else:
        stdout().print(
            f"{done.restored.files} files and folders ({sized(done.restored.bytes)}) of "
            f"{done.snapshot.time:%Y-%m-%d %H:%M} UTC restored to {done.to}:{done.target} "
            f"in {done.seconds:.0f} s",
            markup=False,
        )


def _ask(rehearsal: Rehearsal) -> bool:
    told = [
        f"{count} files would be {fate}"
        for fate, count in (("overwritten", rehearsal.updated), ("deleted", rehearsal.deleted))
        if count
    ]
    names = [name for key in ("deleted", "updated") for name in rehearsal.names.get(key, ())]
    if not sys.stdin.isatty():
        raise HoabanError(
            "; ".join(told),
            mend="if they may be: run it again with --yes",
            detail="\n".join(names) or None,
        )
    for name in names:
        stderr().print(f"  {name}", markup=False)
    return typer.confirm(f"{'; '.join(told)}. Go on?", default=False, err=True)


@app.command("drill")
def drill(
    agency: Annotated[str | None, typer.Argument(help="Slug of the agency")] = None,
    host: Annotated[
        str | None, typer.Option("--host", help="Which host; else the one unproved for longest")
    ] = None,
    due_: Annotated[
        bool, typer.Option("--due", help="All hosts whose proof is older than the policy wants")
    ] = False,
    clean: Annotated[
        bool, typer.Option("--clean", help="Only remove the scratch server that a drill left")
    ] = False,
    identity: IdentityOption = None,
    json_: JsonOption = False,
) -> None:
    """Prove that a backup can be restored: on a fresh scratch server, compared, measured.

    A stack makes the server in the agency's network; the newest snapshot is restored and compared
    with the checksums of the backup, databases row by row; RPO and RTO are held against the
    policy; the journal gets an entry; the server is removed. Exit status 1 when it is not proved.

    Examples: `hoaban backup drill so-y-te`, `hoaban backup drill --due`
    """
    if (agency is None) != due_ or (due_ and (host or clean)):
        raise UsageError("name an agency, or say --due", mend="hoaban backup drill so-y-te")
    place = Place.here()
    journal = Journal(folder_of(place.workspace))
    chosen = _chosen(place, journal, agency, host)
    results: list[dict[str, Any]] = []
    failures = Failures()
    good = True
    with Steps(quiet=json_) as steps:
        for client in chosen:
            try:
                if clean:
                    _clean(place, client, steps)
                    continue
                entry, done = _practise(place, client, journal, identity, steps)
            except HoabanError as error:
                failures.add(client.name, error)
                results.append({"host": client.name, "errors": listed(error)})
                continue
            good = good and done.verdict is Verdict.PROVED and done.left_behind is None
            results.append(entry.model_dump(mode="json") | {"errors": []})
            if not json_:
                _tell(entry, done)
    if json_:
        print_json(results)
    elif not chosen:
        stdout().print("no drill is due")
    failures.tell(quiet=json_)
    if not good:
        raise typer.Exit(int(ExitCode.ERROR))


def _chosen(place: Place, journal: Journal, agency: str | None, host: str | None) -> list[Client]:
    """Whose backup is tried: of the host, of one host of the agency, or of all that are due."""
    found = promised.clients(place.fleet, agency)
    if agency is None:
        able = [one for one in found if one.can_drill]
        return due(able, journal.entries(), datetime.now(UTC))
    if host is None:
        return [longest_unproved(found, journal.entries())]
    named = [one for one in promised.clients(place.fleet, host) if one.agency == agency]
    if not named:
        raise UsageError(f"{host} is not a host of {agency}", mend="hoaban status")
    return named


def _stage(place: Place, client: Client, steps: Steps) -> ScratchStage:
    province = model.load(place.workspace.inventory)
    target = DrillTarget(place.workspace, province, client.agency, client.name)
    console = CloudConsole(province.spec.cloud, place.workspace.inventory)
    return ScratchStage(target, engine_for(), console, steps)


def _clean(place: Place, client: Client, steps: Steps) -> None:
    with alone(place.workspace, client.agency), steps.step("Scratch server removed") as step:
        step.detail = "" if _stage(place, client, steps).clear() else "there was none"


def _practise(
    place: Place, client: Client, journal: Journal, identity: Path | None, steps: Steps
) -> tuple[Entry, Drill]:
    stage = _stage(place, client, steps)
    with alone(place.workspace, client.agency):
        return practise(
            client,
            place.hosts,
            stage,
            lambda: borrow(place.workspace, place.fleet, place.hosts, client.name, identity),
            journal,
            steps,
        )


def _tell(entry: Entry, done: Drill) -> None:
    stdout().print(drill_line(entry, done))
    for line in done.broken:
        stdout().print(f"  {line}", markup=False)
    if done.verdict is Verdict.UNPROVED:
        stdout().print(f"  {done.why_unproved}", markup=False)
    if done.left_behind is not None:
        stderr().print(
            f"  the scratch server could not be removed: {done.left_behind}; "
            f"try again: hoaban backup drill {done.agency} --clean",
            markup=False,
        )


@journal_app.callback()
def journal(
    context: typer.Context,
    json_: JsonOption = False,
) -> None:
    """Show the drills, the newest last.

    Examples: `hoaban backup journal`, `hoaban backup journal verify`
    """
    if context.invoked_subcommand is not None:
        return
    entries = Journal(folder_of(Workspace.find())).entries()
    if json_:
        print_json([entry.model_dump(mode="json") for entry in entries])
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in ("entry", "ended", "host", "verdict", "snapshot age", "took", "files", "digest"):
        table.add_column(title)
    for entry, one in drills_in(entries):
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


@journal_app.command("verify")
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
