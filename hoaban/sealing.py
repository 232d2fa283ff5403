"""Sealing: what is written so that only the holders of the province's age identities can read it.

The format is age (https://age-encryption.org/v1) with X25519 recipients, in ASCII armour, so that
``age --decrypt`` of any machine opens what hoaban sealed, and hoaban what a host sealed. To whom
is said by ``sealed_to`` in province.yml; the identities that open it belong elsewhere (a safe, two
people's smart cards). Where nobody is named, the workspace seals to an identity of its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyrage
from pyrage import x25519

from hoaban.errors import HoabanError, Location
from hoaban.files import write_once

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from hoaban.workspace import Workspace

IDENTITY_FILE = "age.txt"
SECRET_PREFIX = "AGE-SECRET-KEY-"  # noqa: S105 (what every secret begins with)
RECIPIENT_PREFIX = "age1"
_MEND = "paste the public key that age-keygen prints: age1 and 58 letters and digits"


def seal(data: bytes, recipients: Sequence[str]) -> bytes:
    """The data, encrypted to every one of the recipients, as ASCII armour.

    Any one of their identities opens it. Raises when there are no recipients, or one is none.
    """
    if not recipients:
        raise HoabanError(
            "there is nobody to seal this to",
            mend="name age recipients under `sealed_to` in province.yml",
        )
    for recipient in recipients:
        wrong = fault_of_recipient(recipient)
        if wrong:
            what, mend = wrong
            raise HoabanError(what, mend=mend)
    keys = [x25519.Recipient.from_str(one.strip()) for one in recipients]
    sealed: bytes = pyrage.encrypt(data, keys, armored=True)
    return sealed


def open_sealed(data: bytes, identity: str) -> bytes:
    """What was sealed; ``identity`` is the text of an identity file, of one key or several."""
    try:
        opened: bytes = pyrage.decrypt(data, _keys_in(identity))
    except pyrage.DecryptError as error:
        if "No matching keys" in str(error):
            raise HoabanError(
                "this was sealed to others than this identity",
                mend="take the identity of one of those who are named under `sealed_to`",
            ) from error
        raise HoabanError(
            "this is not what was sealed: it is no age file, or was changed or cut off",
            mend="take it from the copy that was made of it",
        ) from error
    return opened


def fault_of_recipient(text: str) -> tuple[str, str] | None:
    """What is wrong with a recipient and its mend, or None.

    The text itself is never repeated: it may be an identity, pasted by mistake.
    """
    if SECRET_PREFIX in text.upper():
        return (
            "this is an age identity, which is secret and must never be in a file that others read",
            f"treat that identity as known to others and make a new one (age-keygen); then {_MEND}",
        )
    if not text.startswith(RECIPIENT_PREFIX):
        return "this is not an age recipient", _MEND
    try:
        x25519.Recipient.from_str(text)
    except pyrage.RecipientError:
        return "this age recipient is mistyped, cut off or of another kind than X25519", _MEND
    return None


def recipients_of(workspace: Workspace, sealed_to: Sequence[str]) -> list[str]:
    """Whom to seal to: those who are named, else the workspace's own identity."""
    if sealed_to:
        return list(sealed_to)
    return [_recipient(own_identity(workspace))]


def own_identity(workspace: Workspace) -> Path:
    """The file of the workspace's own identity (0600), made at its first need.

    It is one of the secrets to keep elsewhere as well: what is sealed to it, nothing else opens.
    """
    workspace.ensure_home()
    workspace.keys.mkdir(mode=0o700, exist_ok=True)
    file = workspace.keys / IDENTITY_FILE
    if not file.exists():
        made = x25519.Identity.generate()
        # The layout of age-keygen(1), which age(1) reads as well.
        write_once(file, f"# public key: {made.to_public()}\n{made}\n")
    return file


def read_identity(file: Path) -> str:
    """The text of an identity file, once it is sure that it holds an identity."""
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise HoabanError(
            "the age identity can't be read",
            where=Location(file=str(file)),
            mend="name the file of an identity that age-keygen made",
        ) from error
    try:
        _keys_in(text)
    except HoabanError as error:
        error.where = Location(file=str(file))
        raise
    return text


def _recipient(file: Path) -> str:
    return str(_keys_in(read_identity(file))[0].to_public())


def _keys_in(identity: str) -> list[x25519.Identity]:
    """The keys of an identity file: a line each; blank lines and comments are passed over."""
    lines = [line.strip() for line in identity.splitlines()]
    keys = [line for line in lines if line and not line.startswith("#")]
    try:
        found = [x25519.Identity.from_str(key) for key in keys]
    except pyrage.IdentityError as error:
        raise HoabanError(
            "a line of this identity is mistyped, cut off or of another kind than X25519",
            mend="take the whole line that begins with AGE-SECRET-KEY-1, as age-keygen wrote it",
        ) from error
    if not found:
        raise HoabanError(
            "there is no identity in this file",
            mend="take the file that age-keygen wrote, with a line that begins with "
            "AGE-SECRET-KEY-1",
        )
    return found
