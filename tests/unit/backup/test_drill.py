"""Drills: what they measure, what they come to, and that the scratch server always goes."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from hoaban.backup.access import Access
from hoaban.backup.clients import clients
from hoaban.backup.drill import alone, drill, due, longest_unproved
from hoaban.backup.evidence import Drill, Verdict, drills_in
from hoaban.backup.journal import Journal
from hoaban.console import Steps
from hoaban.errors import HoabanError
from hoaban.testing import estate
from tests.unit.backup.fakes import PEM, FakeHosts, good_comparison, snapshot

if TYPE_CHECKING:
    from pathlib import Path

    from hoaban.backup.clients import Client
    from hoaban.backup.journal import Entry
    from hoaban.inventory.fleet import Fleet
    from hoaban.workspace import Workspace

HOUR = timedelta(hours=1)
SCRATCH = "so-y-te-drill"


@dataclass
class FakeStage:
    """A scratch server that is made or not."""

    left: bool = False
    broken: str = ""
    stuck: bool = False
    interrupted: bool = False
    did: list[str] = field(default_factory=list)

    def clear(self) -> bool:
        self.did.append("clear")
        return self.left

    def build(self) -> None:
        self.did.append("build")
        if self.interrupted:
            raise KeyboardInterrupt
        if self.broken:
            raise HoabanError(self.broken)

    def configure(self) -> str:
        self.did.append("configure")
        return SCRATCH

    def remove(self) -> None:
        self.did.append("remove")
        if self.stuck:
            raise HoabanError("the cloud refuses")


@pytest.fixture
def client(fleet: Fleet) -> Client:
    return clients(fleet)[0]


def tried(
    client: Client, folder: Path, hosts: FakeHosts, stage: FakeStage | None = None
) -> tuple[Entry, Drill]:
    return drill(
        client,
        hosts,
        stage or FakeStage(),
        lambda: Access({"RESTIC_PASSWORD": "secret"}, PEM),
        Journal(folder),
        Steps(quiet=True),
    )


def good(age: timedelta = 2 * HOUR, **more: Any) -> FakeHosts:
    return FakeHosts(snapshots=[snapshot(1, age)], compared=[good_comparison(**more)])


def database(name: str, rows: int, **more: str) -> dict[str, Any]:
    told = {"event": "database", "name": name, "tables": 1, "rows": rows}
    return {**told, "problem": None, "untried": None, **more}


def test_a_good_drill_is_proved_and_written_down(client: Client, tmp_path: Path) -> None:
    stage, hosts = FakeStage(), good()
    entry, done = tried(client, tmp_path, hosts, stage)
    assert done.verdict is Verdict.PROVED
    assert stage.did == ["clear", "build", "configure", "remove"]
    assert done.files is not None
    assert (done.files.same, done.files.differences) == (3, 0)
    assert done.age is not None
    assert 2 * HOUR <= done.age < 3 * HOUR
    assert done.took_seconds is not None
    assert done.took_seconds >= sum(done.phases.values()) - 0.5
    assert set(done.phases) == {"server", "configure", "snapshot", "restore", "compare"}
    assert entry.record["verdict"] == "proved"
    assert [one for _, one in drills_in(Journal(tmp_path).entries())] == [done]
    # All that restic did was done on the scratch server, with the access that was lent.
    assert all("access" in asked for _, agent, asked in hosts.asked if agent == "restic")
    assert {name for name, _, _ in hosts.asked} == {SCRATCH}
    assert hosts.arguments()[-1][2:4] == ["--target", "/srv/drill"]
    assert "secret" not in (tmp_path / "journal.jsonl").read_text()


@pytest.mark.parametrize(
    ("age", "comparison", "word"),
    [
        (30 * HOUR, {}, "RPO"),
        (-2 * HOUR, {}, "of the future"),
        (HOUR, {"differences": 1, "examples": [["/srv/a", "is missing"]]}, "/srv/a: is missing"),
    ],
)
def test_what_breaks_the_promise_fails_the_drill(
    client: Client, tmp_path: Path, age: timedelta, comparison: dict[str, Any], word: str
) -> None:
    entry, done = tried(client, tmp_path, good(age, **comparison))
    assert done.verdict is Verdict.FAILED
    assert len(done.broken) == 1
    assert word in done.broken[0]
    assert entry.record["broken"] == done.broken


def test_a_restore_that_takes_too_long_fails() -> None:
    now = datetime.now(UTC)
    done = Drill(
        agency="a", host="h", toolkit="0", ordered=now, rpo_seconds=3600, rto_seconds=3600,
        snapshot="x", snapshot_time=now, took_seconds=7200,
    )  # fmt: skip
    assert done.verdict is Verdict.FAILED
    assert "RTO" in done.broken[0]


def test_rows_that_did_not_come_back_fail_the_drill(client: Client, tmp_path: Path) -> None:
    hosts = good()
    hosts.compared += [
        database("fine", 9),
        database("lost", 1, problem="t has 1 rows"),
    ]
    _, done = tried(client, tmp_path, hosts)
    assert done.verdict is Verdict.FAILED
    assert done.broken == ["database lost: t has 1 rows"]


@pytest.mark.parametrize(
    ("compared", "why"),
    [
        ([{"event": "files", "manifest": None}], "no manifest"),
        ([good_comparison(files=0)], "no file could be compared"),
        ([], "no manifest"),
        ([good_comparison(), database("main", 0, untried="no PostgreSQL 17")], "no PostgreSQL 17"),
    ],
)
def test_what_could_not_be_compared_is_not_proved(
    client: Client, tmp_path: Path, compared: list[dict[str, Any]], why: str
) -> None:
    hosts = FakeHosts(snapshots=[snapshot(1, HOUR)], compared=compared)
    _, done = tried(client, tmp_path, hosts)
    assert done.verdict is Verdict.UNPROVED
    assert why in done.why_unproved


@pytest.mark.parametrize(
    ("hosts", "stage", "word"),
    [
        (good(), FakeStage(broken="no machine has room"), "no machine has room"),
        (FakeHosts(), FakeStage(), "has no snapshot yet"),
        (FakeHosts(failing={"snapshots": (12, "wrong password")}), FakeStage(), "wrong password"),
        (
            FakeHosts(snapshots=[snapshot(1, HOUR)], failing={"restore": (1, "disk full")}),
            FakeStage(),
            "disk full",
        ),
    ],
)
def test_the_server_goes_and_an_entry_comes_whatever_happens(
    client: Client, tmp_path: Path, hosts: FakeHosts, stage: FakeStage, word: str
) -> None:
    _, done = tried(client, tmp_path, hosts, stage)
    assert done.verdict is Verdict.UNPROVED
    assert word in done.why_unproved
    assert stage.did[-1] == "remove"
    assert len(Journal(tmp_path).entries()) == 1


def test_a_server_that_could_not_be_removed_is_told(client: Client, tmp_path: Path) -> None:
    entry, done = tried(client, tmp_path, good(), FakeStage(stuck=True))
    assert done.verdict is Verdict.PROVED
    assert done.left_behind == "the cloud refuses"
    assert entry.record["left_behind"] == "the cloud refuses"


def test_ctrl_c_removes_the_server_too(client: Client, tmp_path: Path) -> None:
    stage = FakeStage(interrupted=True)
    with pytest.raises(KeyboardInterrupt):
        tried(client, tmp_path, good(), stage)
    assert stage.did[-1] == "remove"
    ((_, done),) = drills_in(Journal(tmp_path).entries())
    assert done.trouble == "stopped by KeyboardInterrupt"


def test_a_damaged_journal_is_told_before_anything_is_made(client: Client, tmp_path: Path) -> None:
    (tmp_path / "journal.jsonl").write_text("nonsense\n")
    stage = FakeStage()
    with pytest.raises(HoabanError, match="changed or damaged"):
        tried(client, tmp_path, good(), stage)
    assert stage.did == []


def test_two_drills_of_an_agency_at_once_are_refused(workspace: Workspace) -> None:
    with (
        alone(workspace, "so-y-te"),
        pytest.raises(HoabanError, match="under way"),
        alone(workspace, "so-y-te"),
    ):
        pass
    with alone(workspace, "so-y-te"), alone(workspace, "so-noi-vu"):
        pass


def entry_of(journal: Journal, host: str, days: float, *, proved: bool = True) -> None:
    moment = datetime.now(UTC) - timedelta(days=days)
    record = Drill(
        agency="so-y-te", host=host, toolkit="0", ordered=moment, rpo_seconds=86400,
        rto_seconds=86400, snapshot="x", snapshot_time=moment,
        took_seconds=5 if proved else None, trouble=None if proved else "no room",
        files={"same": 1} if proved else None,
    ).record()  # fmt: skip
    journal.append(record, moment)


def two_hosts(workspace: Workspace) -> list[Client]:
    from hoaban.inventory.fleet import Fleet  # noqa: PLC0415

    estate.write_estate(workspace.backend, estate.department(counts={"data": 2}))
    return clients(Fleet.read(workspace))


def test_a_host_is_due_when_its_proof_is_older_than_the_policy(workspace: Workspace) -> None:
    one, two = two_hosts(workspace)
    journal = Journal(workspace.home / "drills")
    now = datetime.now(UTC)
    assert due([one, two], journal.entries(), now) == [one, two]
    entry_of(journal, one.name, 100)
    entry_of(journal, two.name, 10)
    assert due([one, two], journal.entries(), now) == [one]
    entry_of(journal, one.name, 1, proved=False)
    assert due([one, two], journal.entries(), now) == [one], "a drill that proved nothing is none"
    entry_of(journal, one.name, 0)
    assert due([one, two], journal.entries(), now) == []


def test_the_host_that_was_unproved_for_longest_has_its_turn(workspace: Workspace) -> None:
    one, two = two_hosts(workspace)
    journal = Journal(workspace.home / "drills")
    entry_of(journal, one.name, 5)
    assert longest_unproved([one, two], journal.entries()) is two
    entry_of(journal, two.name, 1)
    assert longest_unproved([one, two], journal.entries()) is one
