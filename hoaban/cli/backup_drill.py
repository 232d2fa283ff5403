"""``hoaban backup drill``."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from hoaban import model
from hoaban.backup import clients as promised
from hoaban.backup.access import borrow
from hoaban.backup.drill import alone, due, folder_of, longest_unproved
from hoaban.backup.drill import drill as practise
from hoaban.backup.evidence import Drill, Verdict
from hoaban.backup.journal import Journal
from hoaban.backup.place import Place
from hoaban.backup.scratch import ScratchStage
from hoaban.backup.show import drill_line
from hoaban.cli.backup_restore import IdentityOption
from hoaban.cli.backup_round import Outcome, each_host
from hoaban.cli.operation import JsonOption
from hoaban.console import stderr, stdout
from hoaban.converge.console import CloudConsole
from hoaban.errors import UsageError
from hoaban.provision.engines import engine_for
from hoaban.provision.target import DrillTarget

if TYPE_CHECKING:
    from pathlib import Path

    from hoaban.backup.clients import Client
    from hoaban.backup.journal import Entry
    from hoaban.console import Steps


def drill(
    agency: Annotated[
        str | None,
        typer.Argument(help="Slug of the agency; `province` for the foundation's own hosts"),
    ] = None,
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

    Examples: `hoaban backup drill so-y-te`, `hoaban backup drill province`,
    `hoaban backup drill --due`
    """
    if (agency is None) != due_ or (due_ and (host or clean)):
        raise UsageError("name an agency, or say --due", mend="hoaban backup drill so-y-te")
    place = Place.here()
    journal = Journal(folder_of(place.workspace))
    chosen = _chosen(place, journal, agency, host)

    def work(client: Client, steps: Steps) -> Outcome | None:
        if clean:
            _clean(place, client, steps)
            return None
        entry, done = _practise(place, client, journal, identity, steps)
        good = done.verdict is Verdict.PROVED and done.left_behind is None
        return Outcome(entry.model_dump(mode="json"), good, lambda: _tell(entry, done))

    each_host(chosen, work, nothing="no drill is due", json_=json_)


def _chosen(place: Place, journal: Journal, agency: str | None, host: str | None) -> list[Client]:
    """Whose backup is tried: of the host, of one host of the agency, or of all that are due."""
    found = promised.clients(place.fleet, agency)
    if agency is None:
        return due(found, journal.entries(), datetime.now(UTC))
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
