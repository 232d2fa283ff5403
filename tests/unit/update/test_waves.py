"""Who is updated with whom."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hoaban.errors import UsageError
from hoaban.inventory.fleet import Fleet
from hoaban.testing import estate
from hoaban.testing.exported import write_checkpoint
from hoaban.update.waves import Candidate, at_once, candidate, plan

if TYPE_CHECKING:
    from hoaban.workspace import Workspace


def host(name: str, *groups: str, stage: int = 0) -> Candidate:
    return Candidate(name, frozenset(groups), stage)


def test_those_who_stand_in_for_each_other_are_never_down_together() -> None:
    hosts = [host("web-1", "web"), host("web-2", "web"), host("db-1", "db"), host("db-2", "db")]
    assert plan(hosts, "100%") == [["web-1"], ["web-2", "db-1"], ["db-2"]]


def test_the_first_is_alone_the_province_later_and_the_bastion_last() -> None:
    hosts = [
        host("bastion", "time", stage=2),
        host("backup-1", stage=1),
        host("vpn-1", "hub", stage=1),
        host("vpn-2", "hub", stage=1),
        *(host(f"a-{number}") for number in range(4)),
    ]
    assert plan(hosts, "2") == [
        ["a-0"],
        ["a-1", "a-2"],
        ["a-3"],
        ["backup-1", "vpn-1"],
        ["vpn-2"],
        ["bastion"],
    ]


@pytest.mark.parametrize(
    ("serial", "hosts", "most"),
    [("3", 100, 3), ("25%", 100, 25), ("25%", 3, 1), ("100%", 7, 7), ("9", 2, 9)],
)
def test_how_many_at_once(serial: str, hosts: int, most: int) -> None:
    assert at_once(serial, hosts) == most


@pytest.mark.parametrize("serial", ["0", "-1", "", "many", "101%", "1.5", "5%%"])
def test_what_is_no_number_of_hosts(serial: str) -> None:
    with pytest.raises(UsageError, match="neither a number of hosts nor a share"):
        plan([host("one")], serial)


candidates = st.lists(
    st.tuples(st.sets(st.sampled_from("abcd"), max_size=2), st.sampled_from([0, 0, 0, 1, 2])),
    max_size=30,
).map(lambda rows: [host(f"h{n}", *groups, stage=s) for n, (groups, s) in enumerate(rows)])


@given(candidates, st.integers(1, 10))
def test_every_plan_keeps_the_rules(hosts: list[Candidate], most: int) -> None:
    waves = plan(hosts, str(most))
    by_name = {one.name: one for one in hosts}
    flat = [name for wave in waves for name in wave]
    assert sorted(flat) == sorted(by_name), "each host once"
    assert [by_name[name].stage for name in flat] == sorted(one.stage for one in hosts)
    for number, wave in enumerate(waves):
        members = [by_name[name] for name in wave]
        assert 0 < len(members) <= (most if number else 1)
        assert len({one.stage for one in members}) == 1
        assert len(members) == 1 or members[0].stage != 2
        groups = [group for one in members for group in one.groups]
        assert len(groups) == len(set(groups))


def test_candidates_of_an_estate(workspace: Workspace) -> None:
    outputs = estate.department(counts={"web": 2, "app": 1, "data": 1})
    write_checkpoint(workspace.backend, "province", "sonla", estate.province())
    write_checkpoint(workspace.backend, "agency", "so-y-te", outputs)
    fleet = Fleet.read(workspace)
    found = {name: candidate(one) for name, one in fleet.hosts.items()}
    web = [found[f"so-y-te-portal-web-{number}"] for number in (1, 2)]
    assert web[0].groups & web[1].groups
    assert not web[0].groups & found["so-y-te-portal-app-1"].groups
    assert found[estate.BASTION].stage == 2
    assert found[estate.BACKUP].stage == 1
    assert "service backup_host" in found[estate.BACKUP].groups
    assert [len(wave) for wave in plan(found.values(), "9")] == [1, 3, 1, 1]
