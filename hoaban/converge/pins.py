"""Host keys that are trusted: one store a stack, and the known_hosts file made from it."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
from typing import TYPE_CHECKING, Annotated, Final

from pydantic import StringConstraints, TypeAdapter, ValidationError

from hoaban.errors import HoabanError, Location
from hoaban.files import write_atomic
from hoaban.model.types import Model

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

KEY_TYPES: Final = ("ssh-ed25519", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ssh-rsa")
BEGIN: Final = "-----BEGIN SSH HOST KEY KEYS-----"
END: Final = "-----END SSH HOST KEY KEYS-----"
_KEY: Final = re.compile(
    rf"(?<![\w-])({'|'.join(map(re.escape, KEY_TYPES))})[ \t]+([A-Za-z0-9+/]{{40,}}={{0,2}})"
)

PublicKey = Annotated[str, StringConstraints(pattern=r"^[a-z0-9-]+ [A-Za-z0-9+/]+={0,2}$")]


class ConflictingKeysError(HoabanError):
    """A console log holds two sets of host keys: one of them is not the server's own."""


class Pin(Model):
    """The keys of one server: they belong to it alone, not to the next of its name."""

    server_id: str
    keys: list[PublicKey]


_STORE: Final = TypeAdapter(dict[str, Pin])


class PinStore:
    """Pins of one stack's hosts: ``<stack>.json``, and ``<stack>`` in OpenSSH's own format."""

    def __init__(self, folder: Path, stack: str) -> None:
        self.known_hosts = folder / stack
        self.file = folder / f"{stack}.json"

    def read(self) -> dict[str, Pin]:
        """Pins by host; none when nothing was pinned yet."""
        if not self.file.is_file():
            return {}
        try:
            return _STORE.validate_json(self.file.read_bytes())
        except ValidationError as error:
            raise HoabanError(
                f"the pinned host keys cannot be read: {error.errors()[0]['msg']}",
                where=Location(file=str(self.file)),
                mend="remove the file: hoaban converge takes the keys from the console logs again",
            ) from error

    def write(self, pins: Mapping[str, Pin]) -> None:
        """Replace the store, then the file of OpenSSH; hosts not in ``pins`` are forgotten."""
        ordered = dict(sorted(pins.items()))
        content = json.dumps(_STORE.dump_python(ordered, mode="json"), indent=2)
        write_atomic(self.file, content + "\n", mode=0o600)
        lines = [f"{host} {key}\n" for host, pin in ordered.items() for key in pin.keys]
        write_atomic(self.known_hosts, "".join(lines), mode=0o600)


def keys_in(console: str) -> list[str]:
    """Public host keys that cloud-init wrote on a console, as ``type base64``.

    Only what stands between the two marks counts. cloud-init writes the block at a server's first
    boot, before anybody can log in; blocks that differ mean that somebody else wrote one.
    Raises :class:`ConflictingKeysError` for those.
    """
    found: list[list[str]] = []
    for part in console.split(BEGIN)[1:]:
        block, mark, _ = part.partition(END)
        keys = sorted(key for match in _KEY.finditer(block) if (key := _valid(*match.groups())))
        if mark and keys:
            found.append(keys)
    if any(keys != found[0] for keys in found[1:]):
        raise ConflictingKeysError(
            "the console log holds two different sets of SSH host keys",
            mend="someone on the server may have written one of them: look at the console log, "
            "and build the server anew if you can't tell why",
            detail="\n".join(fingerprint(key) for keys in found for key in keys),
        )
    return found[0] if found else []


def fingerprint(key: str) -> str:
    """A key as OpenSSH shows it: type and SHA-256."""
    kind, blob = key.split()
    digest = base64.b64encode(hashlib.sha256(base64.b64decode(blob)).digest()).decode()
    return f"{kind} SHA256:{digest.rstrip('=')}"


def same_keys(one: Sequence[str], other: Sequence[str]) -> bool:
    """Whether two lists hold the same keys."""
    return sorted(one) == sorted(other)


def _valid(kind: str, blob: str) -> str | None:
    """The key, if its blob says the same type as its name (RFC 4253, section 6.6)."""
    try:
        raw = base64.b64decode(blob, validate=True)
    except binascii.Error:
        return None
    size = int.from_bytes(raw[:4], "big")
    return f"{kind} {blob}" if raw[4 : 4 + size] == kind.encode() else None
