"""Offline copies: whose turn it is, and that the volume is detached whatever happens."""

from __future__ import annotations

import json
import os
import signal
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from hoaban.backup.journal import Journal
from hoaban.backup.offline import copy, detach_all, due, keepers, next_volume
from hoaban.backup.offline_evidence import OfflineCopy, offline_in
from hoaban.console import Steps
from hoaban.errors import HoabanError
from hoaban.inventory.fleet import Fleet
from hoaban.remote import RemoteResult
from hoaban.testing import estate
from hoaban.testing.exported import write_checkpoint

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from hoaban.inventory.fleet import ManagedHost
    from hoaban.model.environment import VolumePlan
    from hoaban.workspace import Workspace

FIRST, SECOND = f"{estate.BACKUP}-offline-1", f"{estate.BACKUP}-offline-2"
GOOD: dict[str, Any] = {
    "error": None,
    "added": 2,
    "snapshots": 5,
    "newest": "2026-11-22T06:00:00+00:00",
    "read_back": {"files": 7, "bytes": 7000},
    "check": {"part": 3, "parts": 4},
}


@dataclass
class FakeCloud:
    """Volumes and the servers that have them."""

    host: str
    attached: dict[str, list[str]] = field(default_factory=dict)
    refuses: str = ""
    stuck: str = ""
    did: list[str] = field(default_factory=list)

    def servers(self, volume: str) -> list[str]:
        return self.attached.get(volume, [])

    def attach(self, volume: str) -> None:
        self.did.append("attach")
        self.attached[volume] = [self.host]
        if self.refuses:
            raise HoabanError(self.refuses)

    def detach(self, volume: str) -> None:
        self.did.append("detach")
        if self.stuck:
            raise HoabanError(self.stuck)
        self.attached.pop(volume, None)


@dataclass
class FakeKeeper:
    """A backup host with the role's program."""

    cloud: FakeCloud
    clients: dict[str, Any] = field(default_factory=lambda: {"so-y-te": GOOD})
    during: Callable[[], None] | None = None
    breaks_off: str = ""
    holds: str = ""
    runs: int = 0
    file: dict[str, Any] = field(default_factory=dict)

    def run(self, *_: object) -> None:
        raise AssertionError("no agent is needed")

    def output(self, host: str, argv: Sequence[str]) -> RemoteResult:
        assert argv[2] == "cat"
        text = json.dumps(self.file) if self.file else ""
        return RemoteResult(host, 0 if self.file else 1, text, "", 0.1)

    def work(self, host: str, argv: Sequence[str]) -> RemoteResult:
        verb = argv[3]
        self.cloud.did.append(verb)
        if verb == "release":
            return RemoteResult(host, 1 if self.holds else 0, "", self.holds, 0.1)
        self.runs += 1
        started = f"run {self.runs}"
        self.file = {"started": started, "outcome": "unfinished", "clients": self.clients}
        if self.during is not None:
            self.during()
        if self.breaks_off:
            return RemoteResult(host, 255, "", self.breaks_off, 0.1)
        failed = any(one["error"] for one in self.clients.values())
        self.file |= {"outcome": "failed" if failed else "done", "free_bytes": 9, "size_bytes": 10}
        return RemoteResult(host, int(failed), "", "", 0.1)


@pytest.fixture
def host(workspace: Workspace) -> ManagedHost:
    outputs = estate.province(offline_volumes=2)
    write_checkpoint(workspace.backend, "province", "sonla", outputs)
    (found,) = keepers(Fleet.read(workspace))
    return found


@pytest.fixture
def cloud(host: ManagedHost) -> FakeCloud:
    return FakeCloud(host.output.server_id)


def made(
    host: ManagedHost, keeper: FakeKeeper, folder: Path, prepared: list[str] | None = None
) -> OfflineCopy:
    def prepare(volume: VolumePlan) -> None:
        assert keeper.cloud.attached, "a volume is made ready while it is attached"
        (prepared if prepared is not None else []).append(volume.label)

    quiet = Steps(quiet=True)
    return copy(host, keeper, keeper.cloud, prepare, Journal(folder), quiet)[1]


def test_a_volume_is_attached_written_and_detached(
    host: ManagedHost, cloud: FakeCloud, tmp_path: Path
) -> None:
    prepared: list[str] = []
    done = made(host, FakeKeeper(cloud), tmp_path, prepared)
    assert cloud.did == ["attach", "offline", "release", "detach"]
    assert cloud.attached == {}
    assert prepared == ["offline-1"]
    assert (done.broken, done.volume, done.free_bytes) == ([], FIRST, 9)
    (client,) = done.clients
    assert (client.name, client.added, client.files, client.part) == ("so-y-te", 2, 7, 3)
    assert done.detached is not None
    (entry,) = Journal(tmp_path).entries()
    assert entry.record["verdict"] == "copied"
    assert [one for _, one in offline_in([entry])] == [done]


def test_the_volumes_take_turns(host: ManagedHost, cloud: FakeCloud, tmp_path: Path) -> None:
    keeper = FakeKeeper(cloud)
    assert [made(host, keeper, tmp_path).volume for _ in range(3)] == [FIRST, SECOND, FIRST]
    # One that was not written whole stays the one whose turn it is.
    keeper.clients = {"so-y-te": GOOD | {"error": "no room"}}
    assert [made(host, keeper, tmp_path).volume for _ in range(2)] == [SECOND, SECOND]
    keeper.clients = {"so-y-te": GOOD}
    assert [made(host, keeper, tmp_path).volume for _ in range(2)] == [SECOND, FIRST]
    assert next_volume(host, Journal(tmp_path).entries())[0].name == SECOND


