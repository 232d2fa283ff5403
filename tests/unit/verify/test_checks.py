"""Every check passes on hosts as promised, and fails for each way in which they are not."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import pytest

from hoaban.inventory.fleet import Fleet
from hoaban.model.types import Protocol, Text
from hoaban.testing import estate, measured
from hoaban.verify.checks import CHECKS
from hoaban.verify.facts import Facts
from hoaban.verify.journals import Journals
from hoaban.verify.model import Status
from hoaban.verify.scene import Ahead, Attempt

if TYPE_CHECKING:
    from collections.abc import Callable

    from hoaban.verify.flows import Flow
    from hoaban.verify.model import CheckReport
    from hoaban.verify.scene import Scene
    from hoaban.workspace import Workspace

HOST = "so-y-te-portal-data-1"


@pytest.fixture
def scene(provisioned: Workspace) -> Scene:
    return measured.scene(Fleet.read(provisioned), "so-y-te")


def report(scene: Scene, identifier: str) -> CheckReport:
    (check,) = [check for check in CHECKS if check.id == identifier]
    return check().report(scene)


def changed(scene: Scene, change: Callable[[dict[str, Any]], object]) -> Scene:
    """The scene with another answer of one host's facts agent."""
    raw = measured.facts(scene.fleet.host(HOST), scene.settings)
    change(raw)
    return dataclasses.replace(scene, facts={**scene.facts, HOST: Facts.model_validate(raw)})


def failures(report: CheckReport) -> str:
    return "\n".join(
        f"{finding.host}: {finding.evidence.en}"
        for finding in report.findings
        if finding.status is Status.FAIL
    )


def test_identifiers_are_unique_and_every_word_is_in_both_languages() -> None:
    assert len({check.id for check in CHECKS}) == len(CHECKS)
    for check in CHECKS:
        for text in (check.title, check.proves, check.how):
            assert text.vi != text.en
            assert any(ord(letter) > 127 for letter in text.vi)


@pytest.mark.parametrize("agency", ["so-y-te", None])
@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.id)
def test_passes_when_all_is_as_promised(
    provisioned: Workspace, check: Any, agency: str | None
) -> None:
    result = check().report(measured.scene(Fleet.read(provisioned), agency))
    assert failures(result) == ""
    expected = Status.SKIP if check.id == "flows-outside" else Status.PASS
    if check.id == "restores" and agency is None:
        expected = Status.NONE  # the province's own hosts hold no data of anybody's
    if check.id == "centre":
        expected = Status.NONE  # tests/unit/verify/test_centre.py
    assert result.status is expected


