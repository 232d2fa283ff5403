"""How backups stand, measured for a verification: by the clients, their keeper and the journal.

What hosts tell is theirs to tell wrongly: nothing in it is trusted further than the check goes.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from pydantic import BaseModel, ConfigDict, ValidationError

from hoaban.backup.clients import client_of
from hoaban.backup.drill import folder_of
from hoaban.backup.evidence import Drill, Verdict, drills_in
from hoaban.backup.journal import Journal
from hoaban.backup.offline_evidence import offline_in
from hoaban.errors import HoabanError
from hoaban.model.spec import ProvinceService

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from hoaban.backup.journal import Entry
    from hoaban.backup.offline_evidence import OfflineCopy
    from hoaban.backup.stream import Hosts
    from hoaban.inventory.fleet import Fleet, ManagedHost
    from hoaban.workspace import Workspace

SIDE_BY_SIDE: Final = 8


class Told(BaseModel):
    """A part of what a host tells; what later roles add is passed over."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class LastRun(Told):
    """The last run of a client."""

    outcome: str = ""
    error: str | None = None


class Made(Told):
    """The last good snapshot, as the client knows it."""

    id: str
    files: int | None = None
    bytes: int | None = None


class ClientFile(Told):
    """The client's own file of its state."""

    last: LastRun | None = None
    snapshot: Made | None = None


class ClientState(Told):
    """What a client tells of itself; ages in seconds."""

    configured: bool
    state: ClientFile | None
    snapshot_age: float | None
    since_age: float | None
    timer: dict[str, str]
    server: str


class Checked(Told):
    """The rotation in which the keeper reads all data again."""

    outcome: str | None = None
    damaged: list[int] = []
    all_read: str | None = None


class KeptFile(Told):
    """The keeper's file about one client."""

    outcome: str
    error: str | None = None
    snapshots: int | None = None
    over_quota: bool = False
    check: Checked = Checked()


class KeptState(Told):
    """What the keeper tells of a client; ``age`` of its last maintenance, in seconds."""

    state: KeptFile | None
    age: float | None


class CopyFile(Told):
    """The keeper's file about the copy of one client at one place."""

    outcome: str
    error: str | None = None
    snapshots: int | None = None
    hours: int


class CopyState(Told):
    """What the keeper tells of a copy; ages in seconds, of it and of the first attempt."""

    state: CopyFile | None
    age: float | None
    since_age: float | None


class StoreFile(Told):
    """The keeper's file about itself."""

    outcome: str
    free_bytes: int | None = None
    size_bytes: int | None = None
    clients: int | None = None
    failed: list[str] = []


class StoreState(Told):
    """What the keeper tells of itself."""

    state: StoreFile | None
    age: float | None


class OfflineState(Told):
    """What a keeper tells of volumes that should be detached: identifiers of those it has."""

    present: list[str]


@dataclass(frozen=True, slots=True)
class Proof:
    """The last drill of a host that came to something, and the last that proved it."""

    last: Drill
    last_entry: Entry
    proved: Drill | None
    proved_entry: Entry | None
    age: timedelta | None
    """Time since the last proof."""


@dataclass(frozen=True, slots=True)
class Watch:
    """All that was measured. Errors are in words, by the host that was asked."""

    clients: Mapping[str, ClientState] = field(default_factory=dict)
    kept: Mapping[str, KeptState] = field(default_factory=dict)
    """By client; what a standby maintains by ``STANDBY/CLIENT``."""
    copies: Mapping[str, Mapping[str, CopyState]] = field(default_factory=dict)
    """By client and standby, as whom they are copied from tells."""
    store: Mapping[str, StoreState] = field(default_factory=dict)
    silent: Mapping[str, str] = field(default_factory=dict)
    offline: Mapping[str, OfflineState] = field(default_factory=dict)
    """By the keeper that has volumes of a third copy."""
    offline_copies: Sequence[tuple[Entry, OfflineCopy]] = ()
    """As the journal has them, the oldest first."""
    attached: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """Servers that have a volume of a third copy, by its identifier, as the cloud tells."""
    unasked: str = ""
    """Why the cloud was not asked that; empty when it was."""
    proofs: Mapping[str, Proof] = field(default_factory=dict)
    now: datetime = field(default_factory=lambda: datetime.now(UTC))
    """When it was measured."""
    fault: str = ""
    """Why the journal of drills proves nothing; empty when its chain holds."""


