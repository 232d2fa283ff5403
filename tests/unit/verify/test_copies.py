"""Second copies of backups as a verification judges them."""

from __future__ import annotations

import dataclasses
import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from hoaban.backup.watch import CopyState, KeptState, watch
from hoaban.inventory.fleet import Fleet
from hoaban.testing import estate, measured
from hoaban.verify.checks.backups import Backups
from hoaban.verify.model import Status
from tests.unit.verify.test_backups import HOST, Answers, words

if TYPE_CHECKING:
    from pathlib import Path

    from hoaban.verify.model import CheckReport
    from hoaban.verify.scene import Scene
    from hoaban.workspace import Workspace

STANDBY = "sao-luu-2"
HOUR = 3600.0


@pytest.fixture
def fleet(workspace: Workspace) -> Fleet:
    """The estate, with a standby of its backup host."""
    outputs = estate.province()
    plan = outputs.environment
    keeper = plan.hosts[-1]
    standby = keeper.model_copy(update={"name": STANDBY, "standby_of": keeper.name})
    changed = plan.model_copy(update={"hosts": [*plan.hosts, standby]})
    hosts = outputs.hosts | {STANDBY: outputs.hosts[keeper.name]}
    estate.write_estate(workspace.backend)
    estate.write_checkpoint(
        workspace.backend,
        "province",
        "sonla",
        outputs.model_copy(update={"environment": changed, "hosts": hosts}),
    )
    return Fleet.read(workspace)


@pytest.fixture
def scene(fleet: Fleet) -> Scene:
    return measured.scene(fleet, "so-y-te")


def judged(scene: Scene, copy: dict[str, Any] | None, **more: Any) -> CheckReport:
    copies = {HOST: {STANDBY: CopyState.model_validate(copy)}} if copy else {}
    backups = dataclasses.replace(scene.backups, copies=copies, **more)
    return Backups().report(dataclasses.replace(scene, backups=backups))


def copy(age: float | None, since: float | None = 9e6, **state: Any) -> dict[str, Any]:
    whole = {"outcome": "done", "snapshots": 9, "hours": 48} | state
    return {"state": whole, "age": age, "since_age": since}


CASES: list[tuple[dict[str, Any], Status, str]] = [
    (copy(6 * HOUR), Status.PASS, f"9 snapshots at {STANDBY}, copied 6.0 h ago"),
    (copy(49 * HOUR), Status.FAIL, f"the copy at {STANDBY} is 49.0 h old, allowed are 48 h"),
    (copy(49 * HOUR, hours=168), Status.PASS, "copied 49.0 h ago"),
    (copy(-3 * HOUR), Status.FAIL, "-3.0 h old"),
    (copy(HOUR, outcome="failed", error="no route"), Status.FAIL, "failed: no route"),
    (copy(None, since=HOUR), Status.SKIP, f"not copied to {STANDBY} yet"),
    (copy(None, since=50 * HOUR), Status.FAIL, f"no copy at {STANDBY} after 50 h"),
]


@pytest.mark.parametrize(("told", "status", "evidence"), CASES)
def test_a_copy_is_judged_by_its_age(
    scene: Scene, told: dict[str, Any], status: Status, evidence: str
) -> None:
    result = judged(scene, told)
    assert result.status is status
    assert evidence in words(result)


def test_copying_that_never_began_fails_once_the_client_is_old_enough(scene: Scene) -> None:
    never = {"state": None, "age": None, "since_age": None}
    young = scene.backups.clients[HOST].model_copy(update={"since_age": HOUR})
    assert judged(scene, never, clients={HOST: young}).status is Status.SKIP
    old = scene.backups.clients[HOST].model_copy(update={"since_age": 60 * HOUR})
    assert judged(scene, never, clients={HOST: old}).status is Status.FAIL


def test_what_the_standby_found_in_its_copy_counts(scene: Scene) -> None:
    state = {"outcome": "done", "check": {"damaged": [4]}}
    kept = {
        **scene.backups.kept,
        f"{STANDBY}/{HOST}": KeptState.model_validate({"state": state, "age": 100.0}),
    }
    result = judged(scene, copy(HOUR), kept=kept)
    assert result.status is Status.FAIL
    assert f"{STANDBY}: the check found damaged data (parts 4)" in words(result)


def test_who_makes_the_copies_was_silent(scene: Scene) -> None:
    result = judged(scene, None, silent={estate.BACKUP: "no route"})
    assert result.status is Status.SKIP
    assert "no route" in words(result)


def test_the_keeper_tells_of_copies_and_the_standby_of_what_it_keeps(
    workspace: Workspace, fleet: Fleet, tmp_path: Path
) -> None:
    hour_ago = (datetime.now(UTC) - timedelta(hours=1)).isoformat(timespec="seconds")
    keeper, standby = tmp_path / estate.BACKUP, tmp_path / STANDBY
    made = {"outcome": "done", "copied": hour_ago, "since": hour_ago, "snapshots": 2, "hours": 48}
    kept = {"outcome": "done", "ended": hour_ago, "snapshots": 2}
    for file, content in (
        (keeper / "copies" / STANDBY / f"{HOST}.json", made),
        (keeper / "clients" / f"{HOST}.json", kept | {"snapshots": 5}),
        (standby / "clients" / estate.BACKUP / f"{HOST}.json", kept),
    ):
        file.parent.mkdir(parents=True)
        file.write_text(json.dumps(content))
    hosts = Answers(tmp_path)
    seen = watch(workspace, fleet, hosts, fleet.hosts_of(None))
    assert hosts.asked == {
        estate.BACKUP: {"client": False, "kept": [HOST], "copies": [STANDBY]},
        STANDBY: {"client": False, "kept": [f"{estate.BACKUP}/{HOST}"], "copies": []},
    }
    made_of = seen.copies[HOST][STANDBY]
    assert made_of.age == pytest.approx(3600, abs=30)
    counts = {name: one.state.snapshots for name, one in seen.kept.items() if one.state}
    assert counts == {HOST: 5, f"{STANDBY}/{HOST}": 2}
