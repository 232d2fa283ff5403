"""The check passes only when every control that is selected was proved, or is waived."""

from __future__ import annotations

import dataclasses
from datetime import date
from typing import TYPE_CHECKING

import pytest

from hoaban.controls.judge import questions
from hoaban.controls.model import Kind
from hoaban.controls.waivers import Waiver, Waivers
from hoaban.inventory.fleet import Fleet
from hoaban.model.types import Text
from hoaban.testing import measured
from hoaban.verify.checks.hardening import Hardening
from hoaban.verify.model import Status
from tests.unit.inventory.conftest import provisioned, workspace

if TYPE_CHECKING:
    from hoaban.verify.model import CheckReport
    from hoaban.verify.scene import Scene
    from hoaban.workspace import Workspace

__all__ = ["provisioned", "workspace"]
HOST = "so-y-te-portal-data-1"


@pytest.fixture
def scene(provisioned: Workspace) -> Scene:
    return measured.scene(Fleet.read(provisioned), "so-y-te")


def found(scene: Scene, kind: Kind, key: str, value: str | None) -> Scene:
    """The scene with another value of one setting on one host."""
    host = scene.fleet.host(HOST)
    pairs = questions(host.environment.security_level, [*map(str, host.plan.services)])
    (place,) = [index for index, (_, one) in enumerate(pairs) if (one.kind, one.key) == (kind, key)]
    values = [*scene.controls[HOST]]
    values[place] = value
    return dataclasses.replace(scene, controls={**scene.controls, HOST: values})


def waiver(control: str, expires: date) -> Waivers:
    reason = Text(vi="Ứng dụng cũ", en="An old application")
    granted = date(expires.year, 1, 1)
    one = Waiver(control=control, agency="so-y-te", reason=reason, owner="Nguyễn Văn An",
                 granted=granted, expires=expires)  # fmt: skip
    return Waivers((one,))


def words(report: CheckReport, status: Status) -> str:
    return "\n".join(one.evidence.en for one in report.findings if one.status is status)


@pytest.mark.parametrize(
    ("kind", "key", "value", "says"),
    [
        (Kind.SYSCTL, "kernel.randomize_va_space", "0",
         "kernel-aslr: sysctl kernel.randomize_va_space is 0, not 2"),
        (Kind.SYSCTL, "net.ipv4.conf.all.send_redirects", "0 (ens3: 1)", "is 0 (ens3: 1), not 0"),
        (Kind.SYSCTL, "kernel.yama.ptrace_scope", None, "is absent, not 1"),
        (Kind.MODULE, "cramfs", "loadable", "modules-file-systems: module cramfs is loadable"),
        (Kind.SSHD, "ciphers", "3des-cbc", "ssh-ciphers: sshd ciphers is 3des-cbc, not"),
        (Kind.MODE, "/etc/shadow", "0644 root root", "is 0644 root root, not 0640 root shadow"),
        (Kind.MODE, "/etc/shadow", "0644 root shadow", "is 0644 root shadow, not 0640"),
        (Kind.FILE, "/etc/issue", "Debian GNU/Linux 13", "/etc/issue has another content"),
        (Kind.PAM, "faillock", "not set", "access-lockout: pam faillock is not set"),
        (Kind.PACKAGE_ABSENT, "telnet", "installed", "package-absent telnet is installed"),
        (Kind.STATE, "accounts", "account x has 0", "access-one-root: state accounts is account x"),
    ],
)  # fmt: skip
def test_a_control_that_is_not_kept_fails(
    scene: Scene, kind: Kind, key: str, value: str | None, says: str
) -> None:
    report = Hardening().report(found(scene, kind, key, value))
    assert report.status is Status.FAIL
    assert says in words(report, Status.FAIL)
    assert {one.host for one in report.findings if one.status is Status.FAIL} == {HOST}


@pytest.mark.parametrize(("mode"), [None, "0600 root shadow", "0000 root shadow"])
def test_fewer_rights_pass(scene: Scene, mode: str | None) -> None:
    report = Hardening().report(found(scene, Kind.MODE, "/etc/shadow", mode))
    assert report.status is Status.PASS


def test_what_could_not_be_read_is_not_proved(scene: Scene) -> None:
    report = Hardening().report(found(scene, Kind.SSHD, "macs", "!sshd: no host key"))
    assert report.status is Status.SKIP
    assert "ssh-macs: unread, macs: sshd: no host key" in words(report, Status.SKIP)


def test_a_host_that_was_not_asked_is_not_proved(scene: Scene) -> None:
    controls = {name: values for name, values in scene.controls.items() if name != HOST}
    reason = {HOST: Text(vi="quá lâu", en="too slow")}
    report = Hardening().report(dataclasses.replace(scene, controls=controls, unasked=reason))
    assert words(report, Status.SKIP) == "too slow"


def test_a_check_that_was_not_proved_proves_no_control(scene: Scene) -> None:
    assert scene.settings is not None
    settings = scene.settings.model_copy(update={"mirror": None})
    report = Hardening().report(dataclasses.replace(scene, settings=settings))
    assert report.status is Status.SKIP
    assert "services-updates: the check updates has not proved it" in words(report, Status.SKIP)


def test_a_waiver_is_named_and_ends(scene: Scene) -> None:
    broken = found(scene, Kind.SYSCTL, "kernel.randomize_va_space", "0")
    held = dataclasses.replace(broken, waivers=waiver("kernel-aslr", date(2026, 12, 1)))
    report = Hardening().report(held)
    assert report.status is Status.PASS
    says = "kernel-aslr is waived until 2026-12-01: An old application (Nguyễn Văn An)"
    assert says in words(report, Status.PASS)
    later = Hardening().report(dataclasses.replace(held, today=date(2026, 12, 2)))
    assert later.status is Status.FAIL
    assert "kernel-aslr: its waiver ended on 2026-12-01 (Nguyễn Văn An)" in words(
        later, Status.FAIL
    )


def test_an_expired_waiver_fails_even_where_the_control_is_kept(scene: Scene) -> None:
    expired = dataclasses.replace(scene, waivers=waiver("kernel-aslr", date(2026, 11, 30)))
    assert Hardening().report(expired).status is Status.FAIL


def test_each_control_that_is_selected_is_counted(scene: Scene) -> None:
    report = Hardening().report(scene)
    about = [one.evidence.en for one in report.findings if one.host == HOST]
    assert len(about) == 8
    assert any(words.startswith("Kernel, level 3: 12 kept (kernel-aslr,") for words in about)