DEFECTS: list[tuple[str, str, Any]] = [
    ("answers", "cloud-init has not finished",
     lambda raw: raw["system"].update(cloud_init_done=False)),
    ("answers", "cloud-init says: no route",
     lambda raw: raw["system"].update(cloud_init_errors=["no route"])),
    ("answers", "not the promised size", lambda raw: raw["system"].update(cpus=4)),
    ("answers", "not the promised size", lambda raw: raw["system"].update(memory_mb=400)),
    ("answers", "not the promised size", lambda raw: raw["system"].update(memory_mb=1025)),
    ("addresses", "10.65.1.138/26 is missing",
     lambda raw: raw["network"]["addresses"][0]["addr_info"].pop(0)),
    ("addresses", "fd65:0:0:102::a/64 is missing",
     lambda raw: raw["network"]["addresses"][0]["addr_info"].pop(1)),
    ("addresses", "10.9.9.9/24 is not in the plan",
     lambda raw: raw["network"]["addresses"][0]["addr_info"].append(
         measured.address("inet", "10.9.9.9", 24, "global"))),
    ("addresses", "10.65.1.138/24 is not in the plan",
     lambda raw: raw["network"]["addresses"][0]["addr_info"][0].update(prefixlen=24)),
    ("addresses", "IPv4 gateway is not 10.65.1.129",
     lambda raw: raw["network"]["routes"][0].update(gateway="10.65.1.130")),
    ("addresses", "no IPv6 default route", lambda raw: raw["network"]["routes"].pop(1)),
    ("addresses", "is named debian", lambda raw: raw["system"].update(hostname="debian")),
    ("addresses", "is named x.y", lambda raw: raw["system"].update(fqdn="x.y")),
    ("time", "not in sync", lambda raw: tracking(raw, -1, "Not synchronised")),
    ("time", "not in sync", lambda raw: tracking(raw, 2, "0")),
    ("time", "-1.500 s away", lambda raw: tracking(raw, 4, "-1.5")),
    ("time", "follows 192.0.2.7, not 10.64.0.10", lambda raw: tracking(raw, 1, "192.0.2.7")),
    ("time", "nan s away", lambda raw: tracking(raw, 4, "nan")),
    ("time", "chrony's figures are not numbers", lambda raw: tracking(raw, 2, "two")),
    ("time", "chrony's figures are not numbers", lambda raw: tracking(raw, 4, "")),
    ("time", "506 Cannot talk to daemon",
     lambda raw: raw["clock"]["tracking"].update(status=1, out="506 Cannot talk to daemon")),
    ("volumes", "/srv/db is not mounted", lambda raw: raw["volumes"][0].update(device="")),
    ("volumes", "is xfs, not ext4", lambda raw: raw["volumes"][0].update(filesystem="xfs")),
    ("volumes", "does not keep what is written: Read-only file system",
     lambda raw: raw["volumes"][0].update(written=False, write_error="Read-only file system")),
    ("volumes", "does not mount label db1", lambda raw: raw.update(fstab="/dev/vdb /srv/db x\n")),
    ("volumes", "does not mount label db1",
     lambda raw: raw.update(fstab="#LABEL=db1 /srv/db ext4 defaults 0 2\n")),
    ("volumes", "its label is None",
     lambda raw: raw["disks"]["blockdevices"][0].update(label=None)),
    ("volumes", "the disk has 5.0 GiB of 10",
     lambda raw: raw["disks"]["blockdevices"][0].update(size=5 * measured.GIB)),
    ("volumes", "the file system has 5.0 GiB only",
     lambda raw: raw["volumes"][0].update(filesystem_bytes=5 * measured.GIB)),
    ("volumes", "serial number 00000000 is not of volume",
     lambda raw: raw["disks"]["blockdevices"][0].update(serial="00000000")),
    ("volumes", "there is no disk /dev/vdb", lambda raw: raw.update(disks=None)),
    ("audit", "auditd.service: disabled, inactive",
     lambda raw: raw["audit"].update(
         unit={"UnitFileState": "disabled", "ActiveState": "inactive"})),
    ("audit", "the kernel gives no answer: no program auditctl",
     lambda raw: raw["audit"].update(
         status={"status": 127, "out": "", "err": "no program auditctl"})),
    ("audit", "the kernel records nothing",
     lambda raw: raw["audit"]["status"].update(out="enabled 0\nlost 0\n")),
    ("audit", "rules identity: 0 loaded, 1 written",
     lambda raw: raw["audit"]["rules"].update(out=measured.AUDIT.splitlines()[1])),
    ("audit", "rules as-root: 0 loaded, 1 written",
     lambda raw: raw["audit"]["rules"].update(out="No rules\n")),
    ("audit", "rules : 1 loaded, 0 written",
     lambda raw: raw["audit"]["rules"].update(
         out=f"-a never,exit -S all\n{measured.AUDIT}")),
    ("audit", "no rules are written", lambda raw: raw["audit"].update(written="-D\n-e 1\n")),
    ("updates", "apt-daily.timer: disabled, inactive",
     lambda raw: raw["updates"]["units"].update(
         {"apt-daily.timer": {"UnitFileState": "disabled", "ActiveState": "inactive"}})),
    ("updates", "apt-daily-upgrade.timer: absent, absent",
     lambda raw: raw["updates"]["units"].update({"apt-daily-upgrade.timer": {}})),
    ("updates", "APT::Periodic::Unattended-Upgrade is off",
     lambda raw: setting(raw, 'Unattended-Upgrade "1"', 'Unattended-Upgrade "0"')),
    ("updates", "does not follow Debian's security",
     lambda raw: setting(raw, "Debian-Security", "Debian")),
    ("updates", "the dry run fails: E: broken",
     lambda raw: raw["updates"].update(dry_run={"status": 1, "out": "", "err": "x\nE: broken"})),
    ("units", "nginx.service has failed",
     lambda raw: raw.update(units=[{"unit": "nginx.service"}], state="degraded")),
    ("units", "the list of failed units could not be read",
     lambda raw: raw.update(units=None)),
    ("units", "the system's state: degraded", lambda raw: raw.update(state="degraded")),
    ("units", "the system's state: degraded",
     lambda raw: raw.update(state="degraded", units=None)),
    ("units", "the system's state: maintenance", lambda raw: raw.update(state="maintenance")),
    ("ssh", "passwordauthentication is yes",
     lambda raw: raw.update(sshd=raw["sshd"].replace("passwordauthentication no",
                                                     "passwordauthentication yes"))),
    ("ssh", "permitrootlogin is None", lambda raw: raw.update(sshd="")),
    ("accounts", "lan has no account", lambda raw: raw["people"].pop("lan")),
    ("accounts", "lan has no account",
     lambda raw: raw["people"]["lan"].update({"shell": "/usr/sbin/nologin"})),
    ("accounts", "lan's keys are not the list's",
     lambda raw: raw["people"]["lan"]["keys"].append("ssh-ed25519 AAAAstranger")),
    ("accounts", "hoaban has a password",
     lambda raw: raw["people"]["hoaban"].update(password=True)),
    ("accounts", "postgres has a password",
     lambda raw: raw["people"].update(
         postgres={"shell": "/usr/sbin/nologin", "password": True, "keys": []})),
    ("accounts", "keys of hoaban that are not the deploy key: 1",
     lambda raw: raw["people"]["hoaban"]["keys"].append("ssh-ed25519 AAAAstranger")),
    ("accounts", "keys of hoaban that are not the deploy key: 1",
     lambda raw: raw["people"]["hoaban"].update(keys=["ssh-ed25519 AAAAstranger"])),
    ("accounts", "hoaban has no deploy key",
     lambda raw: raw["people"]["hoaban"].update(keys=[])),
    ("accounts", "hoaban has no account", lambda raw: raw["people"].pop("hoaban")),
    ("accounts", "ke-la can log in and is not on the list",
     lambda raw: raw["people"].update(
         {"ke-la": {"shell": "/bin/sh", "password": False, "keys": ["ssh-rsa AAAA"]}})),
    ("hardening", "access-no-passwords: the check accounts has failed",
     lambda raw: raw["people"]["hoaban"].update(password=True)),
    ("packet-filter", "chain input does not drop by default",
     lambda raw: raw["filter"]["nftables"][0]["chain"].update(policy="accept")),
    ("packet-filter", "missing rule: ingress tcp 5432 10.65.1.64/26",
     lambda raw: drop_rule(raw, "serve-data-ipv4")),
    ("packet-filter", "rule outside the plan: ingress tcp 5432 0.0.0.0/0",
     lambda raw: widen(raw, "serve-data-ipv4")),
    ("packet-filter", "rule outside the plan: ingress tcp 8443 ::/0",
     lambda raw: add(raw["filter"], equal("tcp", "dport", 8443), {"accept": None})),
    ("packet-filter", "rule of unknown meaning",
     lambda raw: add(raw["filter"], {"accept": None})),
    ("packet-filter", "rule of unknown meaning",
     lambda raw: add(raw["filter"], equal("tcp", "dport", {"set": [80, 443]}), {"accept": None})),
    ("packet-filter", "rule of unknown meaning",
     lambda raw: add(raw["filter"], {"jump": {"target": "extra"}})),
    ("packet-filter", "chain input does not drop by default", lambda raw: raw.update(filter=None)),
    ("packet-filter", "would not be loaded again at boot",
     lambda raw: raw["filter_unit"].update(UnitFileState="disabled")),
    ("packet-filter", "its file could not be tried: no program unshare",
     lambda raw: raw["filter_file"].update(ruleset=None, error="no program unshare")),
    ("packet-filter", "other rules would be loaded at boot",
     lambda raw: add(raw["filter_file"]["ruleset"], {"accept": None})),
    ("packet-filter", "other rules would be loaded at boot",
     lambda raw: raw["filter_file"]["ruleset"]["nftables"][0]["chain"].update(policy="accept")),
    ("packet-filter", "other rules would be loaded at boot",
     lambda raw: raw["filter_file"].update(ruleset={"nftables": []})),
]  # fmt: skip


