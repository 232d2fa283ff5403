"""A scenario that tests nothing does not pass."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import threading
from pathlib import Path
from typing import IO, Any

import pytest
from pydantic import ValidationError

from hoaban.errors import HoabanError
from hoaban.roles import guest_packages
from hoaban.testing import molecule
from hoaban.testing.image import CODENAME
from hoaban.testing.instances import (
    Container,
    Machine,
    images,
    network_option,
    networks,
    read_platforms,
)
from hoaban.testing.judgement import failures, judge
from hoaban.testing.molecule import Scenario, find_scenarios
from hoaban.testing.podman import Podman
from hoaban.workspace import toolkit_root


def record(playbook: str, *, check: bool = False, **changed: list[str]) -> dict[str, Any]:
    """One run on the hosts ``a`` and ``b``, with what changed on each."""
    hosts = {
        name: {"ran": 5, "changed": changed.get(name, []), "failed": ""} for name in ("a", "b")
    }
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
    del records[4]["hosts"]["b"]
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


def test_what_check_mode_cannot_foresee() -> None:
    records = whole_test()
    records[2]["hosts"]["a"]["changed"] = ["Write", "Ask the service"]
    assert judge(records, {"a", "b"}) == ["a: check mode did not predict: Ask the service"]
    assert judge(records, {"a", "b"}, {"Ask the service"}) == []
    # It is no licence for others, nor for what check mode does foresee.
    assert judge(records, {"a", "b"}, {"Restart"}) == [
        "a: check mode did not predict: Ask the service"
    ]
    assert judge(records, {"a", "b"}, {"Ask the service", "Write"}) == [
        "a: unforeseen.yml names what is foreseen: Write"
    ]


def test_the_file_of_what_is_unforeseen(tmp_path: Path) -> None:
    scenario = Scenario(tmp_path)
    assert scenario.unforeseen == set()
    path = tmp_path / "unforeseen.yml"
    path.write_text("- {reason: it does not run yet, tasks: ['r : ask', 'r : tell']}\n")
    assert scenario.unforeseen == {"r : ask", "r : tell"}
    path.write_text("- {tasks: ['r : ask']}\n")
    with pytest.raises(ValidationError, match="reason"):
        _ = scenario.unforeseen


def test_what_is_unforeseen_are_tasks_of_the_roles_that_are_applied() -> None:
    for scenario in find_scenarios(toolkit_root(), []):
        applied = (scenario.path / "converge.yml").read_text()
        names = {
            f"{role.name} : {name}"
            for role in scenario.role.parent.iterdir()
            if re.search(rf"\b{role.name}\b", applied)
            for file in (role / "tasks").glob("*.yml")
            for name in re.findall(r"- name: (.+)", file.read_text())
        }
        assert scenario.unforeseen <= names, scenario.label


PLAYBOOK = """
- hosts: localhost
  connection: local
  gather_facts: false
  tasks:
    - block:
        - ansible.builtin.fail: {msg: this one is rescued}
      rescue:
        - ansible.builtin.debug: {msg: as said}
    - ansible.builtin.fail: {msg: this one does not matter}
      ignore_errors: true
    - name: Greet
      ansible.builtin.shell: echo to {{ item }}; echo no {{ item }} >&2; test {{ item }} = Lan
      loop: [Lan, Minh]
      when: fails
    - name: Keep a secret
      ansible.builtin.fail: {msg: secret}
      no_log: true
