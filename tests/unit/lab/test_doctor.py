"""What the doctor finds on a fresh machine, and how it mends it."""

from __future__ import annotations

import importlib
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from hoaban.doctor import Finding, Purpose, checks, mend
from hoaban.doctor.checks import Program
from hoaban.errors import HoabanError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

LISTS = "E: Could not get lock /var/lib/apt/lists/lock. It is held by process 91 (apt-get)\n"
FRONTEND = "dpkg: error: dpkg frontend lock was locked by another process with pid 91\n"
module = importlib.import_module("hoaban.doctor.mend")  # its function has the name in the package


class Apt:
    """Package tools that give these answers in turn, and do as they are told from then on."""

    def __init__(self, *answers: str) -> None:
        self.answers = list(answers)
        self.commands: list[Sequence[str]] = []

    def run(self, command: Sequence[str], **options: Any) -> subprocess.CompletedProcess[str]:
        assert options["env"]["DEBIAN_FRONTEND"] == "noninteractive"
        self.commands.append(command)
        said = self.answers.pop(0) if self.answers else ""
        return subprocess.CompletedProcess(command, 100 if said else 0, "", said)

    def verbs(self) -> list[str]:
        """What was asked for, without the options that are always the same."""
        return [
            " ".join(word for word in command if word[0] != "-" and "=" not in word)
            for command in self.commands
        ]


@pytest.fixture
def known(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Grows when the archive of backports is made known; the machine runs Debian 12."""
    known: list[bool] = []
    monkeypatch.setattr(module.os, "geteuid", lambda: 0)
    monkeypatch.setattr(module.time, "sleep", lambda _: None)
    monkeypatch.setattr(module, "host_codename", lambda: "bookworm")
    monkeypatch.setattr(module, "ensure_backports", lambda: known.append(True))
    return known


def lacks(*packages: str) -> list[Finding]:
    return [
        Finding(Purpose.MOLECULE, package, ok=False, detail="", packages=(package,))
        for package in packages
    ]


def test_the_emulator_comes_from_backports_where_the_release_has_it_too_old(
    monkeypatch: pytest.MonkeyPatch, known: list[bool]
) -> None:
    apt = Apt()
    monkeypatch.setattr(module.subprocess, "run", apt.run)
    assert mend(lacks("qemu-utils", "podman")) == ["podman", "qemu-utils"]
    assert known == [True]
    assert apt.verbs() == [
        "dpkg",
        "apt-get update",
        "apt-get install podman",
        "apt-get install bookworm-backports qemu-utils",
    ]
    assert list(apt.commands[0])[-2:] == ["--configure", "-a"]
    monkeypatch.setattr(module, "host_codename", lambda: "trixie")
    mend(lacks("qemu-utils"))
    assert known == [True]
    assert apt.verbs()[-1] == "apt-get install qemu-utils"


def test_another_apt_at_work_is_waited_for(
    monkeypatch: pytest.MonkeyPatch, known: list[bool]
) -> None:
    apt = Apt(FRONTEND, "", LISTS, LISTS)
    monkeypatch.setattr(module.subprocess, "run", apt.run)
    mend(lacks("podman"))
    assert apt.verbs() == ["dpkg"] * 2 + ["apt-get update"] * 3 + ["apt-get install podman"]


def test_it_is_not_waited_for_without_end(
    monkeypatch: pytest.MonkeyPatch, known: list[bool]
) -> None:
    apt = Apt("", *[LISTS] * 9)
    monkeypatch.setattr(module.subprocess, "run", apt.run)
    monkeypatch.setattr(module, "LOCK_WAIT_SECONDS", -1)
    with pytest.raises(HoabanError, match="apt-get update failed with status 100") as caught:
        mend(lacks("podman"))
    assert "process 91" in str(caught.value.detail)


def test_another_failure_is_told_at_once(
    monkeypatch: pytest.MonkeyPatch, known: list[bool]
) -> None:
    apt = Apt("", "", "E: Unable to locate package podman\n")
    monkeypatch.setattr(module.subprocess, "run", apt.run)
    with pytest.raises(HoabanError, match="apt-get install failed"):
        mend(lacks("podman"))
    assert len(apt.commands) == 3


def test_a_program_that_is_too_old_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    emulator = tmp_path / "emulator"
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    program = Program(Purpose.MOLECULE, "emulator", "qemu-system-x86", at_least=9)

    def says(version: str) -> Finding:
        emulator.write_text(f"#!/bin/sh\necho 'QEMU emulator version {version} (Debian)'\n")
        emulator.chmod(0o755)
        return program.examine()

    old = says("7.2.17")
    assert not old.ok
    assert old.packages == ("qemu-system-x86",)
    assert old.detail == f"{emulator} is of version 7, 9 needed"
    assert old.mend == "hoaban doctor molecule --mend"
    assert says("10.0.2").ok
    assert says("9.0.0").packages == ()


def test_disabled_ipv6_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "_IPV6_SETTINGS", tmp_path)

    def found(purpose: Purpose) -> Finding:
        return next(each for each in checks.examine(purpose) if each.name == "IPv6")

    assert found(Purpose.LAB).detail == "the kernel has none: No such file or directory"
    for name in ("all", "default"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "disable_ipv6").write_text("0\n")
    assert found(Purpose.LAB).ok
    (tmp_path / "default/disable_ipv6").write_text("1\n")
    finding = found(Purpose.MOLECULE)
    assert not finding.ok
    assert "net.ipv6.conf.default.disable_ipv6 is 1" in finding.detail
    assert finding.mend.startswith("sysctl -w ")
