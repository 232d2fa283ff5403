"""The stack's lock: one operation at a time, of any process on any machine, of either engine.

Between processes of this engine the lease decides (:mod:`lease`). The official engine knows no
leases: for it, each operation puts a blob of its own in the stack's lock folder, and whoever,
having put it there, sees one of the official engine, takes its own away and gives way.

A holder that loses its lease, because it was stopped or cut off for too long, must not write what
it still has in mind: :meth:`Lock.check` stands before each write and each call to a provider, and
the place itself refuses what comes later (:meth:`hoaban.engine.storage.Storage.admitted`).
"""

from __future__ import annotations

import contextlib
import random
import threading
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Final, Self

from hoaban.engine.embedded.lease import RENEWALS, Claims, Holder, Life, now
from hoaban.engine.embedded.locked import LockedError, LostLockError
from hoaban.engine.storage import ExpelledError
from hoaban.errors import HoabanError
from hoaban.interrupts import before_leaving

if TYPE_CHECKING:
    from collections.abc import Callable

    from hoaban.engine.embedded.backend import Backend, StackName
    from hoaban.engine.storage import Storage

_TRIES: Final = 8
_PATIENCE_SECONDS: Final = 5.0
"""How long giving back waits for a renewal that is under way: the place may not answer."""
_PAUSE_SECONDS: Final = 0.05
"""Doubled from try to try, and cut at random, so that two that meet don't meet for ever."""


def claims_of(backend: Backend, name: StackName) -> Claims:
    """The claims of a stack."""
    return Claims(backend.storage, backend.leases_prefix(name))


def _marks(storage: Storage, prefix: str) -> list[Holder]:
    """What stands in a stack's lock folder, of both engines."""
    keys = [one.key for one in storage.list(prefix) if one.key.endswith(".json")]
    return [one for key in keys if (one := Holder.read(storage, key)) is not None]


def _group(name: StackName) -> str:
    """The writers of a stack."""
    return f"{name.project}/{name.stack}"


def holders(backend: Backend, name: StackName) -> list[Holder]:
    """All who hold a lock on a stack: at most one with a lease, and those of the other engine."""
    newest = claims_of(backend, name).newest()
    held = [newest] if newest is not None and not newest.released else []
    marks = _marks(backend.storage, backend.locks_prefix(name))
    return held + [one for one in marks if not one.generation]


def release(backend: Backend, name: StackName) -> list[Holder]:
    """Take away every lock of a stack, whoever holds it; returns who did.

    A holder that still lives finds out before its next write or call to a provider.
    """
    found = holders(backend, name)
    storage, claims = backend.storage, claims_of(backend, name)
    for one in found:
        if one.generation:
            mine = Holder.me(one.generation + 1)
            claims.claim(replace(mine, released=True))
            storage.expel(_group(name), one.generation)
            storage.seal_log(backend.journal_key(name))
            claims.forget_before(mine.generation)
    for mark in _marks(storage, backend.locks_prefix(name)):
        storage.delete(mark.key)
    return found


_held: Final[set[Lock]] = set()
"""Locks of this process."""


def let_go() -> None:
    """Release all locks of this process, which is about to end with operations under way.

    Only right when nothing more is done with the stacks' state: the next operation takes the
    journal from there.
    """
    for lock in list(_held):
        lock.release(leaving=True)


before_leaving(let_go)


