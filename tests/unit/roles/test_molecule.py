"""A scenario that tests nothing does not pass."""

from __future__ import annotations

from typing import Any

import pytest

from hoaban.errors import HoabanError
from hoaban.testing.instances import Container, Machine, read_platforms
from hoaban.testing.molecule import find_scenarios, judge


def record(playbook: str, *, check: bool = False, **changed: list[str]) -> dict[str, Any]:
    """One run on the hosts ``a`` and ``b``, with what changed on each."""
    hosts = {name: {"ran": 5, "changed": changed.get(name, [])} for name in ("a", "b")}
    return {"playbook": f"{playbook}.yml", "check": check, "hosts": hosts}


def whole_test() -> list[dict[str, Any]]:
    return [
        record("create"),
        record("converge", check=True, a=["Write"]),
        record("converge", a=["Write"]),
        record("converge"),
        record("verify", a=["Try something"]),
        record("destroy"),
    ]


def test_a_whole_test_passes() -> None:
    assert judge(whole_test(), {"a", "b"}) == []


def test_a_play_that_reaches_nobody() -> None:
    records = whole_test()
    records[4]["hosts"] = {"a": {"ran": 5, "changed": []}}
    assert judge(records, {"a", "b"}) == ["verify did nothing on b"]


def test_a_play_whose_tasks_did_not_run() -> None:
    records = whole_test()
    records[2]["hosts"]["b"]["ran"] = 0
    assert judge(records, {"a", "b"}) == ["converge did nothing on b"]


@pytest.mark.parametrize(
    ("left_out", "complaint"),
    [(4, "verify ran 0 times, not 1"), (3, "converge ran 1 times, not 2")],
)
def test_a_step_that_is_left_out(left_out: int, complaint: str) -> None:
    records = whole_test()
    del records[left_out]
    assert complaint in judge(records, {"a", "b"})


def test_check_mode_that_predicts_too_little() -> None:
    records = whole_test()
    records[1]["hosts"]["a"]["changed"] = []
    assert judge(records, {"a", "b"}) == ["a: check mode did not predict: Write"]


def test_check_mode_that_predicts_too_much() -> None:
    records = whole_test()
    records[1]["hosts"]["b"]["changed"] = ["Restart"]
    assert judge(records, {"a", "b"}) == ["b: check mode predicted in vain: Restart"]


def test_platforms_of_a_scenario(tmp_path: Any) -> None:
    path = tmp_path / "molecule.yml"
    path.write_text(
        "platforms:\n"
        "  - {name: a, network: {name: n, ipv4: 10.231.0.0/24, ipv6: 'fd00::/64'}}\n"
        "  - {name: b, disks: [{volume_id: x, size_gb: 1}]}\n"
    )
    container, machine = read_platforms(path)
    assert isinstance(container, Container)
    assert isinstance(machine, Machine)
    path.write_text("platforms: []\n")
    with pytest.raises(HoabanError, match="the scenario has no platforms"):
        read_platforms(path)


def test_scenarios_by_name(tmp_path: Any) -> None:
    for scenario in ("base/molecule/default", "base/molecule/other", "web/molecule/default"):
        folder = tmp_path / "roles" / scenario
        folder.mkdir(parents=True)
        (folder / "molecule.yml").touch()

    def labels(*wanted: str) -> list[str]:
        return [scenario.label for scenario in find_scenarios(tmp_path, list(wanted))]

    assert labels() == ["base", "base/other", "web"]
    assert labels("base") == ["base", "base/other"]
    assert labels("base/other", "web") == ["base/other", "web"]
    with pytest.raises(HoabanError, match="no Molecule scenario for: wbe"):
        labels("wbe")