def watch(
    workspace: Workspace, fleet: Fleet, hosts: Hosts, answering: Sequence[ManagedHost]
) -> Watch:
    """Ask those of the hosts that have backups promised, and the hosts that keep them."""
    own = [host.name for host in answering if client_of(host) is not None]
    keepers = [
        host for host in fleet.hosts.values() if ProvinceService.BACKUP_HOST in host.plan.services
    ]
    # In a verification of the province the keepers answer for all clients that there are.
    verified = [host for host in answering if host in keepers]
    everyone = [host.name for host in fleet.hosts.values() if client_of(host) is not None]
    wanted = everyone if verified else own
    asked: dict[str, dict[str, Any]] = {name: {"client": True, "kept": []} for name in own}
    for keeper in keepers if wanted or verified else []:
        # A standby keeps copies below the account of the host that made them.
        of = keeper.plan.standby_of
        kept = [f"{of}/{name}" for name in wanted] if of else wanted
        copies = [one.name for one in keepers if one.plan.standby_of == keeper.name]
        offline = list(keeper.output.offline_ids.values()) if keeper in verified else []
        asked[keeper.name] = {"client": False, "kept": kept, "copies": copies}
        if offline:
            asked[keeper.name]["offline"] = offline
    heard = _Heard()

    def ask(name: str) -> None:
        try:
            hosts.run(name, "state", asked[name], lambda event: heard.take(name, event))
        except HoabanError as error:
            heard.silent[name] = error.what

    with ThreadPoolExecutor(max_workers=SIDE_BY_SIDE) as pool:
        list(pool.map(ask, asked))
    reading = Journal(folder_of(workspace)).read()
    return Watch(
        clients=heard.clients,
        kept=heard.kept,
        copies=heard.copies,
        store=heard.store,
        offline=heard.offline,
        offline_copies=offline_in(reading.entries),
        silent=heard.silent,
        proofs=proofs(reading.entries, datetime.now(UTC)),
        fault=reading.fault,
    )


@dataclass(slots=True)
class _Heard:
    clients: dict[str, ClientState] = field(default_factory=dict)
    kept: dict[str, KeptState] = field(default_factory=dict)
    copies: dict[str, dict[str, CopyState]] = field(default_factory=dict)
    store: dict[str, StoreState] = field(default_factory=dict)
    offline: dict[str, OfflineState] = field(default_factory=dict)
    silent: dict[str, str] = field(default_factory=dict)

    def take(self, host: str, event: Mapping[str, Any]) -> None:
        """Sort what a host tells; what can't be understood counts as silence."""
        try:
            match event.get("event"):
                case "client":
                    self.clients[host] = ClientState.model_validate(event)
                case "kept":
                    _, copied, client = str(event.get("client")).rpartition("/")
                    name = f"{host}/{client}" if copied else client
                    self.kept[name] = KeptState.model_validate(event)
                case "copy":
                    told = CopyState.model_validate(event)
                    self.copies.setdefault(str(event["client"]), {})[str(event["place"])] = told
                case "offline":
                    self.offline[host] = OfflineState.model_validate(event)
                case "store":
                    self.store[host] = StoreState.model_validate(event)
        except ValidationError as error:
            self.silent[host] = f"its state can't be read: {error.errors()[0]['msg']}"


def proofs(entries: Sequence[Entry], now: datetime) -> dict[str, Proof]:
    """What the journal tells of each host; drills that could not be carried out tell nothing."""
    found: dict[str, Proof] = {}
    for entry, drill in drills_in(entries):
        if drill.verdict is Verdict.UNPROVED:
            continue
        before = found.get(drill.host)
        proved, proved_entry = (before.proved, before.proved_entry) if before else (None, None)
        if drill.verdict is Verdict.PROVED:
            proved, proved_entry = drill, entry
        age = now - proved_entry.time if proved_entry else None
        found[drill.host] = Proof(drill, entry, proved, proved_entry, age)
    return found
