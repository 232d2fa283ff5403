"""The stack's lock, in the official layout: one sees the other's.

A lock is a file of one's own in the stack's lock folder. Whoever, having put it there, sees
another, takes its own away and gives up. There is no lease: the lock of a killed process stays
until someone says ``cancel``.
"""

from __future__ import annotations

import contextlib
import getpass
import json
import os
import socket
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Self

import psutil

from hoaban.engine.embedded.state import timestamp
from hoaban.engine.storage.base import StateReadError
from hoaban.errors import HoabanError, Location
from hoaban.interrupts import before_leaving

if TYPE_CHECKING:
    from hoaban.engine.embedded.backend import Backend, StackName
    from hoaban.engine.storage import Storage


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds a lock, as the lock's file says."""

    key: str
    where: str
    pid: int
    username: str
    hostname: str
    since: str

    @classmethod
    def read(cls, storage: Storage, key: str) -> Self:
        """The holder named in a lock's blob; unreadable parts stay empty."""
        try:
            body = json.loads(storage.read(key) or b"")
        except (StateReadError, ValueError):
            body = {}
        if not isinstance(body, dict):
            body = {}
        return cls(
            key,
            storage.where(key),
            int(body.get("pid") or 0),
            str(body.get("username") or "unknown"),
            str(body.get("hostname") or "unknown"),
            str(body.get("timestamp") or "unknown"),
        )

    @property
    def dead(self) -> bool:
        """Whether it was a process of this machine that is no more."""
        if self.hostname != socket.gethostname() or not self.pid:
            return False
        return not psutil.pid_exists(self.pid)

    def __str__(self) -> str:
        return f"{self.username} on {self.hostname}, process {self.pid}, since {self.since}"


class LockedError(HoabanError):
    """Another operation on the stack is running, or died without cleaning up."""

    def __init__(self, name: StackName, holders: list[Holder]) -> None:
        self.holders = holders
        who = "; ".join(map(str, holders))
        if all(holder.dead for holder in holders):
            what = f"stack {name} is locked by a process that no longer runs ({who})"
            mend = (
                f"{name.command('cancel')}, then run the command again; what it made is found and "
                "adopted"
            )
        else:
            what = f"stack {name} is locked ({who})"
            mend = f"wait until it ends; if you know that it died: {name.command('cancel')}"
        super().__init__(what, where=Location(file=holders[0].where), mend=mend)


def holders(backend: Backend, name: StackName) -> list[Holder]:
    """All who hold a lock on a stack."""
    prefix = backend.locks_prefix(name)
    keys = [one.key for one in backend.storage.list(prefix)]
    return [Holder.read(backend.storage, key) for key in keys if key.endswith(".json")]


def release(backend: Backend, name: StackName) -> list[Holder]:
    """Take away every lock of a stack, whoever holds it; returns who did."""
    found = holders(backend, name)
    for holder in found:
        backend.storage.delete(holder.key)
    return found


_held: Final[set[Lock]] = set()
"""Locks of this process."""


def let_go() -> None:
    """Release all locks of this process, which is about to end with operations under way.

    Only right when nothing more is done with the stacks' state: the next operation takes the
    journal from there.
    """
    for lock in list(_held):
        lock.release()


before_leaving(let_go)


class Lock:
    """Holds a stack's lock for as long as the ``with`` block lasts."""

    def __init__(self, backend: Backend, name: StackName) -> None:
        self._backend = backend
        self._name = name
        self._key = f"{backend.locks_prefix(name)}{uuid.uuid4()}.json"

    def __enter__(self) -> Self:
        others = holders(self._backend, self._name)
        if others:
            raise LockedError(self._name, others)
        body = {
            "pid": os.getpid(),
            "username": getpass.getuser(),
            "hostname": socket.gethostname(),
            "timestamp": timestamp(),
        }
        _held.add(self)
        try:
            content = json.dumps(body, separators=(",", ":")).encode()
            self._backend.storage.write(self._key, content)
            others = [one for one in holders(self._backend, self._name) if one.key != self._key]
        except BaseException:
            # A disk that fills up between the file and its attributes must not leave the lock.
            self.release()
            raise
        if others:
            self.release()
            raise LockedError(self._name, others)
        return self

    def __exit__(self, *_: object) -> None:
        self.release()

    def release(self) -> None:
        """Take the lock away; a place that doesn't let it keeps it."""
        with contextlib.suppress(HoabanError):
            self._backend.storage.delete(self._key)
        _held.discard(self)
