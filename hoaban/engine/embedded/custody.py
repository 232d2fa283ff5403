"""A stack's state in a person's hands: held under its lock, changed as a whole, kept before.

Each change is a line in the stack's history (``kind`` is Pulumi's word for a state that was brought
in from outside, ``import``), and the state before it is among the backups.
"""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from hoaban.engine.embedded import changeset
from hoaban.engine.embedded.backend import Backend, StackName
from hoaban.engine.embedded.checkpoint import Codec
from hoaban.engine.embedded.exports import encrypted
from hoaban.engine.embedded.history import HistoryEntry, stored_config, versions
from hoaban.engine.embedded.ledger import Ledger
from hoaban.engine.embedded.lock import Lock
from hoaban.engine.embedded.project import Project
from hoaban.engine.embedded.secrets import CachingCrypter, open_crypter
from hoaban.engine.embedded.store import open_stack
from hoaban.engine.embedded.urns import is_provider
from hoaban.engine.embedded.verify import problems
from hoaban.errors import HoabanError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hoaban.engine.api import Stack
    from hoaban.engine.embedded.checkpoint import Checkpoint
    from hoaban.engine.embedded.state import Resource, Snapshot
    from hoaban.engine.embedded.store import Loaded, Opened, Store


def name_of(stack: Stack) -> StackName:
    """A stack's place in its backend."""
    return StackName(Project.load(stack.program).name, stack.name)


@dataclass(slots=True)
class Held:
    """A stack under its lock. ``snapshot`` is what an interrupted run's journal tells, too."""

    stack: Stack
    opened: Opened
    loaded: Loaded
    _started: float = field(default_factory=time.time)

    @property
    def store(self) -> Store:
        """The stack's files."""
        return self.opened.store

    @property
    def name(self) -> StackName:
        """The stack's place in its backend."""
        return self.store.name

    @property
    def snapshot(self) -> Snapshot:
        """The state as it is."""
        return self.loaded.snapshot

    def commit(self, snapshot: Snapshot, message: str, *, kind: str = "import") -> None:
        """Verify and write a state in place of the one that is there, which is kept."""
        backend = self.store.backend
        snapshot.salt = self.store.crypter.salt
        backend.keep(self.name)
        ledger = Ledger(self.store, snapshot, base=self.loaded.base, persist=True)
        try:
            ledger.commit()
        finally:
            ledger.close()
        self.note(message, kind=kind)

    def note(self, message: str, *, kind: str = "import") -> None:
        """Write a line of the stack's history."""
        entry = HistoryEntry(
            kind=kind,
            message=message,
            started=int(self._started),
            ended=int(time.time()),
            succeeded=True,
            changes={},
            config=stored_config(self.opened.config, self.store.crypter),
            environment=versions(),
        )
        self.store.backend.add_history(self.name, entry)


@contextlib.contextmanager
def held(stack: Stack, *, valid: bool = True, exists: bool = True) -> Iterator[Held]:
    """Hold a stack's lock; what an interrupted run left in its journal is brought in first.

    Without ``valid`` a state that is not is held too, to be put right.
    """
    name, backend = name_of(stack), Backend(stack.backend)
    backend.ensure()
    with Lock(backend, name):
        changeset.finish(backend, name, locked=True)
        checkpoint, base = backend.read(name)
        if (
            exists
            and checkpoint is None
            and backend.storage.read_log(backend.journal_key(name)) is None
        ):
            raise missing(name)
        opened = open_stack(stack, create=True, backend=backend)
        store = opened.store
        loaded = store.completed(checkpoint, base, store.journal(), valid=valid)
        if loaded.recovered and valid:
            ledger = Ledger(store, loaded.snapshot, base=base, persist=True)
            ledger.commit()
            loaded = store.load()
        yield Held(stack, opened, loaded)


def missing(name: StackName) -> HoabanError:
    """The error of a stack that has no state."""
    return HoabanError(
        f"there is no stack {name.project}/{name.stack}",
        mend="hoaban stack ls tells which there are; hoaban up makes one",
    )


def problems_of(snapshot: Snapshot, name: StackName) -> None:
    """Raise when a state is not valid, with all that is wrong."""
    found = problems(snapshot.resources)
    if found:
        raise HoabanError(
            f"the state is not valid: {len(found)} problems",
            mend=name.command("state repair"),
            detail="\n".join(found),
        )


def decoded(stack: Stack, store: Store, checkpoint: Checkpoint, where: str) -> Snapshot:
    """A checkpoint's snapshot; its secrets may be under another salt of the same passphrase."""
    codec = store.codec
    if checkpoint.salt not in ("", store.crypter.salt) and encrypted(checkpoint.latest):
        passphrase = stack.passphrase_of(store.name.project, store.name.stack)
        codec = Codec(CachingCrypter(open_crypter(passphrase, checkpoint.salt, where=where)))
        snapshot = checkpoint.snapshot(codec)
        for one in [*snapshot.resources, *(p.resource for p in snapshot.pending)]:
            one.text.clear()
        return snapshot
    return checkpoint.snapshot(codec)


def holds_objects(snapshot: Snapshot) -> list[Resource]:
    """What of a state stands for something in a cloud."""
    return [one for one in snapshot.resources if one.custom and not is_provider(one.type)]
