"""Whoever would lock Ansible out of the hosts is told before anything is written."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from hoaban.plugins.filter.keys import deploy_key_problems

if TYPE_CHECKING:
    from pathlib import Path


def make(file: Path, passphrase: str = "") -> str:
    """A key pair; its public half."""
    subprocess.run(
        ["ssh-keygen", "-q", "-t", "ed25519", "-N", passphrase, "-f", str(file)], check=True
    )
    return file.with_suffix(".pub").read_text().strip()


@pytest.mark.parametrize("passphrase", ["", "mật khẩu"])
def test_the_key_in_use_must_be_listed(tmp_path: Path, passphrase: str) -> None:
    used, other = make(tmp_path / "used", passphrase), make(tmp_path / "other")
    file = str(tmp_path / "used")
    assert deploy_key_problems([other, used], file) == []
    (problem,) = deploy_key_problems([other], file)
    assert problem == f"{file}, which is in use, is none of the deploy keys that are given"


def test_a_stale_public_file_does_not_deceive(tmp_path: Path) -> None:
    make(tmp_path / "used")
    stale = make(tmp_path / "old")
    (tmp_path / "used.pub").write_text(stale)
    assert len(deploy_key_problems([stale], str(tmp_path / "used"))) == 1


def test_no_key_at_all() -> None:
    assert deploy_key_problems([]) == [
        "no deploy key is given: the host could not be reached again"
    ]


def test_what_is_no_key(tmp_path: Path) -> None:
    good = make(tmp_path / "good")
    problems = deploy_key_problems([good, "ssh-ed25519 AAAA deploy", f"{good}\n{good}"])
    assert [problem.partition(" (")[0] for problem in problems] == [
        "deploy key 2: the body of this key is not of the kind ssh-ed25519",
        "deploy key 3: this is more than one line",
    ]


def test_a_key_in_use_that_is_gone(tmp_path: Path) -> None:
    (problem,) = deploy_key_problems([make(tmp_path / "good")], str(tmp_path / "gone"))
    assert "can't be read" in problem
