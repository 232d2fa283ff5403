"""A whole verification against this machine, behind an ``ssh`` that runs commands here."""

from __future__ import annotations

import json
import stat
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any

import pytest
import typer

from hoaban.cli import verify as module
from hoaban.errors import ExitCode, HoabanError
from hoaban.inventory.fleet import Fleet
from hoaban.remote import Remote, RemoteResult
from hoaban.testing import estate, exported, measured
from hoaban.verify import gather, routes
from hoaban.verify.checks import CHECKS
from hoaban.verify.model import CheckReport, Finding, Status, VerifyReport, worst
from hoaban.verify.run import deploy_key, kept, report_file, scope, verify
from hoaban.verify.scene import UNPROVED, UNTRIED
from hoaban.verify.show import in_short, show
from tests.unit.converge.conftest import FakeConsole, QuietSteps, console_of
from tests.unit.converge.test_pins import key

if TYPE_CHECKING:
    from pathlib import Path

    from hoaban.workspace import Workspace

SILENCE = """
import json, sys
print(json.dumps([["silent", 1] for _ in json.loads(sys.argv[1])["probes"]]))
"""
"""In place of the probe agent: the estate's addresses are other networks' on this machine."""
HOSTS = {f"so-y-te-portal-{tier}-1" for tier in ("web", "app", "data")}


