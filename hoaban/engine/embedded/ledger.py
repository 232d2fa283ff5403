"""The state while an operation changes it: what is registered anew, what is left of the old.

A state during an operation is: resources registered so far, in the order they were finished, then
those of the state before that nothing has replaced yet. Both halves are in dependency order, and
what is registered only refers to what was registered before it, so the whole is valid after every
step.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from hoaban.engine.embedded.backend import digest
from hoaban.engine.embedded.checkpoint import dump
from hoaban.engine.embedded.contents import Contents, put_right
from hoaban.engine.embedded.journal import Journal
from hoaban.engine.embedded.order import in_order
from hoaban.engine.embedded.state import PendingOperation, Snapshot, StateFormatError
from hoaban.engine.embedded.verify import check
from hoaban.errors import HoabanError, Location

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hoaban.engine.embedded.state import Resource
    from hoaban.engine.embedded.store import Store

# At most this share of an operation's time goes into checkpoints between its steps.
_CHECKPOINT_SHARE: Final = 0.02
_CHECKPOINT_SECONDS: Final = 5.0


@dataclass(slots=True)
class Call:
    """A call to a provider that is under way, by its number in the journal."""

    number: int


class Ledger:
    """Keeps the state true through an operation. Safe to use from several threads.

    ``base`` is the digest of the checkpoint that ``snapshot`` was read from. Without ``persist`` (a
    preview) everything happens in memory.
    """

    def __init__(
        self,
        store: Store,
        snapshot: Snapshot,
        *,
        base: str,
        persist: bool,
    ) -> None:
        self._store = store
        self._snapshot = snapshot
        self._base = base
        self._persist = persist
        self._contents = Contents.of(snapshot)
        self._registered_at_base = 0
        self._numbers = {id(one): n for n, one in self._contents.before.items()}
        self._calls: list[Call] = []
        self._lock = threading.RLock()
        self._journal: Journal | None = None
        self._aliased: dict[str, str] = {}
        self._cost = 0.0
        self._last_checkpoint = time.monotonic()

    def unfinished(self) -> list[PendingOperation]:
        """Operations that an interrupted run had under way and nobody has settled yet."""
        with self._lock:
            ours = {call.number for call in self._calls}
            return [one for n, one in self._contents.pending.items() if n not in ours]

    @property
    def olds(self) -> list[Resource]:
        """The resources that the operation began with."""
        return self._snapshot.resources

    def snapshot(self) -> Snapshot:
        """The state as of now."""
        with self._lock:
            pending = list(self._contents.pending.values())
            return replace(
                self._snapshot,
                resources=put_right(self._contents.resources(), self._aliased),
                pending=pending,
            )

    @property
    def base(self) -> str:
        """The digest of the last checkpoint that was read or committed."""
        return self._base

    def find(self, urn: str) -> Resource | None:
        """The live resource of a URN, registered ones first."""
        with self._lock:
            everything = self._contents.resources()
        return next((one for one in everything if one.urn == urn and not one.delete), None)

    def alias(self, old: str, new: str) -> None:
        """Note that a resource is known by another URN from now on."""
        with self._lock:
            self._aliased[old] = new

    def begin(self, type_: str, resource: Resource) -> Call:
        """Announce a call to a provider; on disk when this returns."""
        if self._persist:
            self._store.backend.check()
        text = self._text(resource)
        with self._lock:
            call = Call(self._contents.take())
            self._calls.append(call)
            self._contents.pending[call.number] = PendingOperation(resource, type_)
            line = f'{{"pending":{dump(type_)},"number":{call.number},"resource":{text}}}'
            ticket = self._append(line)
        self._sync(ticket)
        if self._persist:
            self._store.backend.check()  # who lost the lock calls no provider any more
        return call

    def end(self, call: Call) -> None:
        """A call came to nothing: the state is as before."""
        with self._lock:
            ticket = self._append(dump(self._ended({}, call)))
        self._sync(ticket)

    def settle(self, operation: PendingOperation) -> None:
        """An operation of an earlier run is settled (found gone, or taken into the state)."""
        with self._lock:
            numbers = [n for n, one in self._contents.pending.items() if one is operation]
            for number in numbers:
                del self._contents.pending[number]
                self._append(dump({"end": number}))

    def keep(self, old: Resource) -> None:
        """Register a resource that is exactly as it was."""
        with self._lock:
            was = self._numbers[id(old)]
            if was in self._contents.registered:
                return  # something that was left as it is refers to it, and stands after it
            number = self._contents.take()
            self._contents.registered[number] = self._contents.before.pop(was)
            self._numbers[id(old)] = number
            self._append(f'{{"keep":{was},"number":{number}}}')

    def register(
        self,
        new: Resource,
        *,
        drop: Iterable[Resource] = (),
        replaced: Resource | None = None,
        call: Call | None = None,
    ) -> None:
        """Register a resource; ``drop`` it takes over from, ``replaced`` waits to be deleted."""
        text = self._text(new)
        waiting = replace(replaced, delete=True) if replaced is not None else None
        waiting_text = self._text(waiting) if waiting is not None else ""
        with self._lock:
            gone = self._drop(drop)
            number = self._contents.take()
            self._contents.registered[number] = new
            self._numbers[id(new)] = number
            change = {"number": number, "drop": gone} if gone else {"number": number}
            line = self._ended_line(change, call, text)
            if waiting is not None:
                at = self._numbers[id(replaced)]
                self._contents.registered.pop(at, None)
                self._contents.before[at] = waiting
                self._numbers[id(waiting)] = at
                line = f'{line[:-1]},"put":[{at},{waiting_text}]}}'
            ticket = self._append(line)
        self._sync(ticket if call else None)
        self._maybe_checkpoint()

    def append(self, new: Resource) -> None:
        """Add a resource behind all others, none of which is registered anew (a refresh)."""
        text = self._text(new)
        with self._lock:
            number = self._contents.take()
            self._contents.before[number] = new
            self._numbers[id(new)] = number
            self._append(f'{{"append":{number},"resource":{text}}}')

    def change(self, old: Resource, new: Resource, *, call: Call | None = None) -> None:
        """Put a changed resource in the place of the one it was."""
        text = self._text(new)
        with self._lock:
            number = self._numbers[id(old)]
            registered = number in self._contents.registered
            half = self._contents.registered if registered else self._contents.before
            half[number] = new
            self._numbers[id(new)] = number
            ticket = self._append(self._ended_line({"at": number}, call, text))
        self._sync(ticket if call else None)

    def drop(self, *old: Resource, call: Call | None = None) -> None:
        """Take resources out of the state."""
        with self._lock:
            ticket = self._append(dump(self._ended({"drop": self._drop(old)}, call)))
        self._sync(ticket if call else None)
        self._maybe_checkpoint()

    def commit(self) -> None:
        """Verify the state, replace the checkpoint, and forget the journal."""
        if not self._persist:
            return
        storage, key = self._store.backend.storage, self._store.journal_key
        self._store.backend.check()
        with self._lock:
            self._put_in_order()
            snapshot = self.snapshot()
            self._verify(snapshot)
            content = self._store.encode(snapshot)
            if self._journal is None and storage.exists(key):
                self._journal = Journal.reopen(storage, key)
            if self._journal is not None:
                note = self._journal.append(dump({"committing": digest(content)}))
                self._journal.sync(note)
            self._base = self._store.commit(content, self._base)
            if self._journal is not None:
                self._journal.remove()
                self._journal = None
            self._renumber()

    def _put_in_order(self) -> None:
        """What was left as it is may refer to what is not registered yet, or never will be."""
        resources = self.snapshot().resources
        ordered = in_order(resources)
        if any(a is not b for a, b in zip(resources, ordered, strict=True)):
            places = {id(one): place for place, one in enumerate(resources)}
            self._contents.reorder([places[id(one)] for one in ordered])

    def _verify(self, snapshot: Snapshot) -> None:
        try:
            check(snapshot.resources)
        except StateFormatError as error:
            raise HoabanError(
                f"the state that this run leads to is not valid, and was not written: {error.what}",
                where=Location(file=self._store.backend.storage.where(self._store.journal_key)),
                mend="this is a defect of the engine: report it with this file, which holds what "
                "was done; the checkpoint is as it was",
            ) from error

    def close(self) -> None:
        """Let go of the journal's file, which stays if the state was not committed."""
        if self._journal is not None:
            self._journal.close()

    def _renumber(self) -> None:
        """Number everything as a reader of the new checkpoint would."""
        old = self._contents
        snapshot = Snapshot(old.resources(), list(old.pending.values()))
        self._registered_at_base = len(old.registered)
        self._contents = Contents.of(snapshot, registered=self._registered_at_base)
        in_order = [*old.registered, *old.before, *old.pending]
        new_number = {was: now for now, was in enumerate(in_order)}
        # A resource that was changed is known by the object it was before, too.
        self._numbers = {
            key: new_number[was] for key, was in self._numbers.items() if was in new_number
        }
        for call in self._calls:
            call.number = new_number[call.number]

    def _maybe_checkpoint(self) -> None:
        now = time.monotonic()
        pause = max(_CHECKPOINT_SECONDS, self._cost / _CHECKPOINT_SHARE)
        if not self._persist or now - self._last_checkpoint < pause:
            return
        with self._lock:
            if now < self._last_checkpoint:  # another thread was faster
                return
            self.commit()
            self._last_checkpoint = time.monotonic()
            self._cost = self._last_checkpoint - now

    def _drop(self, old: Iterable[Resource]) -> list[int]:
        gone = [self._numbers.pop(id(one)) for one in old]
        for number in gone:
            self._contents.registered.pop(number, None)
            self._contents.before.pop(number, None)
        return gone

    def _ended(self, change: dict[str, Any], call: Call | None) -> dict[str, Any]:
        if call is not None:
            del self._contents.pending[call.number]
            self._calls.remove(call)
            change["end"] = call.number
        return change

    def _ended_line(self, change: dict[str, Any], call: Call | None, text: str) -> str:
        return f'{dump(self._ended(change, call))[:-1]},"resource":{text}}}'

    def _text(self, resource: Resource) -> str:
        return self._store.codec.resource_text(resource) if self._persist else "null"

    def _append(self, line: str) -> tuple[Journal, int] | None:
        if not self._persist:
            return None
        if self._journal is None:
            self._journal = Journal.begin(
                self._store.backend.storage,
                self._store.journal_key,
                stack=str(self._store.name),
                base=self._base,
                registered=self._registered_at_base,
            )
        return self._journal, self._journal.append(line)

    @staticmethod
    def _sync(ticket: tuple[Journal, int] | None) -> None:
        if ticket is not None:
            journal, line = ticket
            journal.sync(line)
