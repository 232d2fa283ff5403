"""Backups and restores as a verification judges them."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from hoaban.backup.agents import program
from hoaban.backup.clients import client_of
from hoaban.backup.evidence import Drill
from hoaban.backup.journal import Journal
from hoaban.backup.offline_evidence import CopiedClient, OfflineCopy, offline_in
from hoaban.backup.watch import (
    ClientState,
    KeptState,
    OfflineState,
    StoreState,
    Watch,
    proofs,
    watch,
)
from hoaban.errors import HoabanError
from hoaban.inventory.fleet import Fleet
from hoaban.model.spec import Backup
from hoaban.testing import estate, measured
from hoaban.verify.checks.backups import Backups
from hoaban.verify.checks.restores import Restores
from hoaban.verify.model import Status

if TYPE_CHECKING:
    from pathlib import Path

    from hoaban.verify.model import CheckReport
    from hoaban.verify.scene import Scene
    from hoaban.workspace import Workspace

HOST = "so-y-te-portal-data-1"


@pytest.fixture
def scene(provisioned: Workspace) -> Scene:
    return measured.scene(Fleet.read(provisioned), "so-y-te")


def judged(scene: Scene, **backups: Any) -> CheckReport:
    return Backups().report(
        dataclasses.replace(scene, backups=dataclasses.replace(scene.backups, **backups))
    )


def words(report: CheckReport) -> str:
    return "\n".join(finding.evidence.en for finding in report.findings)


CLIENT: list[tuple[str, dict[str, Any]]] = [
    ("not configured", {"configured": False}),
    ("30.0 h old, promised were 24 h", {"snapshot_age": 30 * 3600.0}),
    ("-26.0 h old", {"snapshot_age": -26 * 3600.0}),
    ("there is no backup yet", {"snapshot_age": None}),
    ("hoaban-backup.timer: disabled, inactive",
     {"timer": {"UnitFileState": "disabled", "ActiveState": "inactive"}}),
    ("hoaban-backup.timer: -, -", {"timer": {}}),
    ("certificate verify failed", {"server": "certificate verify failed"}),
    ("the last run failed: disk full",
     {"state": {"last": {"outcome": "failed", "error": "disk full"}}}),
]  # fmt: skip


@pytest.mark.parametrize(("told", "change"), CLIENT, ids=[told for told, _ in CLIENT])
def test_a_client_that_breaks_the_promise_fails(
    scene: Scene, told: str, change: dict[str, Any]
) -> None:
    good = scene.backups.clients[HOST].model_dump()
    bad = ClientState.model_validate(good | change)
    result = judged(scene, clients={HOST: bad})
    assert result.status is Status.FAIL
    assert told in words(result)


def test_a_new_client_without_a_backup_is_not_proved(scene: Scene) -> None:
    good = scene.backups.clients[HOST].model_dump()
    young = ClientState.model_validate(good | {"snapshot_age": None, "since_age": 3600.0})
    result = judged(scene, clients={HOST: young})
    assert result.status is Status.SKIP
    assert "not due yet" in words(result)


KEPT: list[tuple[str, dict[str, Any], float]] = [
    ("maintenance failed: locked", {"outcome": "failed", "error": "locked"}, 100.0),
    ("the last maintenance was 72 h ago", {"outcome": "done"}, 72 * 3600.0),
    ("damaged data (parts 3, 7)", {"outcome": "done", "check": {"damaged": [3, 7]}}, 100.0),
    ("damaged data", {"outcome": "done", "check": {"outcome": "failed"}}, 100.0),
    ("its quota is used up", {"outcome": "done", "over_quota": True}, 100.0),
]


@pytest.mark.parametrize(("told", "state", "age"), KEPT, ids=[told for told, _, _ in KEPT])
def test_a_keeper_that_found_something_fails(
    scene: Scene, told: str, state: dict[str, Any], age: float
) -> None:
    kept = KeptState.model_validate({"state": state, "age": age})
    result = judged(scene, kept={HOST: kept})
    assert result.status is Status.FAIL
    assert told in words(result)


def test_a_keeper_that_has_not_begun_or_is_silent_proves_nothing(scene: Scene) -> None:
    fresh = KeptState.model_validate({"state": None, "age": None})
    assert judged(scene, kept={HOST: fresh}).status is Status.SKIP
    mute = judged(scene, kept={}, silent={estate.BACKUP: "no route"})
    assert mute.status is Status.SKIP
    assert "no route" in words(mute)
    assert judged(scene, clients={}).status is Status.SKIP


@pytest.mark.parametrize(
    ("told", "state", "age"),
    [
        ("maintenance failed for: a, b", {"outcome": "failed", "failed": ["a", "b"]}, 10.0),
        ("the last maintenance was 50 h ago", {"outcome": "done"}, 50 * 3600.0),
    ],
)
def test_a_backup_host_that_is_not_well_fails_in_the_province(
    provisioned: Workspace, told: str, state: dict[str, Any], age: float
) -> None:
    whole = measured.scene(Fleet.read(provisioned), None)
    store = StoreState.model_validate({"state": state, "age": age})
    result = judged(whole, store={estate.BACKUP: store})
    assert result.status is Status.FAIL
    assert told in words(result)


@pytest.mark.parametrize("check", [Backups, Restores])
def test_where_none_was_promised_there_is_nothing_to_prove(
    workspace: Workspace, check: Any
) -> None:
    estate.write_estate(workspace.backend, estate.department(counts={"web": 1}))
    result = check().report(measured.scene(Fleet.read(workspace), "so-y-te"))
    assert result.status is Status.NONE


# Third copies, offline

COPIED = OfflineCopy(
    host=estate.BACKUP,
    volume=f"{estate.BACKUP}-offline-1",
    volume_id="v1",
    toolkit="1",
    ordered=datetime.now(UTC),
    clients=[CopiedClient(name="so-y-te")],
)


def kept_offline(
    workspace: Workspace, *copies: tuple[float, dict[str, Any]], **backups: Any
) -> CheckReport:
    """The check in the province, after copies so many days ago; the finding about them alone."""
    outputs = estate.province(offline_volumes=2)
    estate.write_checkpoint(workspace.backend, "province", "sonla", outputs)
    whole = measured.scene(Fleet.read(workspace), None)
    journal = Journal(workspace.home / "offline")
    now = datetime.now(UTC)
    for days, change in copies:
        record = COPIED.model_copy(update=change).record()
        journal.append(record, now - timedelta(days=days))
    known: dict[str, Any] = {
        "offline_copies": offline_in(journal.entries()),
        "offline": {estate.BACKUP: OfflineState(present=[])},
    }
    report = judged(whole, **known | backups)
    findings = [one for one in report.findings if "offline" in one.evidence.en]
    return report.model_copy(update={"findings": findings})


HELD = f"{estate.BACKUP}-offline-2"


@pytest.mark.parametrize(
    ("copies", "status", "told"),
    [
        ([], Status.SKIP, f"no offline copy yet: hoaban backup offline {estate.BACKUP}"),
        ([(13.9, {})], Status.PASS, "offline copy of 1 clients, 13.9 days old"),
        ([(15.1, {})], Status.FAIL, "the offline copy is 15 days old, allowed are 14"),
        ([(5, {}), (1, {"trouble": "no route"})], Status.FAIL, "(entry 2): no route"),
        ([(1, {"clients": []})], Status.FAIL, "no offline copy yet"),
        ([(1, {"left_attached": "busy"})], Status.FAIL, "could not be detached: busy"),
    ],
)
def test_an_offline_copy_holds_for_so_many_days(
    provisioned: Workspace, copies: list[tuple[float, dict[str, Any]]], status: Status, told: str
) -> None:
    result = kept_offline(provisioned, *copies)
    assert (result.status, len(result.findings)) == (status, 1)
    assert told in words(result)


def test_a_volume_that_is_attached_fails_by_the_cloud_s_word_and_by_the_host_s(
    provisioned: Workspace,
) -> None:
    fine = (1, {})
    identifier = estate.province(offline_volumes=2).hosts[estate.BACKUP].offline_ids[HELD]
    result = kept_offline(provisioned, fine, attached={identifier: ["server-x"]})
    assert result.status is Status.FAIL
    assert f"{HELD} is attached to server server-x" in words(result)
    seen = {estate.BACKUP: OfflineState(present=[identifier])}
    result = kept_offline(provisioned, offline=seen)
    assert result.status is Status.FAIL
    assert f"still has the disk of {HELD}" in words(result)


def test_where_nobody_tells_of_the_volumes_nothing_is_proved(provisioned: Workspace) -> None:
    result = kept_offline(provisioned, (1, {}), unasked="no way to log in")
    assert result.status is Status.SKIP
    assert "whether the offline volumes are detached: no way to log in" in words(result)
    report = kept_offline(provisioned, fault="entry 1 does not follow the one before")
    assert report.status is not Status.PASS


# Restores


def drilled(scene: Scene, *drills: tuple[float, dict[str, Any]], fault: str = "") -> CheckReport:
    """The check, after drills so many days ago."""
    client = client_of(scene.fleet.host(HOST))
    assert client is not None
    now = datetime.now(UTC)
    entries = []
    for number, (days, change) in enumerate(drills, 1):
        good = measured.proved(client, now - timedelta(days=days))
        done = Drill.model_validate(
            {k: v for k, v in good.record.items() if k in Drill.model_fields} | change
        )
        entries.append(good.model_copy(update={"number": number, "record": done.record()}))
    backups = Watch(proofs=proofs(entries, now), fault=fault)
    return Restores().report(dataclasses.replace(scene, backups=backups))


LOST = {"files": {"same": 3, "differences": 2}}
STOPPED: dict[str, Any] = {"trouble": "no machine has room", "took_seconds": None, "files": None}


@pytest.mark.parametrize(
    ("drills", "status", "told"),
    [
        ([], Status.SKIP, "never tried yet: hoaban backup drill so-y-te --host"),
        ([(5, {})], Status.PASS, "1234 files as they were"),
        ([(89.9, {})], Status.PASS, "entry 1 of the journal"),
        ([(91, {})], Status.FAIL, "the last was 91 days ago, the policy says 90"),
        ([(5, {}), (1, LOST)], Status.FAIL, "2 files did not come back"),
        ([(5, LOST)], Status.FAIL, "never proved"),
        ([(5, LOST), (1, {})], Status.PASS, "entry 2 of the journal"),
        ([(5, {}), (1, STOPPED)], Status.PASS, "entry 1 of the journal"),
        ([(5, STOPPED)], Status.SKIP, "never tried yet"),
    ],
)
def test_a_proof_holds_as_long_as_the_policy_says(
    scene: Scene, drills: list[tuple[float, dict[str, Any]]], status: Status, told: str
) -> None:
    result = drilled(scene, *drills)
    assert result.status is status
    assert told in words(result)


def test_a_journal_that_was_changed_proves_nothing(scene: Scene) -> None:
    result = drilled(scene, (5, {}), fault="entry 3 does not follow the one before")
    assert result.status is Status.FAIL
    assert "entry 3" in words(result)


def test_a_host_of_the_province_that_holds_data_is_a_client_and_drilled_like_any(
    workspace: Workspace,
) -> None:
    outputs = estate.province()
    plan = outputs.environment
    bastion, keeper = plan.hosts
    holder = bastion.model_copy(update={"backup": Backup()})
    changed = plan.model_copy(update={"hosts": [holder, keeper]})
    estate.write_estate(workspace.backend)
    estate.write_checkpoint(
        workspace.backend,
        "province",
        "sonla",
        outputs.model_copy(update={"environment": changed}),
    )
    scene = measured.scene(Fleet.read(workspace), None)
    assert Backups().report(scene).status is Status.PASS
    assert {finding.host for finding in Backups().report(scene).findings} == {
        estate.BASTION,
        estate.BACKUP,
    }
    assert Restores().report(scene).status is Status.PASS
    untried = dataclasses.replace(scene, backups=dataclasses.replace(scene.backups, proofs={}))
    result = Restores().report(untried)
    assert result.status is Status.SKIP
    assert f"never tried yet: hoaban backup drill province --host {estate.BASTION}" in words(result)


# Measuring


class Answers:
    """Hosts that run the agent here, in a folder of their own; others are silent."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.asked: dict[str, Any] = {}

    def run(self, host: str, agent: str, asked: Any, on_event: Any) -> None:
        self.asked[host] = asked
        if not (self.folder / host).is_dir():
            raise HoabanError(f"{host}: no route")
        text = program(agent, asked)
        for name in ("CONFIG", "STATE"):
            old = next(line for line in text.splitlines() if line.startswith(f"{name} = "))
            text = text.replace(old, f"{name} = Path({str(self.folder / host)!r})")
        done = subprocess.run(
            [sys.executable, "-I", "-S", "-"], input=text, capture_output=True, text=True,
            check=True,
        )  # fmt: skip
        for line in done.stdout.splitlines():
            on_event(json.loads(line))

    def output(self, host: str, argv: Any) -> Any:
        raise AssertionError(f"{argv} on {host}")

    work = output


