"""Pulumi's passphrase secrets: AES-256-GCM under a key that PBKDF2 makes of passphrase and salt."""

from __future__ import annotations

import base64
import contextlib
import functools
import hashlib
import json
import os
import stat
from typing import TYPE_CHECKING, Any, Final, Protocol

from pulumi_crypto.constants import PBKDF2_COUNT, VERIFICATION_PLAINTEXT
from pulumi_crypto.exceptions import PulumiCryptoError
from pulumi_crypto.util import decrypt_string, encrypt_string

from hoaban.errors import HoabanError, Location

if TYPE_CHECKING:
    from pathlib import Path

_SALT_BYTES: Final = 8
_KEY_BYTES: Final = 32
_STATE_PARTS: Final = 3
_VERSION: Final = "v1"


class Crypter(Protocol):
    """What state files need to know of encryption."""

    def encrypt(self, plaintext: str) -> str:
        """The text, encrypted as ``v1:<nonce>:<ciphertext>``."""

    def decrypt(self, ciphertext: str) -> str:
        """The text again."""


@functools.lru_cache(maxsize=64)
def _derive(passphrase: str, salt: bytes) -> bytes:
    """A third of a second of work, so remembered (OpenSSL's; the package's own takes longer)."""
    return hashlib.pbkdf2_hmac("sha256", passphrase.encode(), salt, PBKDF2_COUNT, _KEY_BYTES)


class PassphraseCrypter:
    """Encrypts for one stack. ``salt`` is salt and verifier, ``v1:<salt>:v1:<nonce>:<text>``."""

    def __init__(self, passphrase: str, salt: str) -> None:
        self._key = _derive(passphrase, _salt_bytes(salt))
        self.salt = salt

    @classmethod
    def create(cls, passphrase: str) -> PassphraseCrypter:
        """A crypter with a new salt."""
        salt = os.urandom(_SALT_BYTES)
        verifier = encrypt_string(VERIFICATION_PLAINTEXT, _derive(passphrase, salt))
        return cls(passphrase, f"{_VERSION}:{base64.b64encode(salt).decode()}:{verifier}")

    def fits(self) -> bool:
        """Whether the passphrase is the one that the salt was made with."""
        try:
            return self.decrypt(self.salt.split(":", 2)[2]) == VERIFICATION_PLAINTEXT
        except HoabanError:
            return False

    def encrypt(self, plaintext: str) -> str:
        """The text, encrypted with a nonce of its own."""
        return str(encrypt_string(plaintext, self._key))

    def decrypt(self, ciphertext: str) -> str:
        """The text again, or an error when it is damaged or of another key."""
        try:
            return str(decrypt_string(ciphertext, self._key))
        except PulumiCryptoError as error:
            raise HoabanError(
                "a secret cannot be decrypted: it is damaged, or was encrypted for another stack",
                mend="restore the file from its .bak or from .pulumi/backups",
            ) from error


def _salt_bytes(salt: str) -> bytes:
    parts = salt.split(":", 2)
    with contextlib.suppress(ValueError):
        if len(parts) == _STATE_PARTS and parts[0] == _VERSION:
            return base64.b64decode(parts[1], validate=True)
    raise HoabanError(
        "the encryption salt is damaged",
        mend="take encryptionsalt from the stack's configuration in version control",
    )


def read_passphrase(file: Path) -> str:
    """The passphrase in a file that only its owner can read."""
    try:
        mode = stat.S_IMODE(file.stat().st_mode)
        passphrase = file.read_text(encoding="utf-8").rstrip("\r\n")
    except OSError as error:
        raise HoabanError(
            f"cannot read the passphrase: {error.strerror}",
            where=Location(file=str(file)),
            mend="put the stack's passphrase there, mode 0600",
        ) from error
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise HoabanError(
            f"the passphrase can be read by others (mode {mode:04o})",
            where=Location(file=str(file)),
            mend=f"chmod 600 {file}",
        )
    if not passphrase:
        raise HoabanError(
            "the passphrase is empty",
            where=Location(file=str(file)),
            mend="write a passphrase into the file",
        )
    return passphrase


def open_crypter(passphrase_file: Path, salt: str, *, where: str) -> PassphraseCrypter:
    """The crypter for a salt found in ``where``, or an error when the passphrase is wrong."""
    crypter = PassphraseCrypter(read_passphrase(passphrase_file), salt)
    if not crypter.fits():
        raise HoabanError(
            f"the passphrase in {passphrase_file} is wrong for this stack",
            where=Location(file=where),
            mend="use the passphrase that the stack was made with",
        )
    return crypter


class CachingCrypter:
    """Gives a secret that did not change the ciphertext it had, so that state files stay quiet.

    Secrets are told apart by where they stand: two equal values in two places never share one.
    """

    def __init__(self, crypter: Crypter) -> None:
        self._crypter = crypter
        self._known: dict[tuple[str, str], str] = {}

    def encrypt_at(self, place: str, value: Any) -> str:
        """The ciphertext of a JSON value that stands at ``place``."""
        plaintext = json.dumps(value, separators=(",", ":"), ensure_ascii=False, sort_keys=True)
        known = self._known.get((place, plaintext))
        if known is None:
            known = self._known[place, plaintext] = self._crypter.encrypt(plaintext)
        return known

    def decrypt_at(self, place: str, ciphertext: str) -> Any:
        """The JSON value of a ciphertext found at ``place``."""
        value = json.loads(self._crypter.decrypt(ciphertext))
        plaintext = json.dumps(value, separators=(",", ":"), ensure_ascii=False, sort_keys=True)
        self._known[place, plaintext] = ciphertext
        return value
