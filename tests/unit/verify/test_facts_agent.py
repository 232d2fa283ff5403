"""What the facts agent reads, from files and programs of the tests' own."""

from __future__ import annotations

import pwd
from typing import TYPE_CHECKING

import pytest

from hoaban.verify.agents import facts

if TYPE_CHECKING:
    from pathlib import Path

PASSWD = {
    "root": ("x", 0, "/bin/bash"),
    "daemon": ("x", 1, "/usr/sbin/nologin"),
    "backup": ("x", 34, "/usr/sbin/nologin"),
    "sync": ("x", 4, "/bin/sync"),
    "postgres": ("x", 105, "/bin/bash"),
    "open": ("", 106, "/usr/sbin/nologin"),
    "old": ("$1$hash", 107, "/usr/sbin/nologin"),
    "lan": ("x", 1000, "/bin/bash"),
    "gone": ("x", 1001, "/usr/sbin/nologin"),
    "late": ("x", 70000, "/bin/bash"),
}
SHADOW = """\
root:*:20000:0:99999:7:::
daemon:*:20000:0:99999:7:::
backup:$y$j9T$salt$hash:20000:0:99999:7:::
sync:*:20000:0:99999:7:::
postgres:!:20000:0:99999:7:::
lan:!$y$j9T$salt$hash:20000:0:99999:7:::
gone:!:20000:0:99999:7:::
late::20000:0:99999:7:::
no colon
"""


@pytest.fixture
def accounts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    entries = [
        pwd.struct_passwd((name, hashed, uid, uid, "", str(tmp_path / name), shell))
        for name, (hashed, uid, shell) in PASSWD.items()
    ]
    monkeypatch.setattr(pwd, "getpwall", lambda: entries)
    files = facts.read
    monkeypatch.setattr(facts, "read", lambda p: SHADOW if p == "/etc/shadow" else files(p))
    words = {"status": 0, "out": "port 22\nauthorizedkeysfile .ssh/keys\n", "err": ""}
    monkeypatch.setattr(facts, "command", lambda *_, **__: words)
    return tmp_path


def test_every_account_with_a_shell_or_a_password_is_told_of(accounts: Path) -> None:
    told = facts.people(["gone", "nobody-there"])
    assert {name: one["password"] for name, one in told.items()} == {
        "backup": True,
        "gone": False,
        "lan": False,
        "late": True,
        "old": True,
        "open": True,
        "postgres": False,
        "root": False,
        "sync": False,
    }


def test_keys_are_those_that_sshd_reads_and_no_hash_is_told(accounts: Path) -> None:
    keys = accounts / "postgres/.ssh/keys"
    keys.parent.mkdir(parents=True)
    keys.write_text("# one\n\nssh-ed25519 AAAA somebody\nrestrict ssh-ed25519 BBBB\n")
    told = facts.people([])
    assert told["postgres"]["keys"] == ["ssh-ed25519 AAAA", "restrict ssh-ed25519"]
    assert told["lan"]["keys"] == []
    assert "hash" not in str(told)


def test_lists_are_as_old_as_their_archive_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = "Origin: Debian\nLabel: Debian-Security\nDate: Sat, 21 Nov 2026 00:00:00 UTC\n"
    for name, text in {
        "m_trixie-security_InRelease": words,
        "m_trixie-security_main_binary-amd64_Packages.lz4": "",
        "m_without-packages_InRelease": words,
        "m_odd_Release": words.replace("21 Nov", "no day"),
        "m_odd_main_binary-amd64_Packages": "",
    }.items():
        (tmp_path / name).write_text(text)
    monkeypatch.setattr(facts.time, "time", lambda: 1795219200.0 + 86400)
    assert facts.package_lists(tmp_path) == [{"label": "Debian-Security", "age_seconds": 86400.0}]
    assert facts.package_lists(tmp_path / "none") == []
