"""The verb ``backup`` as a person types it."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from typer.testing import CliRunner

from hoaban import console
from hoaban.backup.journal import Journal
from hoaban.cli import backup, backup_drill, backup_journal, backup_offline
from hoaban.errors import HoabanError
from hoaban.inventory.fleet import Fleet
from hoaban.testing import estate
from tests.unit.backup.fakes import FakeHosts, good_comparison, snapshot
from tests.unit.backup.test_drill import FakeStage
from tests.unit.backup.test_offline import FakeCloud, FakeKeeper

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hoaban.workspace import Workspace

HOST = "so-y-te-portal-data-1"
HOUR = timedelta(hours=1)


@pytest.fixture(autouse=True)
def _fresh_consoles() -> Iterator[None]:
    console.stdout.cache_clear()
    console.stderr.cache_clear()
    yield
    console.stdout.cache_clear()
    console.stderr.cache_clear()


@pytest.fixture
def hosts(workspace: Workspace, fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> FakeHosts:
    """Hosts with a backup of an hour ago; drills have a scratch server that is made."""
    fake = FakeHosts(snapshots=[snapshot(1, HOUR)], compared=[good_comparison()])
    place = backup.Place(workspace, fleet, fake)  # type: ignore[arg-type]
    monkeypatch.setattr(backup.Place, "here", lambda: place)
    monkeypatch.setattr(backup_journal.Workspace, "find", lambda: workspace)
    monkeypatch.setattr(backup_drill, "_stage", lambda *_: FakeStage())
    monkeypatch.setattr(backup_drill, "borrow", lambda *_: None)
    return fake


def typed(*words: str, status: int = 0) -> Any:
    """What the verb prints as JSON; its exit status must be as told."""
    done = CliRunner().invoke(backup.app, [*words, "--json"])
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    assert done.exit_code == status, done.output
    return json.loads(done.stdout)


def shown(*words: str) -> str:
    """What the verb prints for people."""
    console.stdout.cache_clear()  # of the call before this one, whose output is closed
    done = CliRunner().invoke(backup.app, list(words))
    assert done.exit_code == 0, done.output
    return done.stdout


def test_a_list_is_a_failure_when_the_policy_is_not_kept(hosts: FakeHosts) -> None:
    (told,) = typed("list")
    assert (told["host"], told["in_time"], len(told["snapshots"])) == (HOST, True, 1)
    assert HOST in shown("list", "so-y-te")
    hosts.snapshots = [snapshot(1, 30 * HOUR)]
    assert typed("list", HOST, status=1)[0]["in_time"] is False
    hosts.failing = {"snapshots": (1, "no route")}
    assert "no route" in typed("list", status=1)[0]["errors"][0]["what"]


def test_a_run_tells_what_was_made_and_fails_when_it_was_not(hosts: FakeHosts) -> None:
    hosts.state = json.dumps({"snapshot": {"id": "ab", "files": 3, "bytes": 4}})
    assert typed("run", "so-y-te")[0]["snapshot"] == "ab"
    hosts.failing = {"run": (1, "the disk is full")}
    assert typed("run", HOST, status=1)[0]["ok"] is False


def test_nobody_is_asked_to_overwrite_where_nobody_is(hosts: FakeHosts) -> None:
    hosts.counts = {"updated": 2}
    with pytest.raises(HoabanError, match="2 files would be overwritten") as told:
        typed("restore", HOST)
    assert "--yes" in str(told.value.mend)
    assert "/srv/data/a" in str(told.value.detail)
    assert typed("restore", HOST, "--yes")["overwritten"] == 2


def test_offline_copies_as_they_are_typed(
    hosts: FakeHosts, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(HoabanError, match="no volumes for an offline copy"):
        typed("offline")
    estate.write_checkpoint(
        workspace.backend, "province", "sonla", estate.province(offline_volumes=2)
    )
    fleet = Fleet.read(workspace)
    server = fleet.host(estate.BACKUP).output.server_id
    cloud = FakeCloud(server)
    place = backup.Place(workspace, fleet, FakeKeeper(cloud))  # type: ignore[arg-type]
    monkeypatch.setattr(backup.Place, "here", lambda: place)
    monkeypatch.setattr(backup_offline, "_lending", lambda *_: cloud)
    monkeypatch.setattr(backup_offline, "_prepare", lambda *_: lambda _: None)
    (entry,) = typed("offline", "--due")
    assert entry["record"]["verdict"] == "copied"
    assert typed("offline", "--due") == []
    assert "written and read again" in shown("offline", estate.BACKUP)
    assert f"{estate.BACKUP}-offline-1" in shown("journal")
    cloud.stuck = "the guest does not let go"
    (entry,) = typed("offline", status=1)
    assert entry["record"]["verdict"] == "failed"
    cloud.stuck = ""
    (told,) = typed("offline", "--detach")
    assert told["detached"] == [f"{estate.BACKUP}-offline-1"]
    with pytest.raises(HoabanError, match="makes none"):
        typed("offline", "--due", "--detach")
    assert hosts.asked == []


@pytest.mark.usefixtures("hosts")
def test_a_drill_leaves_an_entry_that_verifies(workspace: Workspace) -> None:
    (entry,) = typed("drill", "so-y-te")
    assert entry["record"]["verdict"] == "proved"
    assert typed("drill", "--due") == [], "none is due after that"
    assert typed("journal", "verify") == {"entries": 1, "head": entry["digest"]}
    assert entry["digest"][:16] in shown("journal")
    assert typed("journal", "verify", "--head", entry["digest"][:16])["entries"] == 1
    with pytest.raises(HoabanError, match="no entry has the digest"):
        typed("journal", "verify", "--head", "ffff")
    file = Journal(workspace.home / "drills").file
    file.write_text(file.read_text().replace("proved", "failed"))
    with pytest.raises(HoabanError, match="changed or damaged"):
        typed("journal", "verify")


def test_a_drill_that_proves_nothing_is_a_failure(hosts: FakeHosts) -> None:
    hosts.compared = []
    (entry,) = typed("drill", "--due", status=1)
    assert entry["record"]["verdict"] == "unproved"


@pytest.mark.usefixtures("hosts")
@pytest.mark.parametrize(
    "words",
    [["drill"], ["drill", "so-y-te", "--due"], ["drill", "--due", "--clean"],
     ["drill", "--due", "--host", HOST]],
)  # fmt: skip
def test_a_drill_is_of_an_agency_or_of_what_is_due(words: list[str]) -> None:
    with pytest.raises(HoabanError, match="name an agency, or say --due"):
        typed(*words)


@pytest.mark.usefixtures("hosts")
def test_clean_makes_no_drill(workspace: Workspace) -> None:
    assert typed("drill", "so-y-te", "--clean") == []
    assert Journal(workspace.home / "drills").entries() == ()
