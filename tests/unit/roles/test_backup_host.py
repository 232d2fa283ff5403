"""What the backup host forgets and checks; the program that its timer runs."""

from __future__ import annotations

import importlib.util
import json
import os
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

ROOT = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "roles/backup_host/files"))
SPEC = importlib.util.spec_from_file_location(
    "hoaban_backup_host", ROOT / "roles/backup_host/files/hoaban_backup_host.py"
)
assert SPEC is not None
assert SPEC.loader is not None
program = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(program)
store: Any = sys.modules["hoaban_backup_store"]

KEEP = {"daily": 7, "weekly": 4, "monthly": 12}
NOON = datetime(2026, 3, 18, 12, tzinfo=UTC)


def daily(days: int, hours: tuple[int, ...] = (0,)) -> dict[str, datetime]:
    """Snapshots of so many days, the newest at noon."""
    return {
        f"{day}-{hour}": NOON - timedelta(days=day, hours=hour)
        for day in range(days)
        for hour in hours
    }


def test_two_days_whole_then_days_weeks_months() -> None:
    kept = store.kept_by_arrival(daily(500, (0, 6)), KEEP)
    assert {"0-0", "0-6", "1-0", "1-6", "2-0"} <= kept
    assert "2-6" not in kept
    assert {f"{day}-0" for day in range(8)} <= kept
    old = sorted(int(name.split("-")[0]) for name in kept if int(name.split("-")[0]) > 7)
    assert old[:4] == [10, 17, 18, 24]  # Sundays, and the last of February
    assert (len(old), old[4], old[-1]) == (4 + 11, 46, 352)  # the last of January, of March before


def test_flooding_pushes_out_nothing() -> None:
    good = daily(60)
    before = store.kept_by_arrival(good, KEEP)
    flood = {f"rubbish-{n}": NOON - timedelta(minutes=n) for n in range(1000)}
    assert before - store.kept_by_arrival(good | flood, KEEP) == set()


def test_a_client_that_has_stopped_keeps_what_it_has() -> None:
    past = {name: moment - timedelta(days=4000) for name, moment in daily(3).items()}
    assert store.kept_by_arrival(past, KEEP) == set(past)
    assert store.kept_by_arrival({}, KEEP) == set()


@given(
    st.lists(
        st.datetimes(datetime(2020, 1, 1), datetime(2026, 1, 1)),  # noqa: DTZ001
        min_size=1,
        max_size=40,
    ),
    st.fixed_dictionaries(
        {"daily": st.integers(1, 30), "weekly": st.integers(0, 9), "monthly": st.integers(0, 24)}
    ),
)
def test_the_newest_is_always_kept_and_more_time_keeps_more(
    moments: list[datetime], keep: dict[str, int]
) -> None:
    arrivals = {str(n): moment.replace(tzinfo=UTC) for n, moment in enumerate(moments)}
    kept = store.kept_by_arrival(arrivals, keep)
    assert max(arrivals, key=lambda name: arrivals[name]) in {
        name for name in kept if arrivals[name] == max(arrivals.values())
    }
    more = {name: count + 1 for name, count in keep.items()}
    assert kept <= store.kept_by_arrival(arrivals, more)


def test_restic_gets_the_same_windows() -> None:
    assert store.policy(KEEP) == [
        "--keep-within=2d",
        "--keep-within-daily=7d",
        "--keep-within-weekly=28d",
        "--keep-within-monthly=372d",
    ]
    assert store.policy({"daily": 1, "weekly": 0, "monthly": 0}) == [
        "--keep-within=2d",
        "--keep-within-daily=1d",
    ]


def test_each_part_comes_within_a_month() -> None:
    state: dict[str, Any] = {}
    read = []
    for _ in range(store.PARTS):
        (part,) = store.parts_to_check(state)
        read.append(part)
        state["part"] = part
    assert sorted(read) == list(range(1, store.PARTS + 1))
    assert store.parts_to_check({"part": 30, "damaged": [4, 9]}) == [1, 4, 9]


