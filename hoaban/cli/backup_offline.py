"""``hoaban backup offline``."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from hoaban import model
from hoaban.backup import offline as library
from hoaban.backup.drill import alone, folder_of
from hoaban.backup.journal import Journal
from hoaban.backup.lending import CloudLending
from hoaban.backup.place import Place
from hoaban.backup.show import sized
from hoaban.cli.backup_round import Outcome, each_host
from hoaban.cli.operation import JsonOption
from hoaban.console import stdout
from hoaban.converge.console import CloudConsole
from hoaban.converge.run import converge
from hoaban.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from hoaban.backup.journal import Entry
    from hoaban.backup.lending import Lending
    from hoaban.backup.offline_evidence import OfflineCopy
    from hoaban.console import Steps
    from hoaban.inventory.fleet import ManagedHost
    from hoaban.model.environment import VolumePlan

PLAYBOOK = "offline.yml"


def offline(
    host: Annotated[
        str | None, typer.Argument(help="A backup host; every one with offline volumes unless told")
    ] = None,
    due: Annotated[
        bool, typer.Option("--due", help="Only where the newest is half as old as it may be")
    ] = False,
    detach: Annotated[
        bool, typer.Option("--detach", help="Only detach what an interrupted run has left")
    ] = False,
    json_: JsonOption = False,
) -> None:
    """Make a third copy, on a volume that is attached for as long as it is written.

    The volume whose turn it is is attached to the backup host, which mounts it, copies what is
    new of every client, reads all that it wrote again, and unmounts it; then it is detached,
    whatever happened. The journal gets an entry. Exit status 1 when a copy does not count.

    Examples: `hoaban backup offline --due`, `hoaban backup offline backup-2`,
    `hoaban backup offline --detach`
    """
    if due and detach:
        raise UsageError("--due makes copies and --detach makes none", mend="name one of them")
    place = Place.here()
    journal = Journal(folder_of(place.workspace))
    chosen = library.keepers(place.fleet, host)
    if due:
        entries, now = journal.entries(), datetime.now(UTC)
        chosen = [one for one in chosen if library.due(one, entries, now)]

    def work(one: ManagedHost, steps: Steps) -> Outcome:
        with alone(place.workspace, f"offline-{one.name}", f"an offline copy of {one.name}"):
            lending = _lending(place, one)
            if detach:
                with steps.step(f"Volumes detached from {one.name}") as step:
                    left = library.detach_all(one, place.hosts, lending)
                    step.detail = ", ".join(left) or "none was attached"
                return Outcome({"host": one.name, "detached": left})
            prepare = _prepare(place, one, steps)
            entry, done = library.copy(one, place.hosts, lending, prepare, journal, steps)
        document = entry.model_dump(mode="json")
        return Outcome(document, not done.broken, lambda: _tell(entry, done))

    each_host(chosen, work, nothing="no offline copy is due", json_=json_)


def _lending(place: Place, host: ManagedHost) -> Lending:
    cloud = model.load(place.workspace.inventory).spec.cloud
    return CloudLending.of(host, cloud, place.workspace.inventory)


def _prepare(place: Place, host: ManagedHost, steps: Steps) -> Callable[[VolumePlan], None]:
    cloud = model.load(place.workspace.inventory).spec.cloud
    console = CloudConsole(cloud, place.workspace.inventory)

    def prepare(volume: VolumePlan) -> None:
        converge(
            place.workspace,
            host.environment.agency,
            console,
            steps,
            hosts=[host.name],
            playbook=PLAYBOOK,
            extra_vars={"hoaban_offline_label": volume.label},
        )

    return prepare


def _tell(entry: Entry, done: OfflineCopy) -> None:
    good = not done.broken
    text = Text("copied" if good else "failed", "green" if good else "bold red")
    written = sum(one.bytes for one in done.clients)
    text.append(
        f" {done.volume}: {len(done.clients)} clients, {sized(written)} written and read again, "
        f"{sized(done.free_bytes)} free; entry {entry.number}",
        "default",
    )
    stdout().print(text)
    for line in done.broken:
        stdout().print(f"  {line}", markup=False)
    if done.left_attached is not None:
        stdout().print(f"  try again: hoaban backup offline {done.host} --detach", markup=False)
