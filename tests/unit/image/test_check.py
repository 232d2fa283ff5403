from __future__ import annotations

import json
import subprocess
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, ClassVar, Self

import pytest

from hoaban.errors import HoabanError, ManyErrors
from hoaban.image import check as checking
from hoaban.image.check import PROMISES, Checked, check
from hoaban.image.configdrive import make_config_drive

if TYPE_CHECKING:
    from pathlib import Path

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHLKIro9H"
CONSOLE = f"-----BEGIN SSH HOST KEY KEYS-----\n{KEY} root@host\n-----END SSH HOST KEY KEYS-----\n"
GOOD = {
    "is-system-running": "running",
    "cloud-init status": "status: done",
    "hostname": "image-check",
    "sudo -n id": "0",
    "findmnt": str(3 * 1024**3),
    "ls /etc/ssh": "/etc/ssh/ssh_host_ed25519_key",
    "locale": "C\nen_US.utf8\nvi_VN\nvi_VN.utf8",
    "is-active chrony": "active",
    "apparmor": "/usr/sbin/chronyd (enforce)",
    "resolvectl": "1",
    "restic-rest-server": "disabled",
}


class FakeGuest:
    """A guest that answers as it is told; ``answers`` by a part of the command."""

    answers: ClassVar[dict[str, tuple[int, str]]]
    console_text = CONSOLE

    def __init__(self, image: Any, drive: Path, folder: Path, machine: Any) -> None:
        self.folder = folder
        self.port, self.seconds, self.cpu_seconds, self.memory_mb = 2222, 30.0, 25.0, 540.0
        self.ended = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        assert self.folder.is_dir()

    def wait_for(self, mark: str, timeout: float) -> str:
        return self.console_text

    def wait_for_end(self, timeout: float) -> None:
        self.ended = True

    def ssh(self, *command: str) -> subprocess.CompletedProcess[str]:
        pinned = (self.folder / "known_hosts").read_text()
        assert pinned == f"[127.0.0.1]:2222 {KEY}\n"
        text = " ".join(command)
        status, output = next((a for part, a in self.answers.items() if part in text), (0, ""))
        return subprocess.CompletedProcess(command, status, f"{output}\n", "")


@pytest.fixture
def guest(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> type[FakeGuest]:
    class Guest(FakeGuest):
        answers: ClassVar = {part: (0, output) for part, output in GOOD.items()}

    monkeypatch.setattr(checking, "Guest", Guest)
    monkeypatch.setattr(checking, "_check_programs", lambda: None)
    monkeypatch.setattr(checking, "make_config_drive", lambda folder, **_: folder / "drive.iso")
    return Guest


def run() -> Checked:
    return check(SimpleNamespace(name="debian-13-x"), timeout=1)  # type: ignore[arg-type]


def test_an_image_that_keeps_all_promises_passes(guest: type[FakeGuest]) -> None:
    checked = run()
    assert checked.kept == [promise.what for promise in PROMISES]
    assert checked.seconds.keys() == {"host key", "ssh", "cloud-init done"}
    assert checked.to_json()["memory_mb"] == 540


@pytest.mark.parametrize("promise", PROMISES, ids=lambda promise: promise.what)
def test_every_promise_can_be_broken_by_its_commands_status(
    guest: type[FakeGuest], promise: checking.Promise
) -> None:
    others = {part: answer for part, answer in guest.answers.items() if part != promise.command}
    guest.answers = {promise.command: (1, "")} | others
    with pytest.raises(ManyErrors) as caught:
        run()
    assert [promise.what in error.what for error in caught.value.errors] == [True]


@pytest.mark.parametrize(
    ("part", "output"),
    [
        ("is-system-running", "degraded"),
        ("--failed", "chrony.service loaded failed failed"),
        ("cloud-init status", "status: error"),
        ("hostname", "localhost"),
        ("sudo -n id", "1000"),
        ("findmnt", str(2 * 1024**3)),
        ("findmnt", ""),
        ("ls /etc/ssh", "/etc/ssh/ssh_host_ed25519_key\n/etc/ssh/ssh_host_rsa_key"),
        ("ls /etc/ssh", "/etc/ssh/ssh_host_ed25519_key\nroot::20000:0:99999:7:::"),
        ("locale", "C\nen_US.utf8"),
        ("is-active chrony", "inactive"),
        ("apparmor", "/usr/sbin/chronyd (complain)"),
        ("resolvectl", "0"),
        ("restic-rest-server", "enabled"),
    ],
)
def test_a_promise_is_broken_by_what_the_command_says(
    guest: type[FakeGuest], part: str, output: str
) -> None:
    guest.answers = {part: (0, output)} | {k: v for k, v in guest.answers.items() if k != part}
    with pytest.raises(ManyErrors) as caught:
        run()
    assert len(caught.value.errors) == 1
    assert output in str(caught.value.errors[0].detail)


@pytest.mark.parametrize("console", ["no key at all", CONSOLE + CONSOLE])
def test_a_host_key_that_is_not_plain_to_see_is_refused(
    guest: type[FakeGuest], console: str
) -> None:
    guest.console_text = console
    with pytest.raises(HoabanError, match="host keys"):
        run()


def test_an_old_emulator_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checking.shutil, "which", lambda _: "/usr/bin/it")
    answer = subprocess.CompletedProcess([], 0, "QEMU emulator version 7.2.19\n", "")
    monkeypatch.setattr(checking.subprocess, "run", lambda *_, **__: answer)
    with pytest.raises(HoabanError, match=r"too old .* 7\.2\.19"):
        checking._check_programs()


def test_missing_programs_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checking.shutil, "which", lambda _: None)
    with pytest.raises(HoabanError, match="genisoimage"):
        checking._check_programs()


def test_a_config_drive_is_laid_out_as_novas(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[list[str]] = []

    def record(command: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        calls.append(command)
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(subprocess, "run", record)
    make_config_drive(tmp_path, hostname="web-1", public_key=KEY, user_data="#cloud-config\n")
    latest = tmp_path / "config-drive/openstack/latest"
    metadata = json.loads((latest / "meta_data.json").read_text())
    assert metadata["hostname"] == "web-1"
    assert metadata["public_keys"] == {"check": KEY}
    assert (latest / "user_data").read_text() == "#cloud-config\n"
    command = calls[0]
    assert command[command.index("-V") + 1] == "config-2"
