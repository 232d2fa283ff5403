"""What is sealed is opened by those it was sealed to, and by nobody else."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING

import pytest
from pyrage import x25519

from hoaban.errors import HoabanError
from hoaban.sealing import (
    fault_of_recipient,
    open_sealed,
    own_identity,
    read_identity,
    recipients_of,
    seal,
)
from hoaban.workspace import Workspace

if TYPE_CHECKING:
    from pathlib import Path

SECRET = "mật khẩu của kho sao lưu\n".encode()


def pair() -> tuple[str, str]:
    """An identity and its recipient."""
    made = x25519.Identity.generate()
    return str(made), str(made.to_public())


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path, tmp_path / ".hoaban")


def test_each_recipient_opens_it_and_nobody_else() -> None:
    (first, first_public), (second, second_public), (other, _) = pair(), pair(), pair()
    sealed = seal(SECRET, [first_public, second_public])
    assert sealed.startswith(b"-----BEGIN AGE ENCRYPTED FILE-----\n")
    assert SECRET not in sealed
    assert open_sealed(sealed, first) == open_sealed(sealed, second) == SECRET
    with pytest.raises(HoabanError, match="sealed to others"):
        open_sealed(sealed, other)


def test_an_identity_file_may_hold_several_keys_and_comments() -> None:
    (first, public), (second, _) = pair(), pair()
    text = f"# created: today\n# public key: {public}\n\n{second}\n{first}\n"
    assert open_sealed(seal(SECRET, [public]), text) == SECRET


@pytest.mark.parametrize("cut", [slice(0, 40), slice(0, -60), slice(60, None)])
def test_what_was_cut_off_is_told(cut: slice) -> None:
    identity, public = pair()
    with pytest.raises(HoabanError, match="changed or cut off"):
        open_sealed(seal(SECRET * 20, [public])[cut], identity)


def test_one_changed_byte_is_found() -> None:
    identity, public = pair()
    lines = seal(SECRET * 20, [public]).splitlines()
    lines[-3] = (b"B" if lines[-3].startswith(b"A") else b"A") + lines[-3][1:]
    with pytest.raises(HoabanError, match="changed or cut off"):
        open_sealed(b"\n".join(lines), identity)


@pytest.mark.parametrize("identity", ["", "# only a comment\n", "AGE-SECRET-KEY-1QQQQ", "no key"])
def test_what_is_no_identity_is_told(identity: str) -> None:
    with pytest.raises(HoabanError, match="identity") as caught:
        open_sealed(seal(SECRET, [pair()[1]]), identity)
    assert "AGE-SECRET-KEY-1" in str(caught.value.mend)


def test_nobody_to_seal_to_is_an_error() -> None:
    with pytest.raises(HoabanError, match="nobody to seal"):
        seal(SECRET, [])


def test_faults_of_recipients_never_repeat_a_secret() -> None:
    identity, public = pair()
    assert fault_of_recipient(public) is None
    for bad in (identity, identity.lower(), public[:-1], public + "q", "ssh-ed25519 AAAA", ""):
        wrong = fault_of_recipient(bad)
        assert wrong is not None
        assert not bad or bad not in "".join(wrong)
        with pytest.raises(HoabanError):
            seal(SECRET, [public, bad])


def test_named_recipients_come_before_an_identity_of_the_workspace(workspace: Workspace) -> None:
    _, public = pair()
    assert recipients_of(workspace, [public]) == [public]
    assert not workspace.keys.exists()


def test_the_workspace_makes_its_identity_once(workspace: Workspace) -> None:
    recipients = recipients_of(workspace, [])
    assert recipients_of(workspace, []) == recipients
    file = own_identity(workspace)
    assert file == workspace.home / "keys" / "age.txt"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert open_sealed(seal(SECRET, recipients), read_identity(file)) == SECRET


def test_an_identity_that_is_broken_or_away_is_named(workspace: Workspace) -> None:
    file = own_identity(workspace)
    file.write_text("not a key\n")
    with pytest.raises(HoabanError, match="mistyped") as caught:
        recipients_of(workspace, [])
    assert str(file) in str(caught.value)
    with pytest.raises(HoabanError, match="can't be read"):
        read_identity(workspace.keys / "none.txt")