def tracking(raw: dict[str, Any], column: int, value: str) -> None:
    fields = raw["clock"]["tracking"]["out"].strip().split(",")
    fields[column] = value
    raw["clock"]["tracking"]["out"] = ",".join(fields)


def setting(raw: dict[str, Any], old: str, new: str) -> None:
    raw["updates"]["settings"] = raw["updates"]["settings"].replace(old, new)


def equal(protocol: str, field: str, right: Any) -> dict[str, Any]:
    left = {"payload": {"protocol": protocol, "field": field}}
    return {"match": {"op": "==", "left": left, "right": right}}


def add(listing: dict[str, Any], *statements: dict[str, Any]) -> None:
    rule = {"family": "inet", "table": "hoaban", "chain": "input", "expr": list(statements)}
    listing["nftables"].append({"rule": rule})


def find_rule(raw: dict[str, Any], comment: str) -> dict[str, Any]:
    items = raw["filter"]["nftables"]
    (found,) = [item for item in items if item.get("rule", {}).get("comment") == comment]
    item: dict[str, Any] = found
    return item


def drop_rule(raw: dict[str, Any], comment: str) -> None:
    raw["filter"]["nftables"].remove(find_rule(raw, comment))


def widen(raw: dict[str, Any], comment: str) -> None:
    remote = find_rule(raw, comment)["rule"]["expr"][0]["match"]
    remote.update(left={"meta": {"key": "nfproto"}}, right="ipv4")