@pytest.fixture
def here(faults: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """This machine as every host: sudo does nothing, and no packet is sent."""
    sudo = faults.parent / "bin/sudo"
    sudo.write_text('#!/bin/sh\nshift\nexec "$@"\n')
    sudo.chmod(0o755)
    agents = gather.source
    monkeypatch.setattr(gather, "source", lambda n: SILENCE if n == "probe" else agents(n))
    monkeypatch.setattr(routes, "leads_to", lambda _: False)
    monkeypatch.setattr(routes, "beside", lambda _: False)
    return faults


@pytest.fixture
def console() -> FakeConsole:
    return FakeConsole(default=console_of(key(1)))


def test_measures_judges_and_keeps(
    provisioned: Workspace, here: Path, console: FakeConsole, steps: QuietSteps
) -> None:
    report = verify(provisioned, "so-y-te", console, steps)
    assert [check.id for check in report.checks] == [check.id for check in CHECKS]
    assert report.hosts.keys() == HOSTS
    assert report.stack.digest == Fleet.read(provisioned).state_of("so-y-te").digest
    by_id = {check.id: check for check in report.checks}
    # This machine has none of the addresses, volumes and filters that were promised.
    for identifier in ("addresses", "volumes", "packet-filter", "ssh"):
        assert by_id[identifier].status is Status.FAIL
    assert {f.host for f in by_id["flows-inside"].findings} == {
        *HOSTS,
        estate.BASTION,
        estate.BACKUP,
    }
    assert not report.ok
    assert kept(provisioned, "so-y-te") == report
    assert stat.S_IMODE(report_file(provisioned, "so-y-te").stat().st_mode) == 0o600


def test_a_host_that_does_not_answer_fails_its_checks_and_stops_nothing(
    provisioned: Workspace, here: Path, console: FakeConsole, steps: QuietSteps
) -> None:
    (here / "so-y-te-portal-app-1").write_text("ssh: connect: No route to host\n")
    report = verify(provisioned, "so-y-te", console, steps)
    by_id = {check.id: check for check in report.checks}
    (answer,) = [f for f in by_id["answers"].findings if f.host == "so-y-te-portal-app-1"]
    assert answer.status is Status.FAIL
    assert "No route to host" in answer.evidence.en
    assert "so-y-te-portal-app-1" not in report.hosts
    (units,) = [f for f in by_id["units"].findings if f.host == "so-y-te-portal-app-1"]
    assert units.status is Status.SKIP


def test_nonsense_from_a_host_is_no_answer(
    provisioned: Workspace, here: Path, console: FakeConsole, steps: QuietSteps
) -> None:
    (here.parent / "bin/sudo").write_text("#!/bin/sh\necho '{\"system\": []}'\n")
    report = verify(provisioned, "so-y-te", console, steps)
    assert report.hosts == {}
    assert report.checks[0].status is Status.FAIL
    assert report.count(Status.PASS) <= 1  # flows from outside may still hold


def test_scope_takes_the_province_and_pinned_hosts_of_the_next_agencies(
    workspace: Workspace,
) -> None:
    slugs = ["a", "b", "c", "d", "e"]
    agencies = [estate.department(slug, index=n) for n, slug in enumerate(slugs, 1)]
    estate.write_estate(workspace.backend, *agencies)
    workspace.known_hosts.mkdir(parents=True)
    for slug in ("a", "b", "d"):
        (workspace.known_hosts / f"agency-{slug}").touch()
    fleet = Fleet.read(workspace)
    assert [host.name for host in scope(workspace, fleet, "c").neighbours] == [
        estate.BASTION,
        estate.BACKUP,
        "d-portal-web-1",
        "a-portal-web-1",
    ]
    foundation = scope(workspace, fleet, None)
    assert [host.name for host in foundation.own] == [estate.BASTION, estate.BACKUP]
    assert [host.name for host in foundation.neighbours] == ["a-portal-web-1", "b-portal-web-1"]


def test_outside_nothing_is_expected_at_inner_addresses(
    provisioned: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = answers_of(monkeypatch, echo={"10.64.0.1", "fd64::1"})
    monkeypatch.setattr(routes, "own_address", lambda _: estate.OPERATOR_NETWORK[5])
    monkeypatch.setattr(routes, "leads_to", lambda address: str(address) != "10.64.0.11")
    trials = gather.outside(Fleet.read(provisioned).hosts_of(None), routes.Vantage())
    allowed = [trial.flow for trial in trials if trial.flow.allowed]
    assert [(str(flow.address), flow.port) for flow in allowed] == [(exported.FLOATING_IP, 22)]
    inner = [t.flow for t in trials if str(t.flow.address) != exported.FLOATING_IP]
    assert {str(flow.address) for flow in inner} == {
        "10.64.0.10", "10.64.0.11", "fd64::a", "fd64::b",
    }  # fmt: skip
    untried = [t for t in trials if t.state == UNTRIED]
    assert {str(trial.flow.address) for trial in untried} == {"10.64.0.11"}
    assert {trial.verdict for trial in untried} == {Status.SKIP}
    assert len([probe for probe in asked if probe[1] != "icmp"]) == len(trials) - len(untried)
    assert "10.64.0.11" not in {probe[2] for probe in asked}
    assert {probe[5] for probe in asked} == {0}


def answers_of(
    monkeypatch: pytest.MonkeyPatch,
    *,
    echo: set[str],
    ports: dict[tuple[str, int], str] | None = None,
) -> list[list[object]]:
    """What the probe agent is asked from now on: some answer an echo, some ports answer so."""
    asked: list[list[object]] = []

    def run(probes: list[list[Any]]) -> list[list[object]]:
        asked.extend(probes)
        return [
            ["open" if one[2] in echo else "silent", 1]
            if one[1] == "icmp"
            else [(ports or {}).get((one[2], one[3]), "silent"), 1]
            for one in probes
        ]

    monkeypatch.setattr(gather.probe, "run", run)
    return asked


@pytest.mark.parametrize(
    ("echo", "ports", "proved"),
    [
        (set(), {}, set()),
        ({"10.64.0.1"}, {}, {"10.64.0.10", "10.64.0.11"}),
        ({"fd64::1"}, {}, {"fd64::a", "fd64::b"}),
        ({"203.0.113.2"}, {}, {exported.FLOATING_IP}),
        (set(), {(exported.FLOATING_IP, 22): "open"}, {exported.FLOATING_IP}),
        ({"fd64::1"}, {("10.64.0.10", 443): "unreachable"}, {"fd64::a", "fd64::b"}),
    ],
)
def test_silence_outside_counts_only_where_the_way_is_proved(
    provisioned: Workspace,
    monkeypatch: pytest.MonkeyPatch,
    echo: set[str],
    ports: dict[tuple[str, int], str],
    proved: set[str],
) -> None:
    fleet = Fleet.read(provisioned)
    answers_of(monkeypatch, echo=echo, ports=ports)
    monkeypatch.setattr(routes, "own_address", lambda _: estate.OPERATOR_NETWORK[5])
    monkeypatch.setattr(routes, "leads_to", lambda _: True)
    trials = gather.outside(fleet.hosts_of(None), routes.Vantage(fleet.router_addresses))
    forbidden = [trial for trial in trials if not trial.flow.allowed and trial.flow.port != 22]
    passed = {str(t.flow.address) for t in forbidden if t.verdict is Status.PASS}
    skipped = {str(t.flow.address) for t in forbidden if t.verdict is Status.SKIP}
    everywhere = {str(t.flow.address) for t in forbidden}
    assert passed == proved
    assert skipped >= everywhere - proved
    assert {t.state for t in forbidden} <= {"silent", "unreachable", UNPROVED}


def test_an_answer_that_is_forbidden_fails_though_the_way_was_not_proved(
    provisioned: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers_of(monkeypatch, echo=set(), ports={("10.64.0.11", 5432): "refused"})
    monkeypatch.setattr(routes, "leads_to", lambda _: True)
    trials = gather.outside(Fleet.read(provisioned).hosts_of(None), routes.Vantage())
    failed = [trial for trial in trials if trial.verdict is Status.FAIL]
    assert ("10.64.0.11", 5432) in {(str(t.flow.address), t.flow.port) for t in failed}


def test_floating_addresses_are_judged_by_the_address_that_hosts_see(
    provisioned: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers_of(monkeypatch, echo=set(), ports={(exported.FLOATING_IP, 22): "open"})
    monkeypatch.setattr(routes, "leads_to", lambda _: True)
    monkeypatch.setattr(routes, "own_address", lambda _: ip_address("192.168.1.7"))
    hosts = Fleet.read(provisioned).hosts_of(None)

    def door(seen: str | None) -> Status:
        outer = ip_address(seen) if seen else None
        (trial,) = [
            trial
            for trial in gather.outside(hosts, routes.Vantage(), outer)
            if (str(trial.flow.address), trial.flow.port) == (exported.FLOATING_IP, 22)
        ]
        return trial.verdict

    assert door(str(estate.OPERATOR_NETWORK[5])) is Status.PASS
    assert door(None) is Status.FAIL  # the address of this machine's socket is all that is known
    assert door("2001:db8::7") is Status.FAIL


@pytest.mark.parametrize(
    ("status", "told", "expected"),
    [
        (0, "198.51.100.9 51234 10.64.0.10 22\n", ip_address("198.51.100.9")),
        (0, "2001:db8::9 51234 2001:db8::1 22\n", ip_address("2001:db8::9")),
        (0, "\n", None),
        (0, "UNKNOWN 65535 x 22\n", None),
        (255, "", None),
    ],
)
def test_a_host_tells_whom_it_sees(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, status: int, told: str, expected: object
) -> None:
    remote = Remote(tmp_path / "config")
    result = RemoteResult("bastion", status, told, "", 0.1)
    monkeypatch.setattr(remote, "run", lambda *_: result)
    assert gather.seen_from(remote, "bastion") == expected


def test_what_was_kept_can_be_missing_or_broken(provisioned: Workspace) -> None:
    with pytest.raises(HoabanError) as missing:
        kept(provisioned, "so-y-te")
    assert missing.value.mend == "hoaban verify so-y-te"
    file = report_file(provisioned, "so-y-te")
    file.parent.mkdir(parents=True)
    file.write_text("{}")
    with pytest.raises(HoabanError, match="cannot be read"):
        kept(provisioned, "so-y-te")


def sample(workspace: Workspace, *statuses: Status) -> VerifyReport:
    """A report with one check a status."""
    state = Fleet.read(workspace).state_of("so-y-te")
    text = state.outputs.environment.name
    return VerifyReport(
        province="sonla",
        agency="so-y-te",
        name=text,
        stack={"project": "agency", "stack": "x", "version": 1, "digest": "d",
               "updated": "2026-11-22T10:00:00Z"},
        toolkit="0",
        started="2026-11-22T10:00:00Z",
        seconds=61.2,
        hosts={},
        checks=[
            CheckReport(id=f"c{n}", title=text, proves=text, how=text,
                        findings=[Finding(host="web", status=status, evidence=text)])
            for n, status in enumerate(statuses)
        ],
    )  # fmt: skip


@pytest.mark.parametrize(
    ("statuses", "ok"),
    [
        ((Status.PASS, Status.PASS), True),
        ((Status.PASS, Status.SKIP), True),
        ((Status.PASS, Status.FAIL), False),
        ((Status.SKIP,), False),
        ((Status.NONE,), False),
        ((), False),
    ],
)
def test_a_report_is_good_when_nothing_failed_and_something_was_proved(
    provisioned: Workspace, statuses: tuple[Status, ...], ok: bool
) -> None:
    assert sample(provisioned, *statuses).ok is ok


def test_shown_in_a_terminal(provisioned: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    show(sample(provisioned, Status.PASS, Status.FAIL, Status.SKIP))
    out = capsys.readouterr().out
    assert "✓ Department of Health  c0" in out
    assert "    ✗ web: Department of Health" in out
    assert "1 passed, 1 failed, 1 not proved in 61 s" in out


def test_in_short_what_is_not_proved_is_named(provisioned: Workspace) -> None:
    doubtful = sample(provisioned, Status.PASS, Status.SKIP, Status.NONE, Status.SKIP)
    assert in_short(doubtful) == (
        "1 passed, 0 failed, 2 not proved (c1, c3), 1 with nothing to prove"
    )
    assert in_short(sample(provisioned, Status.PASS)) == "1 passed, 0 failed, 0 not proved"


@pytest.mark.parametrize(
    ("statuses", "expected"),
    [
        ((Status.PASS, Status.SKIP, Status.NONE), Status.SKIP),
        ((Status.PASS, Status.SKIP, Status.FAIL), Status.FAIL),
        ((Status.PASS, Status.NONE), Status.PASS),
        ((Status.NONE,), Status.NONE),
        ((), Status.SKIP),
    ],
)
def test_what_was_not_tried_is_not_outweighed(
    statuses: tuple[Status, ...], expected: Status
) -> None:
    assert worst(statuses) is expected


@pytest.mark.parametrize(("status", "code"), [(Status.PASS, None), (Status.FAIL, ExitCode.ERROR)])
def test_the_verb_prints_json_and_exits_with_1_on_failure(
    provisioned: Workspace,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    status: Status,
    code: ExitCode | None,
) -> None:
    result = sample(provisioned, status)
    monkeypatch.setattr(module, "examine", lambda *_: result)
    monkeypatch.setattr(module.Workspace, "find", classmethod(lambda _: provisioned))
    monkeypatch.setattr(module, "CloudConsole", lambda *_: None)
    monkeypatch.setattr(module.model, "load", lambda _: FakeProvince)
    if code is None:
        module.verify(["so-y-te"], verbose=False, json_=True)
    else:
        with pytest.raises(typer.Exit) as caught:
            module.verify(["so-y-te"], verbose=False, json_=True)
        assert caught.value.exit_code == code
    assert json.loads(capsys.readouterr().out)["checks"][0]["id"] == "c0"


def test_of_all_stacks_each_has_an_entry_and_one_error_stops_no_other(
    provisioned: Workspace, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    result = sample(provisioned, Status.PASS)

    def examine(_: Workspace, agency: str | None, *__: object) -> VerifyReport:
        if agency is None:
            raise HoabanError("the bastion is gone", mend="hoaban up")
        return result

    monkeypatch.setattr(module, "examine", examine)
    monkeypatch.setattr(module.Workspace, "find", classmethod(lambda _: provisioned))
    monkeypatch.setattr(module, "CloudConsole", lambda *_: None)
    monkeypatch.setattr(module.model, "load", lambda _: FakeProvince)
    with pytest.raises(typer.Exit) as caught:
        module.verify(None, everything=True, json_=True)
    assert caught.value.exit_code == ExitCode.ERROR
    foundation, agency = json.loads(capsys.readouterr().out)
    assert foundation == {
        "agency": None,
        "errors": [{"what": "the bastion is gone", "mend": "hoaban up"}],
    }
    assert (agency["agency"], agency["errors"]) == ("so-y-te", [])
    assert agency["checks"][0]["id"] == "c0"


class FakeProvince:
    """As much of a province as the verb reads."""

    class spec:  # noqa: N801
        cloud = None


def test_measured_estate_is_whole(provisioned: Workspace) -> None:
    scene = measured.scene(Fleet.read(provisioned), "so-y-te")
    assert scene.facts.keys() == HOSTS
    assert any(trial.flow.allowed for trial in scene.inside)


def test_the_deploy_key_is_the_workspaces(provisioned: Workspace) -> None:
    file = provisioned.keys / "deploy.pub"
    file.parent.mkdir(exist_ok=True)
    file.write_text("ssh-ed25519 AAAAC3Nz hoaban\n")
    assert deploy_key(provisioned) == "ssh-ed25519 AAAAC3Nz"
    file.write_text("\n")
    assert deploy_key(provisioned) is None
    file.unlink()
    assert deploy_key(provisioned) is None