def test_clients_and_keepers_are_asked_and_the_journal_read(
    provisioned: Workspace, tmp_path: Path
) -> None:
    fleet = Fleet.read(provisioned)
    hour_ago = (datetime.now(UTC) - timedelta(hours=1)).isoformat(timespec="seconds")
    own = tmp_path / HOST
    own.mkdir()
    state = {"last": {"outcome": "done"}, "since": hour_ago, "new": "key",
             "snapshot": {"id": "ab", "time": hour_ago, "files": 1, "bytes": 2}}  # fmt: skip
    (own / "client.json").write_text(json.dumps(state))
    keeper = tmp_path / estate.BACKUP
    (keeper / "clients").mkdir(parents=True)
    kept = {"outcome": "done", "ended": hour_ago, "snapshots": 2, "check": {"damaged": []}}
    (keeper / "clients" / f"{HOST}.json").write_text(json.dumps(kept))
    hosts = Answers(tmp_path)
    seen = watch(provisioned, fleet, hosts, fleet.hosts_of("so-y-te"))
    assert hosts.asked == {
        HOST: {"client": True, "kept": []},
        estate.BACKUP: {"client": False, "kept": [HOST], "copies": []},
    }
    client = seen.clients[HOST]
    assert client.snapshot_age == pytest.approx(3600, abs=30)
    assert client.state is not None
    assert client.state.snapshot is not None
    assert client.server.endswith("client.env'"), "there is no configuration to find it by"
    assert seen.kept[HOST].age == pytest.approx(3600, abs=30)
    assert seen.store[estate.BACKUP].state is None
    assert (seen.silent, seen.proofs, seen.fault) == ({}, {}, "")


def test_the_silent_are_noted_and_a_broken_journal_is_a_fault(
    provisioned: Workspace, tmp_path: Path
) -> None:
    fleet = Fleet.read(provisioned)
    journal = Journal(provisioned.home / "drills")
    journal.append({"kind": "restore-drill"})
    journal.file.write_text("nonsense\n")
    seen = watch(provisioned, fleet, Answers(tmp_path), fleet.hosts_of("so-y-te"))
    assert seen.silent[HOST] == f"{HOST}: no route"
    assert seen.fault == "line 1 is no entry"


def test_a_verification_of_the_province_asks_the_keeper_for_all_clients(
    provisioned: Workspace, tmp_path: Path
) -> None:
    fleet = Fleet.read(provisioned)
    (tmp_path / estate.BACKUP).mkdir()
    hosts = Answers(tmp_path)
    watch(provisioned, fleet, hosts, fleet.hosts_of(None))
    assert hosts.asked == {estate.BACKUP: {"client": False, "kept": [HOST], "copies": []}}
