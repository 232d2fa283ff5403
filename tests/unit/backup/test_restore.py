"""Lists, runs and restores, with hosts that are told what to answer."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from hoaban.backup.access import borrow, opened
from hoaban.backup.clients import clients
from hoaban.backup.overview import run_now, survey
from hoaban.backup.repository import Repository, What, literal, plain_words
from hoaban.backup.restore import Order, restore
from hoaban.backup.snapshots import choose, moment, parse
from hoaban.console import Steps
from hoaban.errors import HoabanError, UsageError
from hoaban.testing.estate import BACKUP
from tests.unit.backup.conftest import SECRET, deposit
from tests.unit.backup.fakes import FakeHosts, snapshot

if TYPE_CHECKING:
    from hoaban.backup.repository import Rehearsal
    from hoaban.backup.restore import Outcome
    from hoaban.inventory.fleet import Fleet
    from hoaban.workspace import Workspace

HOST, OTHER = "so-y-te-portal-data-1", "so-y-te-portal-app-1"
HOUR = timedelta(hours=1)


def ordered(
    workspace: Workspace, fleet: Fleet, hosts: FakeHosts, *, yes: bool = True, **how: Any
) -> Outcome | None:
    order = Order(host=HOST, **how)
    return restore(workspace, fleet, hosts, order, Steps(quiet=True), lambda _: yes)


# Snapshots


def test_snapshots_come_oldest_first_with_go_s_nanoseconds() -> None:
    found = parse([snapshot(1, HOUR), snapshot(2, 3 * HOUR)])
    assert [one.age(datetime.now(UTC)) > 2 * HOUR for one in found] == [True, False]
    assert found[0].bytes == 5 << 20


@pytest.mark.parametrize("listing", [{"a": 1}, [{"id": "x"}], "text"])
def test_what_is_no_listing_is_an_error(listing: object) -> None:
    with pytest.raises(HoabanError, match="are no snapshots"):
        parse(listing)


def test_a_snapshot_is_chosen_by_time_or_identifier_or_is_the_newest() -> None:
    found = parse([snapshot(n, n * 6 * HOUR) for n in (1, 2, 3)])
    assert choose(found, HOST) is found[-1]
    assert choose(found, HOST, at=found[1].time) is found[1]
    assert choose(found, HOST, identifier=found[0].id[:8]) is found[0]
    with pytest.raises(HoabanError, match="no snapshot as old as"):
        choose(found, HOST, at=found[0].time - HOUR)
    with pytest.raises(HoabanError, match="no snapshot whose identifier"):
        choose(found, HOST, identifier="ffffffff")
    with pytest.raises(HoabanError, match="has no snapshot yet"):
        choose([], HOST)


def test_a_time_without_a_zone_is_this_machine_s_and_nonsense_is_refused() -> None:
    assert moment("2026-11-22T23:00:00+07:00") == datetime(2026, 11, 22, 16, tzinfo=UTC)
    assert moment("2026-11-22").tzinfo is not None
    with pytest.raises(UsageError, match="is no time"):
        moment("yesterday")


# Clients, list, run


def test_clients_are_the_agencies_hosts_that_were_promised_a_backup(fleet: Fleet) -> None:
    assert [one.name for one in clients(fleet)] == [HOST]
    assert [one.name for one in clients(fleet, "so-y-te")] == [HOST]
    assert clients(fleet, HOST)[0].rpo == timedelta(hours=24)
    with pytest.raises(HoabanError, match=f"no backup was promised of {OTHER}"):
        clients(fleet, OTHER)
    with pytest.raises(HoabanError, match="no host nowhere"):
        clients(fleet, "nowhere")


@pytest.mark.parametrize(("age", "in_time"), [(2 * HOUR, True), (30 * HOUR, False), (None, False)])
def test_a_list_tells_whether_the_policy_is_kept(
    fleet: Fleet, age: timedelta | None, in_time: bool
) -> None:
    hosts = FakeHosts(snapshots=[] if age is None else [snapshot(1, age)])
    (kept,) = survey(hosts, clients(fleet))
    assert kept.in_time is in_time
    assert kept.to_json()["in_time"] is in_time
    assert hosts.asked[0][2]["folder"] == "/etc/hoaban-backup", "by the host's own access"


def test_a_host_that_can_t_be_asked_is_told_and_stops_no_other(fleet: Fleet) -> None:
    hosts = FakeHosts(failing={"snapshots": (12, '{"message":"wrong password"}')})
    (kept,) = survey(hosts, clients(fleet))
    assert kept.in_time is None
    assert kept.error is not None
    assert "wrong password" in kept.error.what
    assert "escrow" in str(kept.error.mend)


def test_a_run_uses_the_wrapper_and_tells_what_was_made() -> None:
    state = {"last": {"seconds": 2.5}, "snapshot": {"id": "ab", "files": 3, "bytes": 9}}
    hosts = FakeHosts(state=json.dumps(state))
    told = run_now(hosts, HOST).to_json()
    assert told["ok"] is True
    assert (told["snapshot"], told["files"], told["seconds"]) == ("ab", 3, 2.5)
    assert hosts.asked[0][2]["argv"][-2:] == ["/usr/local/sbin/hoaban-backup", "run"]


def test_a_run_that_failed_says_why() -> None:
    ran = run_now(FakeHosts(failing={"run": (1, "the disk is full")}), HOST)
    assert ran.error is not None
    assert "the disk is full" in ran.error.what
    lost = run_now(FakeHosts(failing={"run": (255, "Connection closed")}), HOST)
    assert lost.error is not None
    assert "no connection" in lost.error.what


# Restore


def test_a_restore_to_the_host_itself_needs_no_escrow(workspace: Workspace, fleet: Fleet) -> None:
    hosts = FakeHosts(snapshots=[snapshot(1, HOUR)])
    done = ordered(workspace, fleet, hosts)
    assert done is not None
    assert (done.to, done.target, done.restored.files) == (HOST, "/", 3)
    assert all("access" not in asked for _, _, asked in hosts.asked)
    last = hosts.arguments()[-1]
    assert "--verify" in last
    assert "--delete" not in last
    assert "--include" not in last


def test_what_would_be_overwritten_is_asked_for(workspace: Workspace, fleet: Fleet) -> None:
    hosts = FakeHosts(snapshots=[snapshot(1, HOUR)], counts={"restored": 1, "updated": 2})
    assert ordered(workspace, fleet, hosts, yes=False) is None
    assert all("--dry-run" in one or one[0] == "snapshots" for one in hosts.arguments())


def test_nothing_is_asked_where_nothing_is_overwritten(workspace: Workspace, fleet: Fleet) -> None:
    hosts = FakeHosts(snapshots=[snapshot(1, HOUR)], counts={"restored": 3, "unchanged": 2})
    assert ordered(workspace, fleet, hosts, yes=False, target="/srv/old") is not None
    assert hosts.arguments()[-1][2:4] == ["--target", "/srv/old"]


def test_paths_are_restored_alone_and_deleted_only_when_told(
    workspace: Workspace, fleet: Fleet
) -> None:
    hosts = FakeHosts(snapshots=[snapshot(1, HOUR, ["/srv/a", "/srv/b"])])
    ordered(workspace, fleet, hosts, paths=("/srv/a/[x]",))
    assert hosts.arguments()[-1].count("--include") == 1
    assert r"/srv/a/\[x\]" in hosts.arguments()[-1]
    ordered(workspace, fleet, hosts, delete=True)
    last = hosts.arguments()[-1]
    places = [last[n + 1] for n, word in enumerate(last) if word == "--include"]
    assert places == ["/srv/a", "/srv/b"], "nothing beside the snapshot's own places can go"
    assert "--delete" in last


def test_a_path_that_is_not_in_the_snapshot_is_told(workspace: Workspace, fleet: Fleet) -> None:
    hosts = FakeHosts(snapshots=[snapshot(1, HOUR)], counts={})
    with pytest.raises(HoabanError, match="holds nothing at /nowhere"):
        ordered(workspace, fleet, hosts, paths=("/nowhere",))


@pytest.mark.parametrize("path", ["srv/data", "/srv/../etc", "/srv//data", "/srv/./x"])
def test_a_path_that_is_not_whole_is_refused(workspace: Workspace, fleet: Fleet, path: str) -> None:
    with pytest.raises(UsageError, match="no whole path"):
        ordered(workspace, fleet, FakeHosts(), paths=(path,))


def test_a_whole_host_in_place_of_another_is_refused(workspace: Workspace, fleet: Fleet) -> None:
    hosts = FakeHosts(snapshots=[snapshot(1, HOUR)])
    with pytest.raises(UsageError, match=r"/etc over the other's"):
        ordered(workspace, fleet, hosts, to=OTHER)
    assert hosts.asked == []


def test_another_host_is_lent_the_access_and_keeps_none(workspace: Workspace, fleet: Fleet) -> None:
    deposit(workspace, HOST, fleet.host(BACKUP).plan.fqdn)
    hosts = FakeHosts(snapshots=[snapshot(1, HOUR)])
    done = ordered(workspace, fleet, hosts, to=OTHER, target="/srv/restored")
    assert done is not None
    assert done.to == OTHER
    ran = [(name, asked) for name, agent, asked in hosts.asked if agent == "restic"]
    assert {name for name, _ in ran} == {OTHER}
    for _, asked in ran:
        lent = asked["access"]["environment"]
        assert lent["RESTIC_PASSWORD"] == SECRET
        assert (
            lent["RESTIC_REPOSITORY"] == f"rest:https://{fleet.host(BACKUP).plan.ipv4}:8000/{HOST}/"
        )
        assert SECRET not in json.dumps(asked["arguments"])
    # The certificate is what the backup host itself shows on its loopback.
    assert any(name == BACKUP and agent == "python3" for name, agent, _ in hosts.asked)


def test_an_access_does_not_print_its_secrets(workspace: Workspace, fleet: Fleet) -> None:
    deposit(workspace, HOST, str(fleet.host(BACKUP).plan.ipv4))
    assert SECRET not in repr(borrow(workspace, fleet, FakeHosts(), HOST))


def test_an_escrow_that_is_missing_foreign_or_damaged_is_told(
    workspace: Workspace, fleet: Fleet
) -> None:
    with pytest.raises(HoabanError, match="no escrow of"):
        opened(workspace, HOST)
    deposit(workspace, HOST, "elsewhere.example")
    with pytest.raises(HoabanError, match=r"a backup host `elsewhere\.example`"):
        borrow(workspace, fleet, FakeHosts(), HOST)
    deposit(workspace, HOST, fleet.host(BACKUP).plan.fqdn)
    with pytest.raises(HoabanError, match="does not answer on port 8000"):
        borrow(workspace, fleet, FakeHosts(certificate=""), HOST)
    file = workspace.home / "escrow" / f"{HOST}.age"
    file.write_bytes(file.read_bytes()[:-80])
    with pytest.raises(HoabanError) as told:
        opened(workspace, HOST)
    assert "--identity FILE" in str(told.value.mend)


# Restic's own words


def test_patterns_mean_a_path_alone() -> None:
    assert literal(r"/a*b?[c]\d") == r"/a\*b\?\[c\]\\d"


def test_restic_s_json_complaints_are_told_plainly() -> None:
    words = (
        '{"message_type":"error","error":{"message":"no space"},"during":"restore","item":"/a"}\n'
        "plain\n"
        '{"message_type":"exit_error","code":1,"message":"Fatal: gave up"}'
    )
    assert plain_words(words).splitlines() == ["/a: no space", "plain", "Fatal: gave up"]


def test_a_restore_that_ends_without_a_summary_is_no_success() -> None:
    class Mute(FakeHosts):
        def run(self, host: str, agent: str, asked: Any, on_event: Any) -> None:
            on_event({"event": "end", "status": 0, "words": ""})

    what = What(parse([snapshot(1, HOUR)])[0], "/")
    with pytest.raises(HoabanError, match="without saying what it restored"):
        Repository(Mute(), HOST).restore(what, lambda _: None)


def test_progress_is_told_while_it_goes_on() -> None:
    words: list[str] = []
    hosts = FakeHosts(snapshots=[snapshot(1, HOUR)])
    what = What(parse(hosts.snapshots)[0], "/")
    Repository(hosts, HOST).restore(what, words.append)
    assert words == ["50 %, 0 of 3 files, 0 MiB"]


def test_a_rehearsal_counts(workspace: Workspace, fleet: Fleet) -> None:
    seen: list[Rehearsal] = []
    hosts = FakeHosts(snapshots=[snapshot(1, HOUR)], counts={"updated": 2, "unchanged": 5})
    order = Order(host=HOST)

    def confirm(rehearsal: Rehearsal) -> bool:
        seen.append(rehearsal)
        return True

    restore(workspace, fleet, hosts, order, Steps(quiet=True), confirm)
    assert (seen[0].updated, seen[0].unchanged, seen[0].touched) == (2, 5, 2)
    assert seen[0].names["updated"] == ["/srv/data/a"]