class Lock:
    """Holds a stack's lock for as long as the ``with`` block lasts.

    Meanwhile the backend writes through the lock: what it would write after the lock is lost is
    refused. ``say`` is told of what takes time or is unusual, ``lost`` of the loss of the lock,
    from another thread.
    """

    def __init__(
        self,
        backend: Backend,
        name: StackName,
        *,
        say: Callable[[str], None] = lambda _: None,
        lost: Callable[[HoabanError], None] = lambda _: None,
    ) -> None:
        self._backend = backend
        self._name = name
        self._say = say
        self._tell_lost = lost
        self._open = backend.storage
        self._outer = backend.lock
        self._claims = claims_of(backend, name)
        self._prefix = backend.locks_prefix(name)
        self._holder = Holder()
        self._good_until = 0.0
        self._renewing = threading.Lock()
        self._ended = threading.Event()
        self._lost: LostLockError | None = None

    @property
    def generation(self) -> int:
        """Which operation on the stack this is, counted by leases; only grows."""
        return self._holder.generation

    def __enter__(self) -> Self:
        for attempt in range(_TRIES):
            if self._try():
                threading.Thread(target=self._renew_on, name="lease", daemon=True).start()
                return self
            time.sleep(random.uniform(0, _PAUSE_SECONDS * 2**attempt))  # noqa: S311 (no secret)
        raise LockedError(self._name, holders(self._backend, self._name) or [self._holder])

    def _try(self) -> bool:
        """Take the lock; False when another was faster, and is worth another look."""
        foreign = self._foreign()
        before = self._claims.newest()
        if before is not None and not before.released and not self._take_over(before):
            return False
        self._holder = Holder.me(before.generation + 1 if before is not None else 1)
        self._good_until = now() + self._trusted
        # Admitted before it claims: then whoever comes later finds it, and can expel it.
        admitted = self._open.admitted(self._writer)
        claimed = False
        try:
            claimed = self._claims.claim(self._holder)
        finally:
            if not claimed:
                self._open.dismiss(self._writer)
        if not claimed:
            return False
        self._ended = threading.Event()
        self._backend.storage, self._backend.lock = admitted, self
        _held.add(self)
        try:
            taken = self._settle(before, foreign)
        except ExpelledError:  # it took so long that somebody took it over already
            self._lost = None
            taken = False
        except BaseException:
            # A disk that fills up halfway must not leave the lock.
            self.release()
            raise
        if not taken:
            self.release()
        return taken

    def _settle(self, before: Holder | None, foreign: list[Holder]) -> bool:
        """Make a claim hold against all others, dead, late, or of the other engine."""
        if self._claims.generations()[-1:] != [self.generation]:
            return False  # it looked so long ago that others have come and gone
        self._open.expel(_group(self._name), self.generation, but=self._writer)
        self._backend.storage.write(self._mark, self._holder.written())
        if self._foreign(late=True):
            return False
        self.check()
        self._clear(before, foreign)
        return True

    def _foreign(self, *, late: bool = False) -> list[Holder]:
        """Dead locks of the official engine. A live one is an error; ``late``, what is returned."""
        found = [one for one in _marks(self._open, self._prefix) if not one.generation]
        alive = [one for one in found if not one.dead]
        if late:
            return alive
        if alive:
            raise LockedError(self._name, alive)
        return found

    def _take_over(self, before: Holder) -> bool:
        """Whether a holder is dead; an error when it lives, False when it ended meanwhile."""
        life = before.process
        if life is Life.UNKNOWN and not before.fresh:
            self._say(
                f"{self._name} is locked by {before}; watching for {before.span:.0f} s whether it "
                "still renews its lease"
            )
            life = self._claims.watch(before)
            if life is Life.UNKNOWN:
                return False
        if life is not Life.DEAD:
            raise LockedError(self._name, [before])
        return True

    def _clear(self, before: Holder | None, foreign: list[Holder]) -> None:
        """Remove what dead holders left, and say whose it was."""
        storage = self._backend.storage
        marks = _marks(storage, self._prefix)
        for mark in [*foreign, *(one for one in marks if 0 < one.generation < self.generation)]:
            storage.delete(mark.key)
        storage.seal_log(self._backend.journal_key(self._name))
        self._claims.forget_before(self.generation)
        for one in [*([before] if before is not None and not before.released else []), *foreign]:
            gone = "no longer runs" if one.dead else f"did not renew its lease of {one.span:.0f} s"
            self._say(f"took over the lock of {one}, which {gone}")

    @property
    def _writer(self) -> str:
        return f"{_group(self._name)}/{self.generation:012}.{self._holder.token}"

    @property
    def _mark(self) -> str:
        return f"{self._prefix}{self._holder.token}.json"

    @property
    def _trusted(self) -> float:
        """For how long after a renewal nobody can have taken the lease over."""
        return self._holder.span * (RENEWALS - 1) / RENEWALS

    def check(self) -> None:
        """Raise :class:`LostLockError` when the lock is no longer this process'.

        Looks at the place only when the last renewal is too long ago to be sure.
        """
        if self._lost is None and self._backend.storage.expelled():
            self._lose()
        if self._lost is not None:
            raise self._lost
        if now() >= self._good_until:
            self.renew()

    def renew(self) -> None:
        """Renew the lease, if it still is this process'."""
        with self._renewing:
            if self._lost is not None:
                raise self._lost
            if self._ended.is_set():
                return
            began = now()
            if self._claims.generations()[-1:] != [self.generation] or not self._open.exists(
                self._mark
            ):
                raise self._lose()
            self._holder = self._holder.renew()
            key = self._claims.key(self.generation)
            try:
                self._backend.storage.write(key, self._holder.written())
            except ExpelledError:
                raise self._lose() from None
            self._good_until = began + self._trusted

    def _renew_on(self) -> None:
        while not self._ended.wait(self._holder.span / RENEWALS):
            try:
                self.renew()
            except LostLockError as error:
                self._tell_lost(error)
                return
            except HoabanError:  # the place does not answer: until check() minds, try again
                continue

    def _lose(self) -> LostLockError:
        newest = None
        with contextlib.suppress(HoabanError):
            newest = self._claims.newest()
        by = str(newest) if newest and newest.generation > self.generation else "somebody's cancel"
        self._lost = LostLockError(self._name, by)
        return self._lost

    def release(self, *, leaving: bool = False) -> None:
        """Give the lock back; a place that doesn't let it keeps it until its lease ends.

        ``leaving`` with operations under way, which must write nothing after this.
        """
        renewing = self._renewing.acquire(timeout=_PATIENCE_SECONDS)
        try:
            self._ended.set()
            _held.discard(self)
            if self._lost is not None:
                self._disown()
                return
            storage = self._backend.storage
            if leaving:
                self._lost = LostLockError(self._name, "nobody: the process is about to end")
            else:
                self._backend.storage, self._backend.lock = self._open, self._outer
            with contextlib.suppress(HoabanError):
                self._open.delete(self._mark)
            key = self._claims.key(self.generation)
            try:
                storage.write(key, replace(self._holder, released=True).written())
            except ExpelledError:
                pass
            except HoabanError:
                with contextlib.suppress(HoabanError):
                    self._open.delete(key)
            with contextlib.suppress(HoabanError):
                self._open.dismiss(self._writer)
        finally:
            if renewing:
                self._renewing.release()

    def _disown(self) -> None:
        """Leave nothing in the way, when a person took the lock away and nobody else has it yet."""
        with contextlib.suppress(HoabanError):
            if self._claims.generations()[-1:] == [self.generation]:
                mine = replace(self._holder, released=True)
                self._open.write(self._claims.key(self.generation), mine.written())
            self._open.dismiss(self._writer)

    def __exit__(self, *_: object) -> None:
        self.release()
