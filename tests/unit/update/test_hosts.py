"""What is asked of hosts: reboots that really happened, allowed flows, a playbook's words."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from hoaban.errors import HoabanError
from hoaban.inventory.fleet import Fleet
from hoaban.remote import RemoteResult
from hoaban.testing import estate, measured
from hoaban.update import health
from hoaban.update import reboot as reboots
from hoaban.update.health import problems
from hoaban.update.play import AFTER, BEFORE, UPGRADE, Told
from hoaban.verify.facts import Facts
from hoaban.verify.scene import Ahead

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.unit.update.conftest import Hosts

WEB1 = "so-y-te-portal-web-1"


@dataclass
class Booting:
    """A remote whose hosts come back after so many questions, under another boot's identifier."""

    after: int = 2
    obeys: bool = True
    returns: bool = True
    told: int = 0
    asked: int = 0
    closed: list[str] = field(default_factory=list)

    def run(self, host: str, argv: Sequence[str], *options: str, **_: Any) -> RemoteResult:
        if "reboot" in argv:
            self.told += 1
            return RemoteResult(host, 255, "", "Connection closed by remote host", 0.1)
        if not self.told:
            return RemoteResult(host, 0, "boot-1\n", "", 0.1)
        assert options == reboots.ANEW
        self.asked += 1
        if not self.obeys or self.asked == 1:  # the first answer is of the boot that ends
            return RemoteResult(host, 0, "boot-1\n", "", 0.1)
        if not self.returns or self.asked <= self.after:
            return RemoteResult(host, 255, "", "No route to host", 0.1)
        return RemoteResult(host, 0, "boot-2\n", "", 0.1)

    def close(self, host: str) -> None:
        self.closed.append(host)


def door(hosts: Hosts, remote: Booting, seconds: float = 60) -> Any:
    return SimpleNamespace(
        fleet=Fleet.read(hosts.workspace),
        remote=remote,
        console=SimpleNamespace(boot_seconds=seconds),
        explain=lambda host, result: HoabanError(f"{host.name} says: {result.stderr}"),
    )


@pytest.fixture(autouse=True)
def no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reboots, "PAUSE_SECONDS", 0)


def test_only_another_boot_counts_as_one(hosts: Hosts) -> None:
    remote = Booting(after=4)
    opened = door(hosts, remote)
    assert reboots.reboot(opened, [opened.fleet.hosts[WEB1]]) == {}
    assert remote.asked == 5
    assert remote.closed == [WEB1]


def test_the_bastions_reboot_ends_every_kept_connection(hosts: Hosts) -> None:
    remote = Booting()
    opened = door(hosts, remote)
    assert reboots.reboot(opened, [opened.fleet.hosts[estate.BASTION]]) == {}
    assert set(remote.closed) == set(opened.fleet.hosts)


def test_a_host_that_stays_away(hosts: Hosts) -> None:
    opened = door(hosts, Booting(returns=False), seconds=0.05)
    found = reboots.reboot(opened, [opened.fleet.hosts[WEB1]])
    assert found[WEB1].what == f"{WEB1} says: No route to host"


def test_a_host_that_does_not_obey(hosts: Hosts) -> None:
    opened = door(hosts, Booting(obeys=False), seconds=0.05)
    found = reboots.reboot(opened, [opened.fleet.hosts[WEB1]])
    assert found[WEB1].what == f"{WEB1} was told to reboot and did not"


def test_allowed_flows_of_a_host_and_to_it(hosts: Hosts) -> None:
    fleet = Fleet.read(hosts.workspace)
    found = health.flows(fleet, [fleet.hosts[WEB1]])
    flows = [flow for of in found.values() for flow in of]
    assert flows
    assert all(flow.allowed for flow in flows)
    assert all(WEB1 in (flow.source, flow.destination) for flow in flows)
    assert {estate.BASTION, WEB1} <= set(found)
    assert all(flow.source == source for source, of in found.items() for flow in of)


def test_health_is_what_the_checks_find(hosts: Hosts, monkeypatch: pytest.MonkeyPatch) -> None:
    fleet = Fleet.read(hosts.workspace)
    host = fleet.hosts[WEB1]
    settings = fleet.settings_of(host.state)
    facts = measured.facts(host, settings)
    monkeypatch.setattr(
        health.gather,
        "facts",
        lambda *_: ({WEB1: Facts.model_validate(facts)}, {}, {WEB1: Ahead(0.1, 0.1)}),
    )
    state = "open"
    monkeypatch.setattr(
        health.gather,
        "inside",
        lambda _, routes: (
            [measured.trial(flow, state) for of in routes.values() for flow in of],
            {},
        ),
    )
    remote: Any = None
    assert problems(fleet, remote, [host]) == []
    facts["units"] = [{"unit": "nginx.service"}]
    facts["state"] = "degraded"
    state = "silent"
    found = problems(fleet, remote, [host])
    assert any(line.startswith(f"{WEB1}: No failed unit: nginx.service") for line in found)
    assert any("Segmentation, from inside" in line and "must be open" in line for line in found)


def test_a_silent_host_is_not_well(hosts: Hosts, monkeypatch: pytest.MonkeyPatch) -> None:
    fleet = Fleet.read(hosts.workspace)
    why = measured.scene(fleet, None).hosts[0].environment.name
    monkeypatch.setattr(health.gather, "facts", lambda *_: ({}, {WEB1: why}, {}))
    monkeypatch.setattr(health.gather, "inside", lambda _, routes: (list(routes), {}))
    remote: Any = None
    assert problems(fleet, remote, [fleet.hosts[WEB1]]) == [f"{WEB1}: Hosts are up: {why.en}"]


def test_what_the_playbook_says_of_each_host() -> None:
    told = Told()
    for task, host, out in [
        (BEFORE, "a", "nano 1 installed\n"),
        (BEFORE, "b", "nano 1 installed\n"),
        (UPGRADE, "a", "Inst nano [1] (2 Debian:13/stable [amd64])"),
        (AFTER, "a", "nano 2 installed\nreboot-required"),
        (AFTER, "b", "nano 1 installed"),
        ("Fetch the lists of packages", "a", "nano 3 installed"),
    ]:
        data = {"host": host, "task": task, "res": {"stdout": out}}
        told.take({"event": "runner_on_ok", "event_data": data})
    (change,) = told.changes("a", check=False)
    assert (change.old, change.new) == ("1", "2")
    assert told.changes("a", check=True) == [change]
    assert told.changes("b", check=False) == told.changes("b", check=True) == []
    assert told.reboot_due("a")
    assert not told.reboot_due("b")
