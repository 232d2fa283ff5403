"""A stack's secrets under a new passphrase: state, copies, history and configuration, as one.

What is written anew waits beside until all of it is there (:mod:`changeset`); so at every instant
the stack opens with exactly one of the two passphrases, and no old ciphertext stays.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from hoaban.engine.embedded.changeset import Changeset
from hoaban.engine.embedded.checkpoint import Checkpoint, dump
from hoaban.engine.embedded.custody import held
from hoaban.engine.embedded.exports import secrets_replaced
from hoaban.engine.embedded.project import StackConfig
from hoaban.engine.embedded.properties import SIGNATURE
from hoaban.engine.embedded.secrets import PassphraseCrypter, read_passphrase
from hoaban.engine.embedded.state import StateFormatError
from hoaban.errors import HoabanError, Location

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from hoaban.engine.api import Stack
    from hoaban.engine.embedded.custody import Held

Json = dict[str, Any]


@dataclass(slots=True)
class Rotated:
    """What a rotation came to: states and entries written anew, and what it could not read."""

    stack: str
    files: int = 0
    secrets: int = 0
    left: list[str] = field(default_factory=list)


class _Unreadable(Exception):
    """A copy that is damaged, or under a passphrase that nobody has here."""


class _Turn:
    """Takes ciphertexts of one passphrase (with whatever salts) to another."""

    def __init__(self, before: str, after: PassphraseCrypter) -> None:
        self._before = before
        self.after = after
        self._crypters: dict[str, PassphraseCrypter | None] = {}
        self._known: dict[tuple[str, str], str] = {}

    def crypter(self, salt: str) -> PassphraseCrypter:
        """What reads the ciphertexts of a salt."""
        if salt not in self._crypters:
            try:
                made = PassphraseCrypter(self._before, salt)
            except HoabanError as error:
                raise _Unreadable(error.what) from error
            self._crypters[salt] = made if made.fits() else None
        found = self._crypters[salt]
        if found is None:
            raise _Unreadable("it is under another passphrase")
        return found

    def turned(self, ciphertext: str, salt: str) -> str:
        """The same text under the new passphrase; the same for the same ciphertext."""
        known = self._known.get((salt, ciphertext))
        if known is None:
            try:
                text = self.crypter(salt).decrypt(ciphertext)
            except HoabanError as error:
                raise _Unreadable(error.what) from error
            if SIGNATURE in text:  # secrets within a secret
                inner = secrets_replaced(json.loads(text), lambda one: self.secret(one, salt))
                text = dump(inner)
            known = self._known[salt, ciphertext] = self.after.encrypt(text)
        return known

    def secret(self, value: Json, salt: str) -> Json:
        """A secret of a state, turned."""
        if "ciphertext" not in value:
            return value
        return {**value, "ciphertext": self.turned(value["ciphertext"], salt)}

    @property
    def count(self) -> int:
        """How many secrets were turned."""
        return len(self._known)

    def state(self, content: bytes) -> bytes:
        """A checkpoint, turned."""
        try:
            salt = Checkpoint.parse(content).salt
        except StateFormatError as error:
            raise _Unreadable(error.what) from error
        body = secrets_replaced(json.loads(content), lambda one: self.secret(one, salt))
        latest = body["checkpoint"].get("latest")
        if salt and latest:
            latest["secrets_providers"]["state"]["salt"] = self.after.salt
        return dump(body).encode()

    def entry(self, content: bytes, salt: str) -> bytes:
        """An entry of the history, turned; its configuration is under the stack's salt."""
        try:
            body = json.loads(content)
        except ValueError as error:
            raise _Unreadable("it is damaged") from error
        config = _secure_replaced(body.get("config"), lambda one: self.turned(one, salt))
        text = json.dumps({**body, "config": config}, indent="\t", ensure_ascii=False)
        return text.encode()

    def config(self, file: Path) -> bytes:
        """A stack's configuration, turned in its text, so that comments stay."""
        config = StackConfig.load(file)
        pairs: dict[str, str] = {}

        def note(ciphertext: str) -> str:
            pairs[ciphertext] = self.turned(ciphertext, config.salt)
            return pairs[ciphertext]

        _secure_replaced(config.values, note)
        text = file.read_text(encoding="utf-8")
        for old, new in {**pairs, config.salt: self.after.salt}.items():
            if old and old not in text:
                raise HoabanError(
                    "a secret of the configuration is not written on one line",
                    where=Location(file=str(file)),
                    mend="write each `secure:` value on one line, without quotes inside",
                )
            text = text.replace(old, new) if old else text
        return text.encode()


def _secure_replaced(value: Any, change: Callable[[str], str]) -> Any:
    if isinstance(value, dict):
        if set(value) == {"secure"} and isinstance(value["secure"], str):
            return {"secure": change(value["secure"])}
        return {key: _secure_replaced(item, change) for key, item in value.items()}
    if isinstance(value, list):
        return [_secure_replaced(item, change) for item in value]
    return value


def rotate(stack: Stack, passphrase: str) -> Rotated:
    """Put all of a stack under a new passphrase, which becomes one that the stack has of its own.

    What cannot be read (damaged copies, or copies of an older passphrase) is left as it is, and
    told.
    """
    if stack.passphrases is None:
        raise ValueError("the stack has no folder for a passphrase of its own")
    with held(stack, exists=False) as one:
        name, store = one.name, one.store
        before = read_passphrase(stack.passphrase_of(name.project, name.stack))
        if passphrase == before:  # as after a crash, when opening it has finished the rotation
            return Rotated(str(name))
        turn = _Turn(before, PassphraseCrypter.create(passphrase))
        rotated = Rotated(str(name))
        changes = Changeset(store.backend, [name])
        for content, keys in _turned(one, turn, rotated):
            changes.put(content, *keys)
        for file in (stack.config_file, aside(stack.config_file)):
            if file.exists():
                changes.write(file, turn.config(file))
                rotated.files += 1
        own = stack.passphrases / f"{name.project}.{name.stack}"
        changes.write(own, f"{passphrase}\n".encode())
        changes.drop_log(store.journal_key)
        changes.commit()
        rotated.secrets = turn.count
        return rotated


def aside(config_file: Path) -> Path:
    """Where the configuration of a stack that was forgotten is kept."""
    return config_file.with_name(f"{config_file.name}.bak")


def _turned(one: Held, turn: _Turn, rotated: Rotated) -> Iterator[tuple[bytes, list[str]]]:
    """All of the stack's blobs, turned; those of one content together, as they are one on disk."""
    backend, name = one.store.backend, one.name
    keys = [backend.checkpoint_key(name), backend.backup_key(name)]
    for prefix in (backend.backups_prefix(name), backend.history_prefix(name)):
        keys += [blob.key for blob in backend.storage.list(prefix)]
    alike: dict[bytes, list[str]] = {}
    for key in keys:
        content = backend.storage.read(key)
        if content is not None:
            alike.setdefault(content, []).append(key)
    for content, having in alike.items():
        try:
            if having[0].endswith(".history.json"):
                yield turn.entry(content, one.store.crypter.salt), having
            else:
                yield turn.state(content), having
            rotated.files += len(having)
        except _Unreadable as error:
            if backend.checkpoint_key(name) in having:
                raise HoabanError(
                    f"the state cannot be put under another passphrase: {error}",
                    where=Location(file=backend.where(name)),
                    mend=name.command("state verify"),
                ) from error
            rotated.left += [f"{backend.storage.where(key)}: {error}" for key in having]