@pytest.mark.parametrize(
    ("identifier", "words", "change"), DEFECTS, ids=[f"{i}: {w}" for i, w, _ in DEFECTS]
)
def test_fails_with_the_reason(scene: Scene, identifier: str, words: str, change: Any) -> None:
    result = report(changed(scene, change), identifier)
    assert result.status is Status.FAIL
    assert words in failures(result)
    assert {f.host for f in result.findings if f.status is Status.FAIL} == {HOST}


def test_every_check_of_facts_has_a_defect_here() -> None:
    elsewhere = {"centre", "flows-inside", "flows-outside", "logs", "backups", "restores"}
    tried = {identifier for identifier, _, _ in DEFECTS}
    assert tried == {check.id for check in CHECKS} - elsewhere


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.id)
def test_a_silent_host_never_passes(scene: Scene, check: Any) -> None:
    reason = Text(vi="không trả lời", en="no answer")
    facts = {name: fact for name, fact in scene.facts.items() if name != HOST}
    attempts = {name: one for name, one in scene.attempts.items() if name != HOST}
    inside = [trial for trial in scene.inside if trial.flow.source != HOST]
    result = check().report(
        dataclasses.replace(
            scene, facts=facts, attempts=attempts, inside=inside,
            silent={HOST: reason}, mute={HOST: reason},
        )
    )  # fmt: skip
    about = {finding.status for finding in result.findings if finding.host == HOST}
    assert Status.PASS not in about
    assert (Status.FAIL in about) == (check.id == "answers")


def test_a_host_that_was_never_built_fails(scene: Scene) -> None:
    result = report(dataclasses.replace(scene, unbuilt=["so-y-te-portal-web-2"]), "answers")
    assert failures(result) == "so-y-te-portal-web-2: Not built in the cloud"


def test_where_no_volume_was_promised_nothing_is_proved(workspace: Workspace) -> None:
    estate.write_estate(workspace.backend, estate.department(counts={"web": 1}))
    result = report(measured.scene(Fleet.read(workspace), "so-y-te"), "volumes")
    assert result.status is Status.NONE


def some_flow(scene: Scene, *, allowed: bool, protocol: Protocol) -> Flow:
    return next(
        t.flow for t in scene.inside if t.flow.allowed is allowed and t.flow.protocol is protocol
    )


@pytest.mark.parametrize("identifier", ["flows-inside", "flows-outside"])
@pytest.mark.parametrize(
    ("allowed", "protocol", "state", "status"),
    [
        (True, Protocol.TCP, "open", Status.PASS),
        (True, Protocol.TCP, "refused", Status.PASS),
        (True, Protocol.TCP, "silent", Status.FAIL),
        (True, Protocol.TCP, "blocked", Status.FAIL),
        (True, Protocol.TCP, "unreachable", Status.FAIL),
        (True, Protocol.UDP, "open", Status.PASS),
        (True, Protocol.UDP, "blocked", Status.FAIL),
        (False, Protocol.TCP, "silent", Status.PASS),
        (False, Protocol.TCP, "blocked", Status.PASS),
        (False, Protocol.TCP, "open", Status.FAIL),
        (False, Protocol.TCP, "refused", Status.FAIL),
        (False, Protocol.UDP, "refused", Status.FAIL),
        (False, Protocol.ICMP, "open", Status.FAIL),
        (False, Protocol.ICMP, "error 22", Status.FAIL),
    ],
)
def test_flows_are_judged_by_their_rules(
    scene: Scene, identifier: str, allowed: bool, protocol: Protocol, state: str, status: Status
) -> None:
    trial = measured.trial(some_flow(scene, allowed=allowed, protocol=protocol), state)
    field = "inside" if identifier == "flows-inside" else "outside"
    result = report(dataclasses.replace(scene, **{field: [trial]}), identifier)
    assert result.status is status
    assert (str(trial.flow) in failures(result)) == (status is Status.FAIL)


