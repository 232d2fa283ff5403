"""The module that fetches apt's lists, with a program in apt's place."""

from __future__ import annotations

import json
import time
from email.utils import formatdate
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.testing import patch_module_args

from hoaban.plugins.modules import package_lists

DAY = 86400
SOURCES = """\
# Written by hoaban
Types: deb
URIs: http://192.0.2.1/debian
Suites: trixie trixie-updates
Components: main

Types: deb
URIs: http://192.0.2.1/debian-security
# for the impatient
Suites: trixie-security
Components: main
"""


class Host:
    """A host, and an archive whose lists are ``age`` days old."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.lists = folder / "lists"
        self.sources = folder / "sources"
        self.lists.mkdir()
        self.sources.mkdir()
        (self.sources / "debian.sources").write_text(SOURCES)
        self.folder = folder
        self.capsys = capsys
        self.age = 1.0
        self.refusals: list[str] = []
        self.calls: list[list[str]] = []
        self.asked = ""

    def run_command(self, command: list[str]) -> tuple[int, str, str]:
        """apt-get update."""
        self.calls.append(command)
        for word in command:
            if word.startswith("Dir::Etc::SourceList="):
                self.asked = Path(word.partition("=")[2]).read_text()
        if self.refusals:
            return 100, "", self.refusals.pop(0)
        self.fill()
        return 0, "", ""

    def fill(self) -> None:
        """Put the archive's lists in their place."""
        date = formatdate(time.time() - self.age * DAY, usegmt=True)
        release = f"Origin: Debian\nLabel: Debian-Security\nDate: {date}\n"
        (self.lists / "m_trixie-security_InRelease").write_text(release)
        (self.lists / "m_trixie-security_main_binary-amd64_Packages").write_text(date)

    def run(self, *, check: bool = False, **arguments: Any) -> dict[str, Any]:
        """Run the module."""
        arguments |= {"_ansible_check_mode": check, "_ansible_remote_tmp": str(self.folder)}
        arguments["_ansible_keep_remote_files"] = False
        with patch_module_args(arguments), pytest.raises(SystemExit):
            package_lists.main()
        result: dict[str, Any] = json.loads(self.capsys.readouterr().out)
        return result


@pytest.fixture
def host(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Host:
    made = Host(tmp_path, capsys)
    monkeypatch.setattr(package_lists, "LISTS", made.lists)
    monkeypatch.setattr(package_lists, "SOURCES", made.sources)
    monkeypatch.setattr(package_lists, "LOCK_PAUSE", 0)
    # A process that has loaded Ansible's own parts, as other tests do, shows warnings by itself.
    monkeypatch.setattr("ansible.module_utils._internal.is_controller", False)
    monkeypatch.setattr(AnsibleModule, "run_command", lambda _, command: made.run_command(command))
    return made


def test_missing_lists_come_once_and_alone(host: Host) -> None:
    assert host.run(only_security=True, max_age_days=7, check=True)["changed"] is True
    assert host.calls == []
    assert host.run(only_security=True, max_age_days=7)["changed"] is True
    assert host.asked.split() == [
        "Types:", "deb", "URIs:", "http://192.0.2.1/debian-security", "Suites:",
        "trixie-security", "Components:", "main",
    ]  # fmt: skip
    assert "APT::Get::List-Cleanup=0" in host.calls[0], "other archives' lists stay"
    for check in (True, False):
        assert host.run(only_security=True, max_age_days=7, check=check)["changed"] is False
    assert len(host.calls) == 1


def test_old_lists_are_fetched_again_and_no_change_is_told_where_none_came(host: Host) -> None:
    host.age = 9
    host.fill()
    host.age = 1
    assert host.run(max_age_days=7)["changed"] is True
    assert host.asked == "", "all lists"
    host.age = 9
    assert host.run(max_age_days=0)["changed"] is True
    before = {path: path.stat() for path in host.lists.iterdir()}
    host.refusals = ["E: Unable to fetch"]
    assert host.run(max_age_days=7, must=False)["changed"] is False
    assert {path: path.stat() for path in host.lists.iterdir()} == before


def test_an_archive_that_does_not_answer(host: Host) -> None:
    host.refusals = ["E: Failed to fetch http://192.0.2.1/debian-security Connection timed out"] * 2
    failed = host.run(only_security=True)
    assert failed["failed"] is True
    assert "Connection timed out" in failed["msg"]
    warned = host.run(only_security=True, must=False)
    assert "failed" not in warned
    assert "Connection timed out" in str(warned["warnings"])


def test_a_timer_that_is_at_work_is_waited_for(host: Host) -> None:
    host.refusals = ["E: Could not get lock /var/lib/apt/lists/lock"] * 3
    assert host.run(only_security=True)["changed"] is True
    assert len(host.calls) == 4


def test_without_an_archive_of_security_updates(host: Host) -> None:
    (host.sources / "debian.sources").write_text(SOURCES.partition("\n\n")[0])
    assert "no archive of security updates" in host.run(only_security=True)["msg"]


def test_a_release_file_without_lists_is_none(host: Host) -> None:
    host.fill()
    for file in host.lists.glob("*_Packages"):
        file.unlink()
    assert package_lists.youngest(host.lists, "Debian-Security") is None
    assert package_lists.youngest(host.lists, "Debian") is None
