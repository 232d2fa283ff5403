"""Passphrases, salts, and what is told when they do not fit."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from pulumi_crypto.constants import PBKDF2_COUNT

from hoaban.engine.embedded import secrets
from hoaban.engine.embedded.secrets import (
    CachingCrypter,
    PassphraseCrypter,
    open_crypter,
    read_passphrase,
)
from hoaban.errors import HoabanError

if TYPE_CHECKING:
    from pathlib import Path

# Written by the official engine 3.259 with the passphrase "x".
OFFICIAL_SALT = "v1:8QmGGr7Q0QA=:v1:qdSNRHE08Qqb2CoB:onztDUy3unq2CX7VA7EIm4iJ8gtqrw=="
OFFICIAL_SECRET = "v1:1k+GD98H61xTXheP:RbnqjUn1LhucDasd9QXNKBjTCKmlpYKCfw=="


@pytest.fixture(autouse=True)
def _official_keys(_quick_keys: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(secrets, "PBKDF2_COUNT", PBKDF2_COUNT)


def passphrase_file(folder: Path, text: str, mode: int = 0o600) -> Path:
    file = folder / "passphrase"
    file.write_text(text, encoding="utf-8")
    file.chmod(mode)
    return file


def test_reads_what_the_official_engine_encrypted() -> None:
    crypter = PassphraseCrypter("x", OFFICIAL_SALT)
    assert crypter.fits()
    assert crypter.decrypt(OFFICIAL_SECRET) == '"hunter2"'


def test_wrong_passphrase(tmp_path: Path) -> None:
    file = passphrase_file(tmp_path, "y\n")
    with pytest.raises(HoabanError, match=r"passphrase in .* is wrong") as caught:
        open_crypter(file, OFFICIAL_SALT, where="Pulumi.dev.yaml")
    assert "Pulumi.dev.yaml" in str(caught.value)
    assert "8QmGGr7Q0QA" not in str(caught.value)


def test_a_new_salt_opens_with_its_passphrase_only() -> None:
    made = PassphraseCrypter.create("một")
    assert PassphraseCrypter("một", made.salt).fits()
    assert not PassphraseCrypter("hai", made.salt).fits()
    text = made.encrypt("bí mật")
    assert text.startswith("v1:")
    assert PassphraseCrypter("một", made.salt).decrypt(text) == "bí mật"


def test_damaged_secret_and_salt() -> None:
    crypter = PassphraseCrypter("x", OFFICIAL_SALT)
    with pytest.raises(HoabanError, match="cannot be decrypted"):
        crypter.decrypt(OFFICIAL_SECRET.replace("Rbnq", "Rbnr"))
    for salt in ("", "v1:abc", "v2:8QmGGr7Q0QA=:v1:x:y", "v1:%%%:v1:x:y"):
        with pytest.raises(HoabanError, match="salt is damaged"):
            PassphraseCrypter("x", salt)


def test_passphrase_file(tmp_path: Path) -> None:
    assert read_passphrase(passphrase_file(tmp_path, " có dấu cách \n")) == " có dấu cách "
    with pytest.raises(HoabanError, match="can be read by others") as caught:
        read_passphrase(passphrase_file(tmp_path, "x", 0o640))
    assert "chmod 600" in str(caught.value)
    with pytest.raises(HoabanError, match="is empty"):
        read_passphrase(passphrase_file(tmp_path, "\n"))
    with pytest.raises(HoabanError, match="No such file"):
        read_passphrase(tmp_path / "none")


def test_a_cached_secret_is_not_decrypted_to_another_place() -> None:
    crypter = CachingCrypter(PassphraseCrypter("x", OFFICIAL_SALT))
    assert crypter.decrypt_at("a", OFFICIAL_SECRET) == "hunter2"
    assert crypter.encrypt_at("a", "hunter2") == OFFICIAL_SECRET
    assert crypter.encrypt_at("b", "hunter2") != OFFICIAL_SECRET
    assert crypter.encrypt_at("a", "hunter3") != OFFICIAL_SECRET