"""


def recorded(folder: Path, *options: str) -> list[str]:
    """What the record of a real run says of its failures."""
    playbook = folder / "verify.yml"
    playbook.write_text(PLAYBOOK)
    out = folder / "record.jsonl"
    out.unlink(missing_ok=True)
    variables = {
        "HOABAN_RECORD": str(out),
        "ANSIBLE_CALLBACK_PLUGINS": str(toolkit_root() / "hoaban/plugins/callback"),
        "ANSIBLE_CALLBACKS_ENABLED": "record_changes",
        "ANSIBLE_LOCAL_TEMP": str(folder / "ansible"),
        "LC_ALL": "C.UTF-8",
    }
    command = [Path(sys.executable).with_name("ansible-playbook"), "-ilocalhost,", playbook]
    options = (*options, "-e", f"ansible_python_interpreter={sys.executable}")
    done = subprocess.run(
        [*command, *options],
        env=os.environ | variables,
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert out.is_file(), done.stderr
    return failures([json.loads(line) for line in out.read_text().splitlines()])


def test_the_task_that_ended_a_run_is_told_with_what_it_said(tmp_path: Path) -> None:
    (told,) = recorded(tmp_path, "-e", '{"fails": true}')
    assert told.startswith("verify.yml, localhost: Greet: Minh: ")
    assert "\nstdout: to Minh\nstderr: no Minh" in told
    assert "Lan" not in told


def test_what_ansible_hides_is_not_told(tmp_path: Path) -> None:
    (told,) = recorded(tmp_path, "-e", '{"fails": false}')
    assert told.startswith("verify.yml, localhost: Keep a secret: the output has been hidden")
    assert "secret'" not in told
    assert "msg" not in told


def test_platforms_of_a_scenario(tmp_path: Any) -> None:
    path = tmp_path / "molecule.yml"
    path.write_text(
        "platforms:\n"
        "  - {name: a, network: {name: n, ipv4: 10.231.0.0/24, ipv6: 'fd00::/64'}}\n"
        "  - {name: b, disks: [{volume_id: x, size_gb: 1}]}\n"
    )
    container, machine = read_platforms(path)
    assert isinstance(container, Container)
    assert container.release == CODENAME
    assert isinstance(machine, Machine)
    path.write_text("platforms: []\n")
    with pytest.raises(HoabanError, match="the scenario has no platforms"):
        read_platforms(path)


def test_a_container_in_several_networks(tmp_path: Path) -> None:
    path = tmp_path / "molecule.yml"
    path.write_text(
        "platforms:\n"
        "  - name: a\n"
        "    network: &wan {name: wan, ipv4: 10.231.0.0/24, ipv6: 'fd00::/64'}\n"
        "    ipv4: 10.231.0.11\n"
        "    more:\n"
        "      - {network: {name: lan, ipv4: 10.231.1.0/24, ipv6: 'fd01::/64'}, ipv6: 'fd01::11'}\n"
        "  - {name: b, network: *wan}\n"
    )
    platforms = [item for item in read_platforms(path) if isinstance(item, Container)]
    assert list(networks(platforms)) == ["wan", "lan"]
    options = [network_option(n, place) for n, place in enumerate(platforms[0].attachments)]
    assert options == [
        "--network=wan:ip=10.231.0.11,interface_name=eth0",
        "--network=lan:ip6=fd01::11,interface_name=eth1",
    ]


def test_every_release_has_an_image_of_its_own(tmp_path: Path) -> None:
    path = tmp_path / "molecule.yml"
    network = "network: {name: n, ipv4: 10.231.0.0/24, ipv6: 'fd00::/64'}"
    path.write_text(
        f"platforms:\n  - {{name: a, {network}}}\n  - {{name: b, {network}}}\n"
        f"  - {{name: c, {network}, release: bookworm}}\n  - {{name: d, disks: []}}\n"
    )
    recipes = {recipe.codename: recipe for recipe in images(read_platforms(path))}
    assert recipes.keys() == {CODENAME, "bookworm"}
    assert recipes[CODENAME].name != recipes["bookworm"].name
    assert set(guest_packages(toolkit_root())) <= set(recipes[CODENAME].packages)
    assert "nftables" not in recipes["bookworm"].packages


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


def test_side_by_side_each_prints_in_one_piece(
    monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes], tmp_path: Path
) -> None:
    both_run = threading.Barrier(2, timeout=10)

    def fake(
        scenario: Scenario, podman: Podman, seats: int, out: IO[bytes] | None
    ) -> molecule.Result:
        assert out is not None
        for _ in range(3):
            both_run.wait()
            out.write(f"{scenario.label}\n".encode())
        return molecule.Result(scenario.label, (), 0.0)

    monkeypatch.setattr(molecule, "_in_turn", fake)
    scenarios = find_scenarios(toolkit_root(), ["base", "firewall"])
    results = list(molecule.test_all(scenarios, Podman(tmp_path), parallel=2))
    assert {result.label for result in results} == {"base", "firewall"}
    printed = capfdbinary.readouterr().out
    assert b"base\n" * 3 in printed
    assert b"firewall\n" * 3 in printed