def test_an_unanswered_udp_flow_proves_nothing_but_fails_nothing(scene: Scene) -> None:
    flow = some_flow(scene, allowed=True, protocol=Protocol.UDP)
    assert measured.trial(flow, "silent").verdict is Status.SKIP


def test_many_wrong_flows_are_counted(scene: Scene) -> None:
    inside = [measured.trial(t.flow, "open") for t in scene.inside]
    result = report(dataclasses.replace(scene, inside=inside), "flows-inside")
    assert " more" in failures(result)
    assert result.status is Status.FAIL


@pytest.mark.parametrize(
    ("attempt", "status", "words"),
    [
        (Attempt(True, (), ""), Status.FAIL, "root gets in with the key"),
        (Attempt(False, ("publickey", "password"), ""), Status.FAIL, "takes publickey, password"),
        (Attempt(False, (), "Connection refused"), Status.SKIP, "Connection refused"),
        (Attempt(False, ("publickey",), ""), Status.PASS, "root is refused"),
    ],
)
def test_the_door_is_tried(scene: Scene, attempt: Attempt, status: Status, words: str) -> None:
    attempts = {**scene.attempts, HOST: attempt}
    result = report(dataclasses.replace(scene, attempts=attempts), "ssh")
    (tried,) = [finding for finding in result.findings if finding.host == HOST][1:]
    assert tried.status is status
    assert words in tried.evidence.en


def test_without_a_deploy_key_to_compare_with_nobody_passes(scene: Scene) -> None:
    result = report(dataclasses.replace(scene, deploy_key=None), "accounts")
    assert {finding.status for finding in result.findings} == {Status.FAIL}
    assert "no deploy key to compare" in failures(result)


def with_lists(scene: Scene, lists: list[dict[str, Any]]) -> CheckReport:
    return report(changed(scene, lambda raw: raw["updates"].update(lists=lists)), "updates")


@pytest.mark.parametrize(
    ("lists", "words"),
    [
        ([], "no lists of security updates have been fetched from http://10.64.0.20/debian"),
        ([("Debian", 60.0)], "no lists of security updates have been fetched"),
        ([("Debian-Security", 8 * 86400.0)], "lists are 8.0 days old"),
        ([("Debian-Security", float("nan"))], "days old"),
    ],
)
def test_with_a_mirror_lists_must_have_come(
    scene: Scene, lists: list[tuple[str, float]], words: str
) -> None:
    raw = [{"label": label, "age_seconds": age} for label, age in lists]
    result = with_lists(scene, raw)
    assert words in failures(result)
    assert {f.host for f in result.findings if f.status is Status.FAIL} == {HOST}


def test_with_a_mirror_new_lists_pass(scene: Scene) -> None:
    lists = [{"label": "Debian-Security", "age_seconds": age} for age in (9e6, 86400.0)]
    result = with_lists(scene, lists)
    assert {finding.status for finding in result.findings} == {Status.PASS}
    assert any("lists are 1.0 days old" in f.evidence.en for f in result.findings)


def test_without_a_mirror_no_update_is_said_to_come(scene: Scene) -> None:
    assert scene.settings is not None
    settings = scene.settings.model_copy(update={"mirror": None})
    result = report(dataclasses.replace(scene, settings=settings), "updates")
    about = [finding for finding in result.findings if finding.host == HOST]
    assert [finding.status for finding in about] == [Status.PASS, Status.SKIP]
    assert "no update can be fetched" in about[1].evidence.en
    assert "updates waiting" not in about[0].evidence.en


