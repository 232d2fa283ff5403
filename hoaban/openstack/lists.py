"""Lists of objects, fetched once and used by all who ask within a few seconds.

A refresh reads hundreds of objects of a few types: one list a type answers them all.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

Json = dict[str, Any]
Index = dict[str, Json]

FRESH = 10.0
"""Seconds for which a list is taken to be true, unless something is written before."""


@dataclass(slots=True)
class _Entry:
    lock: threading.Lock = field(default_factory=threading.Lock)
    index: Index | None = None
    born: float = 0.0
    stale: bool = False


class Lists:
    """Lists by key; each is fetched by one thread while the others wait for it."""

    def __init__(self, fresh: float = FRESH) -> None:
        self._fresh = fresh
        self._lock = threading.Lock()
        self._entries: dict[tuple[str, Hashable], _Entry] = {}

    def get(self, family: str, key: Hashable, fetch: Callable[[], Index]) -> Index:
        """The list ``key`` of a ``family`` of lists that a write makes stale together."""
        with self._lock:
            entry = self._entries.setdefault((family, key), _Entry())
        with entry.lock:
            too_old = time.monotonic() - entry.born > self._fresh
            if entry.index is None or entry.stale or too_old:
                entry.stale = False
                entry.index = fetch()
                entry.born = time.monotonic()
            return entry.index

    def forget(self, family: str | None = None) -> None:
        """Lists of ``family`` (of all families when None) are no longer true."""
        with self._lock:
            for (name, _), entry in self._entries.items():
                if family is None or name == family:
                    entry.stale = True
