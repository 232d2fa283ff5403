"""An earlier state made the present one again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hoaban.engine.embedded import edits
from hoaban.engine.embedded.backend import Backend, StackName, digest
from hoaban.engine.embedded.checkpoint import Checkpoint
from hoaban.engine.embedded.custody import Held, decoded, holds_objects, name_of, problems_of
from hoaban.engine.embedded.ledger import Ledger
from hoaban.engine.embedded.lock import Lock
from hoaban.engine.embedded.store import Loaded, Opened, open_stack
from hoaban.errors import HoabanError, Location

if TYPE_CHECKING:
    from hoaban.engine.api import Stack
    from hoaban.engine.embedded.copies import Copy
    from hoaban.engine.embedded.state import Snapshot
    from hoaban.engine.embedded.store import Store


@dataclass(frozen=True, slots=True)
class Restored:
    """What a restore would change: resources that only one of the two states has, by URN."""

    copy: Copy
    lost: list[str]
    """In the state now and not in the copy: nobody owns them after it."""
    back: list[str]
    """In the copy and not in the state now: they may be gone from the cloud."""


def restorable(stack: Stack, copy: Copy) -> Restored:
    """What restoring a copy would change."""
    opened = open_past(stack)
    snapshot, _ = past(stack, opened.store, copy)
    now = _readable(opened.store)
    mine = {one.urn for one in holds_objects(now.snapshot)} if now else set()
    its = {one.urn for one in holds_objects(snapshot)}
    return Restored(copy, sorted(mine - its), sorted(its - mine))


def restore(stack: Stack, copy: Copy) -> Snapshot:
    """Make an earlier state the present one. A present one that is damaged is kept aside."""
    name, backend = name_of(stack), Backend(stack.backend)
    backend.ensure()
    with Lock(backend, name):
        opened = open_past(stack, held=backend)
        store = opened.store
        now = _readable(store)
        if now is not None and now.recovered:  # the journal's end of the present state is kept too
            Ledger(store, now.snapshot, base=now.base, persist=True).commit()
        content = store.journal()
        snapshot, base = past(stack, store, copy)
        if now is None:
            # The journal is all that is left of what the damaged state was about to become.
            checkpoint = Checkpoint.parse(backend.storage.read(copy.key) or b"")
            if content is not None and checkpoint.salt == store.crypter.salt:
                snapshot = store.completed(checkpoint, base, content).snapshot
        problems_of(snapshot, name)
        key = backend.checkpoint_key(name)
        before = digest(backend.storage.read(key) or b"")
        if now is None:
            backend.keep(name)
            backend.storage.delete(key)  # what is damaged must not become .bak
        one = Held(stack, opened, Loaded(snapshot, before))
        one.commit(snapshot, f"state restore: as of {copy.at.isoformat(timespec='seconds')}")
        return snapshot


def open_past(stack: Stack, *, held: Backend | None = None) -> Opened:
    """Open a stack whose present state may be damaged or gone; ``held`` is whose lock is held."""
    return open_stack(stack, create=held is not None, damaged=True, backend=held)


def past(stack: Stack, store: Store, copy: Copy) -> tuple[Snapshot, str]:
    """The snapshot in a copy, as one of this stack's present name; and its file's digest."""
    content = store.backend.storage.read(copy.key) or b""
    try:
        checkpoint = Checkpoint.parse(content)
        snapshot = decoded(stack, store, checkpoint, copy.where)
    except HoabanError as error:
        raise HoabanError(
            f"the copy cannot be used: {error.what}",
            where=Location(file=copy.where),
            mend=f"take another: {store.name.command('stack history')}",
        ) from error
    was = StackName.parse(checkpoint.stack)
    if was != store.name:  # the stack was renamed since
        snapshot = edits.moved(snapshot, was.project, was.stack, store.name.stack)
    return snapshot, digest(content)


def _readable(store: Store) -> Loaded | None:
    try:
        return store.load()
    except HoabanError:
        return None