class Fake(program.Repository):  # type: ignore[misc]
    """A repository of which restic says what the test wants."""

    def __init__(self, folder: Path, answers: dict[str, Any]) -> None:
        super().__init__("so-y-te", {"store": str(folder)}, folder)
        self.answers = answers
        self.calls: list[tuple[str, ...]] = []
        (self.path / "snapshots").mkdir(parents=True)

    def restic(self, *arguments: str) -> str:
        self.calls.append(arguments)
        wanted = "dry" if "--dry-run" in arguments else arguments[0]
        answer = self.answers.get(wanted, "")
        if isinstance(answer, Exception):
            raise answer
        return str(answer)


def repository(folder: Path, claims: dict[str, bool], arrived: dict[str, int]) -> Fake:
    """Snapshots by name: whether restic calls them old, how many days ago they arrived."""
    groups = [{"remove": [{"id": name} for name, old in claims.items() if old]}]
    listing = [{"id": name, "paths": ["/srv"]} for name in claims]
    fake = Fake(folder, {"dry": json.dumps(groups), "snapshots": json.dumps(listing)})
    for name, days in arrived.items():
        file = fake.path / "snapshots" / name
        file.touch()
        moment = (NOON - timedelta(days=days)).timestamp()
        os.utime(file, (moment, moment))
    return fake


def removed(fake: Fake) -> set[str]:
    calls = [call for call in fake.calls if call[0] == "forget" and "--dry-run" not in call]
    return {word for call in calls for word in call[1:] if not word.startswith("--")}


def test_only_what_both_clocks_call_old_goes(tmp_path: Path) -> None:
    claims = {"new": False, "said-old": True, "old": True, "said-new": False}
    fake = repository(tmp_path, claims, {"new": 0, "said-old": 1, "old": 900, "said-new": 901})
    assert fake.forget(KEEP) == 1
    assert removed(fake) == {"old"}


def test_a_store_that_lost_its_times_loses_no_backups(tmp_path: Path) -> None:
    claims = dict.fromkeys(map(str, range(40)), False)
    fake = repository(tmp_path, claims, dict.fromkeys(claims, 0))
    assert fake.forget(KEEP) == 0
    assert removed(fake) == set()


def test_nothing_is_taken_from_a_damaged_repository(tmp_path: Path) -> None:
    fake = repository(tmp_path, {"new": False, "old": True}, {"new": 0, "old": 900})
    fake.answers["check"] = program.Fault("restic check: pack 4f: hash mismatch")
    client = {"name": "so-y-te", "keep": KEEP, "quota_gb": 0}
    state = program.maintain(fake, client, {"check": {"part": 4}})
    assert removed(fake) == {"old"}
    assert (state["outcome"], state["check"]["damaged"]) == ("failed", [5])
    assert "hash mismatch" in state["error"]

    fake.calls.clear()
    state = program.maintain(fake, client, state)
    assert {call[0] for call in fake.calls} == {"unlock", "check", "snapshots"}
    assert state["check"]["damaged"] == [5, 6]

    fake.answers["check"] = ""
    state = program.maintain(fake, client, state)
    assert (state["outcome"], state["check"]["damaged"]) == ("done", [])


def test_a_client_beyond_its_quota_is_told(tmp_path: Path) -> None:
    fake = repository(tmp_path, {"new": False}, {"new": 0})
    with (fake.path / "pack").open("wb") as stream:
        stream.truncate(2 * 1024**3)
    state = program.maintain(fake, {"keep": KEEP, "quota_gb": 1}, {})
    assert state["over_quota"]
    assert state["error"] == "it takes 200% of its quota of 1 GiB"
    assert not program.maintain(fake, {"keep": KEEP, "quota_gb": 0}, {})["over_quota"]


def test_the_reserve_gives_and_takes_room(tmp_path: Path) -> None:
    reserve = program.Reserve(tmp_path, 1)
    assert reserve.take()
    assert (tmp_path / "room").stat().st_size == 1024**2
    reserve.release()
    assert not list(tmp_path.iterdir())
    assert not program.Reserve(tmp_path, 1 << 40).take()
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("broken", ["", "{", "[]x"])
def test_a_state_that_is_broken_is_begun_anew(tmp_path: Path, broken: str) -> None:
    file = tmp_path / "state.json"
    file.write_text(broken)
    assert program.read_json(file) == {}
    program.write_json(file, {"a": 1})
    assert program.read_json(file) == {"a": 1}