def test_a_copy_is_due_at_half_the_age_that_it_may_have(
    host: ManagedHost, cloud: FakeCloud, tmp_path: Path
) -> None:
    assert due(host, (), datetime.now(UTC)), "there is none"
    made(host, FakeKeeper(cloud), tmp_path)
    entries = Journal(tmp_path).entries()
    made(host, FakeKeeper(cloud, clients={}), tmp_path)  # does not count
    for days, expected in ((0, False), (6.9, False), (7, True)):
        moment = entries[-1].time + timedelta(days=days)
        assert due(host, Journal(tmp_path).entries(), moment) is expected


TROUBLES: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("the cloud refuses", {"refuses": "the cloud refuses"}, {}),
    ("did not come to its end: connection reset", {}, {"breaks_off": "connection reset"}),
    ("so-y-te: restic check: bad pack", {},
     {"clients": {"so-y-te": GOOD | {"error": "restic check: bad pack"}}}),
    ("keeps no backups, so nothing was copied", {}, {"clients": {}}),
    ("could not unmount the volume: target is busy", {}, {"holds": "target is busy"}),
]  # fmt: skip


@pytest.mark.parametrize(("told", "of_cloud", "of_keeper"), TROUBLES, ids=[t[0] for t in TROUBLES])
def test_whatever_fails_the_volume_is_detached_and_it_is_written_down(
    host: ManagedHost,
    tmp_path: Path,
    told: str,
    of_cloud: dict[str, Any],
    of_keeper: dict[str, Any],
) -> None:
    cloud = FakeCloud(host.output.server_id, **of_cloud)
    done = made(host, FakeKeeper(cloud, **of_keeper), tmp_path)
    assert told in "; ".join(done.broken)
    assert cloud.did[-2:] == ["release", "detach"]
    assert cloud.attached == {}
    assert Journal(tmp_path).entries()[-1].record["verdict"] == "failed"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_stopped_in_the_middle_it_is_detached(
    host: ManagedHost, cloud: FakeCloud, tmp_path: Path, number: signal.Signals
) -> None:
    before = signal.getsignal(number)
    keeper = FakeKeeper(cloud, during=lambda: os.kill(os.getpid(), number))
    with pytest.raises(KeyboardInterrupt):
        made(host, keeper, tmp_path)
    assert cloud.did[-2:] == ["release", "detach"]
    assert cloud.attached == {}
    assert "KeyboardInterrupt" in Journal(tmp_path).entries()[-1].record["trouble"]
    assert signal.getsignal(number) is before


def test_a_second_interruption_does_not_keep_it_from_being_detached(
    host: ManagedHost, cloud: FakeCloud, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    detach = FakeCloud.detach

    def interrupted(self: FakeCloud, volume: str) -> None:
        os.kill(os.getpid(), signal.SIGINT)
        detach(self, volume)

    monkeypatch.setattr(FakeCloud, "detach", interrupted)
    assert made(host, FakeKeeper(cloud), tmp_path).broken == []
    assert cloud.attached == {}


def test_a_volume_that_stays_attached_is_told_and_the_next_run_clears_it(
    host: ManagedHost, cloud: FakeCloud, tmp_path: Path
) -> None:
    cloud.stuck = "the guest does not let go"
    done = made(host, FakeKeeper(cloud), tmp_path)
    assert done.left_attached == "the guest does not let go"
    assert done.detached is None
    assert Journal(tmp_path).entries()[-1].record["verdict"] == "failed"
    with pytest.raises(HoabanError, match="does not let go"):
        made(host, FakeKeeper(cloud), tmp_path)
    cloud.stuck, cloud.did = "", []
    assert made(host, FakeKeeper(cloud), tmp_path).broken == []
    assert cloud.did[:3] == ["release", "detach", "attach"]


def test_what_a_killed_run_left_is_found_by_the_cloud_s_word(
    host: ManagedHost, cloud: FakeCloud
) -> None:
    cloud.attached = {host.output.offline_ids[SECOND]: ["another server"]}
    assert detach_all(host, FakeKeeper(cloud), cloud) == [SECOND]
    assert cloud.did == ["release", "detach"]
    assert detach_all(host, FakeKeeper(cloud), cloud) == []


def test_a_journal_that_does_not_hold_is_told_first(
    host: ManagedHost, cloud: FakeCloud, tmp_path: Path
) -> None:
    made(host, FakeKeeper(cloud), tmp_path)
    file = tmp_path / "journal.jsonl"
    file.write_text(file.read_text().replace("copied", "failed"))
    cloud.did = []
    with pytest.raises(HoabanError, match="changed or damaged"):
        made(host, FakeKeeper(cloud), tmp_path)
    assert cloud.did == []


def test_without_volumes_for_it_there_is_no_copy(fleet: Fleet) -> None:
    with pytest.raises(HoabanError, match="no volumes for an offline copy") as told:
        keepers(fleet)
    assert "offline:" in str(told.value.mend)
