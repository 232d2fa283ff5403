"""A stack opened: its name, its files, its key, its state."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from importlib.metadata import version
from typing import TYPE_CHECKING

from hoaban.engine.embedded import changeset
from hoaban.engine.embedded.backend import Backend, StackName
from hoaban.engine.embedded.checkpoint import Codec, write_checkpoint
from hoaban.engine.embedded.contents import Contents
from hoaban.engine.embedded.journal import JournalContent
from hoaban.engine.embedded.order import in_order
from hoaban.engine.embedded.project import Project, StackConfig
from hoaban.engine.embedded.secrets import (
    CachingCrypter,
    PassphraseCrypter,
    open_crypter,
    read_passphrase,
)
from hoaban.engine.embedded.state import PendingOperation, Snapshot, StateFormatError
from hoaban.engine.embedded.verify import check
from hoaban.errors import HoabanError, Location

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from hoaban.engine.api import Stack
    from hoaban.engine.embedded.checkpoint import Checkpoint
    from hoaban.engine.values import Secret

_READ_ATTEMPTS = 5


@dataclass(slots=True)
class Loaded:
    """A state as read: ``base`` is the digest of its file, ``recovered`` how it was completed."""

    snapshot: Snapshot
    base: str
    recovered: int = 0


class Store:
    """One stack of a backend, with the key to its secrets."""

    def __init__(self, backend: Backend, name: StackName, crypter: PassphraseCrypter) -> None:
        self.backend = backend
        self.name = name
        self.crypter = crypter
        self.codec = Codec(CachingCrypter(crypter))

    @property
    def journal_key(self) -> str:
        """Where a running operation notes its steps."""
        return self.backend.journal_key(self.name)

    def load(self) -> Loaded:
        """Read checkpoint and journal. One that runs now may replace both under our eyes."""
        for _ in range(_READ_ATTEMPTS):
            checkpoint, base = self.backend.read(self.name)
            content = self.journal()
            if content is None or base in (content.base, content.committing):
                break
        return self.completed(checkpoint, base, content)

    def journal(self) -> JournalContent | None:
        """What a run that is under way, or died, did since the checkpoint."""
        return JournalContent.read(self.backend.storage, self.journal_key)

    def completed(
        self,
        checkpoint: Checkpoint | None,
        base: str,
        content: JournalContent | None,
        *,
        valid: bool = True,
    ) -> Loaded:
        """A checkpoint, with what a journal tells beyond it; an invalid one only if that is asked.

        ``base`` is the digest of the checkpoint's file.
        """
        snapshot = Snapshot(salt=self.crypter.salt)
        if checkpoint is not None:
            try:
                snapshot = checkpoint.snapshot(self.codec)
                if valid:
                    check(snapshot.resources)
            except StateFormatError as error:
                raise self.backend.explain(self.name, error) from error
        snapshot.salt = self.crypter.salt
        recovered = 0
        if content is not None and content.committing != base:
            recovered = len(content.changes)
            if content.base == base:
                contents = Contents.of(snapshot, content.registered)
                contents.replay(content, self.codec)
                snapshot.resources = in_order(contents.resources())
                snapshot.pending = list(contents.pending.values())
            else:
                snapshot.pending += self._foreign(content, snapshot)
        return Loaded(snapshot, base, recovered)

    def _foreign(self, content: JournalContent, snapshot: Snapshot) -> list[PendingOperation]:
        """What a journal made that a state written since by another engine does not know.

        Each becomes a create whose outcome is unknown: the next update finds it by its key.
        """
        known = {(one.urn, one.id) for one in snapshot.resources}
        made = [
            self.codec.resource(one["resource"]) for one in content.changes if "resource" in one
        ]
        return [
            PendingOperation(one, "creating")
            for one in {one.urn: one for one in made if one.custom}.values()
            if (one.urn, one.id) not in known
        ]

    def encode(self, snapshot: Snapshot) -> bytes:
        """The checkpoint of a snapshot, with the generation of the lock it is written under."""
        if self.backend.lock is not None:
            metadata = {**snapshot.metadata, "generation": self.backend.lock.generation}
            snapshot = replace(snapshot, metadata=metadata)
        return write_checkpoint(
            str(self.name), snapshot, self.codec, version=f"v{version('pulumi')}"
        )

    def commit(self, content: bytes, base: str = "") -> str:
        """Replace the checkpoint of digest ``base``; returns the digest of the new one."""
        return self.backend.commit(self.name, content, base=base)

    def outputs_of(self, name: StackName, passphrase_file: Path) -> Mapping[str, object] | None:
        """Outputs of another stack of the same backend, None when it has no state."""
        checkpoint, _ = self.backend.read(name)
        if checkpoint is None:
            return None
        crypter = self.crypter
        if checkpoint.salt and checkpoint.salt != crypter.salt:
            crypter = open_crypter(passphrase_file, checkpoint.salt, where=self.backend.where(name))
        other = Store(self.backend, name, crypter)
        return stack_outputs(other.load().snapshot)


def state_digest(snapshot: Snapshot, codec: Codec) -> str:
    """A digest of what a state says, whichever engine wrote it and whenever (SHA-256, hex)."""
    found = hashlib.sha256()
    for resource in snapshot.resources:
        found.update(codec.resource_text(resource).encode() + b"\n")
    for one in snapshot.pending:
        found.update(f"{one.type} {codec.resource_text(one.resource)}\n".encode())
    return found.hexdigest()


def stack_outputs(snapshot: Snapshot) -> dict[str, object]:
    """What a stack exports: the outputs of its root resource."""
    for resource in snapshot.resources:
        if resource.type == "pulumi:pulumi:Stack" and not resource.delete:
            return dict(resource.outputs)
    return {}


@dataclass(frozen=True, slots=True)
class Opened:
    """A stack ready for an operation."""

    project: Project
    store: Store
    config: Mapping[str, str | Secret]
    file_config: Mapping[str, object]


def open_stack(
    stack: Stack, *, create: bool, damaged: bool = False, backend: Backend | None = None
) -> Opened:
    """Open a stack; with ``create`` one without a state or a salt gets what it needs.

    Who creates holds the stack's lock. A change of several files that was interrupted is finished.
    With ``damaged`` the state need not be readable: the configuration's salt is enough.
    ``backend`` is the one whose lock is held; what is written then goes through that lock.

    The salt is in the configuration file and in the state; both must be the same, or secrets of one
    could not be read with the key of the other.
    """
    project = Project.load(stack.program)
    name = StackName(project.name, stack.name)
    backend = backend or Backend(stack.backend)
    if create:
        backend.ensure()
    changeset.finish(backend, name, locked=create)
    checkpoint = _checkpoint(backend, name, damaged=damaged)
    config = StackConfig.load(stack.config_file)
    in_state = checkpoint.salt if checkpoint is not None else ""
    if in_state and config.salt and in_state != config.salt:
        raise HoabanError(
            "the salt of the stack's configuration is not that of its state",
            where=Location(file=str(stack.config_file), key="encryptionsalt"),
            mend="put back the configuration file that belongs to this stack; the state's salt is "
            f"{in_state}",
        )
    salt = config.salt or in_state
    passphrase_file = stack.passphrase_of(name.project, name.stack)
    where = str(stack.config_file) if config.salt else backend.where(name)
    if salt:
        crypter = open_crypter(passphrase_file, salt, where=where)
    else:
        crypter = PassphraseCrypter.create(read_passphrase(passphrase_file))
    if create and not config.salt:
        config.save_salt(crypter.salt)
    return Opened(
        project,
        Store(backend, name, crypter),
        config.resolve(project, stack.config, crypter),
        config.values,
    )


def _checkpoint(backend: Backend, name: StackName, *, damaged: bool) -> Checkpoint | None:
    try:
        return backend.read(name)[0]
    except HoabanError:
        if not damaged:
            raise
        return None