@pytest.mark.parametrize(
    ("ahead", "status", "words"),
    [
        (Ahead(4.9, 0.1), Status.PASS, "+4.90 ± 0.10 s from the checking machine"),
        (Ahead(-6.0, 1.5), Status.PASS, "-6.00 ± 1.50 s from the checking machine"),
        (Ahead(6.0, 0.2), Status.FAIL, "more than 5 s away from the checking machine"),
        (Ahead(-7200.0, 0.2), Status.FAIL, "more than 5 s away from the checking machine"),
        (Ahead(float("nan"), 0.2), Status.FAIL, "more than 5 s away from the checking machine"),
        (Ahead(0.0, 9.0), Status.SKIP, "+0.00 ± 9.00 s from the checking machine"),
        (None, Status.SKIP, "not compared with the checking machine"),
    ],
)
def test_clocks_are_compared_with_the_one_here(
    scene: Scene, ahead: Ahead | None, status: Status, words: str
) -> None:
    clock = {name: one for name, one in scene.clock.items() if name != HOST}
    clock |= {} if ahead is None else {HOST: ahead}
    result = report(dataclasses.replace(scene, clock=clock), "time")
    (about,) = [finding for finding in result.findings if finding.host == HOST]
    assert about.status is status
    assert words in about.evidence.en


@pytest.mark.parametrize(
    ("upstream", "status", "words"),
    [
        ([], Status.PASS, "the province's own clock (no source outside is named)"),
        (["ntp.example"], Status.FAIL, "follows its own clock, not ntp.example"),
    ],
)
def test_a_time_host_follows_what_the_province_names(
    provisioned: Workspace, upstream: list[str], status: Status, words: str
) -> None:
    province = measured.scene(Fleet.read(provisioned), None)
    assert province.settings is not None
    settings = province.settings.model_copy(update={"ntp_upstream": upstream})
    result = report(dataclasses.replace(province, settings=settings), "time")
    (about,) = [f for f in result.findings if f.host == estate.BASTION]
    assert about.status is status
    assert words in about.evidence.en


def with_newest(scene: Scene, newest: float | None) -> CheckReport:
    assert isinstance(scene.journals, Journals)
    times = {**scene.journals.newest, HOST: newest}
    told = scene.journals.model_copy(update={"newest": times})
    return report(dataclasses.replace(scene, journals=told), "logs")


@pytest.mark.parametrize(
    ("age", "words"),
    [(601.0, "10.0 minutes old"), (86400.0, "1440.0 minutes old"), (None, "no entry of it")],
)
def test_a_journal_that_does_not_arrive(scene: Scene, age: float | None, words: str) -> None:
    assert isinstance(scene.journals, Journals)
    result = with_newest(scene, None if age is None else scene.journals.now - age)
    assert {f.host for f in result.findings if f.status is Status.FAIL} == {HOST}
    assert words in failures(result)


def test_journals_that_are_kept_too_short(scene: Scene) -> None:
    assert isinstance(scene.journals, Journals)
    told = scene.journals.model_copy(update={"kept_seconds": 364 * 86400.0})
    assert "less than 365 days" in failures(
        report(dataclasses.replace(scene, journals=told), "logs")
    )


@pytest.mark.parametrize("told", [None, Text(vi="không", en="no route to host")])
def test_a_log_host_that_does_not_tell_proves_nothing(scene: Scene, told: Text | None) -> None:
    result = report(dataclasses.replace(scene, journals=told), "logs")
    assert result.status is Status.SKIP


def test_without_a_log_host_no_journal_was_promised(scene: Scene) -> None:
    without = [state for state in scene.fleet.states if state.outputs.environment.agency]
    bare = dataclasses.replace(scene, fleet=Fleet(without), journals=None)
    assert report(bare, "logs").status is Status.NONE


@pytest.mark.parametrize(("enabled", "status"), [("1", Status.FAIL), ("2", Status.PASS)])
def test_rules_of_a_high_level_cannot_be_changed(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, enabled: str, status: Status
) -> None:
    monkeypatch.setattr("hoaban.verify.checks.audit.IMMUTABLE_LEVEL", 3)
    about = changed(
        scene, lambda raw: raw["audit"]["status"].update(out=f"enabled {enabled}\nlost 0\n")
    )
    (finding,) = [f for f in report(about, "audit").findings if f.host == HOST]
    assert finding.status is status
