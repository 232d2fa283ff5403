"""Accounts of backup clients: made on the client, registered at the backup host."""

from __future__ import annotations

import json
import os
import pwd
import stat
from typing import TYPE_CHECKING, Any

import pytest

from hoaban.plugins.modules import backup_account, backup_secrets

if TYPE_CHECKING:
    from pathlib import Path

HASH = "$2b$08$" + "a" * 53
KEEP = {"daily": "7", "weekly": 4, "monthly": 12}


class Failed(Exception):
    """The module gave up."""


class Module:
    """What a module sees of Ansible."""

    def __init__(self, *, check_mode: bool = False, **params: Any) -> None:
        self.params = params
        self.check_mode = check_mode
        self.commands: list[list[str]] = []

    def run_command(self, command: list[str], **given: Any) -> tuple[int, str, str]:
        self.commands.append(command)
        return 0, f"{command[0]} of {len(given.get('data', ''))}", ""

    def fail_json(self, msg: str) -> None:
        raise Failed(msg)


def secrets(folder: Path, **more: Any) -> tuple[Module, dict[str, Any]]:
    params = {
        "folder": str(folder),
        "username": "so-y-te",
        "repository": "rest:https://b:8000/so-y-te/",
        "recipients": ["age1a"],
        "opened": str(folder.parent / "client.json"),
    }
    module = Module(**{**params, **more})
    return module, backup_secrets.run(module)  # type: ignore[arg-type]


def test_secrets_are_made_once_and_for_root_alone(tmp_path: Path) -> None:
    folder = tmp_path / "etc"
    _, rehearsed = secrets(folder, check_mode=True)
    assert (rehearsed["changed"], folder.exists()) == (True, False)
    _, made = secrets(folder)
    assert made["made"] == ["password", "account", "escrow"]
    before = {path.name: path.read_text() for path in folder.iterdir()}
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert len(before["password"].strip()) == 43
    module, again = secrets(folder)
    assert (again["changed"], module.commands) == (False, [])
    assert {path.name: path.read_text() for path in folder.iterdir()} == before


def test_a_new_password_has_opened_nothing_yet(tmp_path: Path) -> None:
    _, made = secrets(tmp_path / "etc")
    assert made["opened"] is False
    _, cut_off = secrets(tmp_path / "etc")
    assert cut_off["opened"] is False, "the run that made it ended before it was tried"
    (tmp_path / "client.json").touch()
    _, again = secrets(tmp_path / "etc")
    assert again["opened"] is True
    (tmp_path / "etc/password").unlink()
    _, anew = secrets(tmp_path / "etc")
    assert anew["opened"] is False


def test_no_secret_is_in_a_command(tmp_path: Path) -> None:
    module, _ = secrets(tmp_path / "etc")
    password = (tmp_path / "etc/password").read_text().strip()
    account = (tmp_path / "etc/account.env").read_text()
    words = [word for command in module.commands for word in command]
    assert [command[0] for command in module.commands] == ["mkpasswd", "age"]
    assert not any(word in account or word == password for word in words if len(word) > 20)


def test_the_copy_is_sealed_again_when_its_readers_change(tmp_path: Path) -> None:
    secrets(tmp_path / "etc")
    module, done = secrets(tmp_path / "etc", recipients=["age1a", "age1b"], check_mode=True)
    assert (done["made"], module.commands) == (["escrow"], [])
    module, done = secrets(tmp_path / "etc", recipients=["age1a", "age1b"])
    assert done["made"] == ["escrow"]
    assert module.commands == [
        ["age", "--encrypt", "--armor", "--recipient", "age1a", "--recipient", "age1b"]
    ]


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A backup host, whose server's account is that of whoever runs the test."""
    settings = {
        "store": str(tmp_path / "store"),
        "user": pwd.getpwuid(os.getuid()).pw_name,
        "accounts": str(tmp_path / "users"),
        "certificate": str(tmp_path / "crt"),
        "unit": "restic-rest-server.service",
    }
    monkeypatch.setattr(os, "chown", lambda *_: None)
    (tmp_path / "crt").write_text("certificate")
    (tmp_path / "etc").mkdir()
    made = backup_account.Host(settings, tmp_path / "etc")
    monkeypatch.setattr(made, "restic", lambda *_, **__: 0)
    return made


def register(host: Any, name: str, **more: Any) -> tuple[Module, dict[str, Any]]:
    params = {"name": name, "password_hash": HASH, "keep": KEEP, "quota_gb": 0}
    params |= {"rpo_hours": 24, "copies": False}
    module = Module(**{**params, **more})
    return module, backup_account.register(module, host)  # type: ignore[arg-type]


def test_clients_register_one_by_one(host: Any, tmp_path: Path) -> None:
    module, first = register(host, "so-y-te")
    assert first["made"] == ["client", "key", "accounts"]
    assert module.commands == [
        ["systemctl", "reload", "restic-rest-server.service"],
        ["/usr/local/sbin/hoaban-backup-host", "limit", "so-y-te"],
    ]
    assert (first["repository"], first["certificate"]) == (False, "certificate")
    assert len(first["key"]) == 43
    register(host, "xa-b")
    lines = (tmp_path / "users").read_text().splitlines()[1:]
    assert lines == [f"so-y-te:{HASH}", f"xa-b:{HASH}"]
    assert json.loads((tmp_path / "etc/clients/xa-b.json").read_text())["keep"]["daily"] == 7
    module, again = register(host, "so-y-te")
    assert (again["changed"], again["key"], module.commands) == (False, first["key"], [])


def test_the_key_is_told_until_the_repository_has_it(host: Any, tmp_path: Path) -> None:
    register(host, "so-y-te")
    config = tmp_path / "store/so-y-te/config"
    config.parent.mkdir(parents=True)
    config.touch()
    host.restic = lambda *_, **__: 12
    _, told = register(host, "so-y-te")
    assert told["key"]
    host.restic = lambda *_, **__: 0
    assert register(host, "so-y-te")[1]["key"] == ""
    host.restic = lambda *_, **__: pytest.fail("it was asked again")
    assert register(host, "so-y-te")[1]["key"] == ""
    # One that was made anew has not got it.
    config.rename(config.with_name("old"))
    config.touch()
    os.utime(config, (1, 1))
    host.restic = lambda *_, **__: 12
    assert register(host, "so-y-te")[1]["key"]


def test_another_backup_host_always_gets_the_key_of_its_copies(host: Any, tmp_path: Path) -> None:
    _, told = register(host, "backup-1", copies=True)
    # Whatever it puts where a client has its repository.
    config = tmp_path / "store/backup-1/config"
    config.parent.mkdir(parents=True)
    config.touch()
    _, again = register(host, "backup-1", copies=True)
    assert (again["changed"], again["key"], again["repository"]) == (False, told["key"], False)
    assert len(told["key"]) == 43
    assert json.loads((tmp_path / "etc/clients/backup-1.json").read_text())["copies"] is True


def test_a_rehearsal_writes_nothing(host: Any, tmp_path: Path) -> None:
    _, done = register(host, "so-y-te", check_mode=True)
    assert done["changed"]
    assert not list((tmp_path / "etc").iterdir())


def test_a_repository_that_nobody_opens_is_told(host: Any) -> None:
    register(host, "so-y-te")
    host.restic = lambda *_, **__: 12
    module = Module(name="so-y-te")
    with pytest.raises(Failed, match="escrowed"):
        backup_account.let_in(module, host, "new")  # type: ignore[arg-type]
