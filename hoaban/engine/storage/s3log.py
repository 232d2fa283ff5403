"""A log in a bucket, where nothing can be appended to: a head, and a part for each sync.

The head, under the log's own key, names by its first line the log that counts; its parts are
``<key>.parts/<log>/<number>``, counted from 1. A part is put once and never changed. Another head
under the key makes another log of it in one step: parts of the one before are read no more, and
swept away.
"""

from __future__ import annotations

import contextlib
import json
import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

from hoaban.engine.storage.base import Log
from hoaban.engine.storage.bucket import AT_ONCE
from hoaban.errors import HoabanError

if TYPE_CHECKING:
    from hoaban.engine.storage.bucket import Bucket


@dataclass(frozen=True, slots=True)
class Parts:
    """Where the parts of one log lie."""

    log: str
    id: str = field(default_factory=lambda: str(uuid.uuid4()))

    @classmethod
    def of(cls, log: str, head: bytes) -> tuple[Self, bytes]:
        """The parts that a head names, and what stands in the head itself."""
        line, _, first = head.partition(b"\n")
        named = None
        with contextlib.suppress(ValueError):
            named = json.loads(line)
        if not isinstance(named, dict) or not isinstance(named.get("parts"), str):
            return cls(log, "none"), head  # no head: told as a damaged log by who reads it
        return cls(log, named["parts"]), first

    @staticmethod
    def all_of(log: str) -> str:
        """The prefix of the parts of all logs that the key ever had."""
        return f"{log}.parts/"

    def head(self, first: bytes) -> bytes:
        """The content of the head."""
        return json.dumps({"parts": self.id}).encode() + b"\n" + first

    @property
    def prefix(self) -> str:
        """What the keys of the parts begin with."""
        return f"{self.all_of(self.log)}{self.id}/"

    def key(self, number: int) -> str:
        """The key of a part."""
        return f"{self.prefix}{number:08}"


def contents(bucket: Bucket, parts: Parts) -> list[bytes]:
    """The parts of a log, up to the first that is not there."""
    found: list[bytes] = []
    listed = len(bucket.list(parts.prefix))
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for part in pool.map(bucket.get, (parts.key(n + 1) for n in range(listed))):
            if part is None:
                return found
            found.append(part.content)
    # A listing may lag behind: what is there by its number counts.
    while (part := bucket.get(parts.key(len(found) + 1))) is not None:
        found.append(part.content)
    return found


class PartsLog(Log):
    """A log that is open. What comes while a part is under way goes into the next."""

    def __init__(self, bucket: Bucket, parts: Parts) -> None:
        self._bucket = bucket
        self._parts = parts
        self._number = 0
        self._written = bytearray()
        self._cut = b""

    def write(self, content: bytes) -> None:
        """Add to what is in memory."""
        self._written += content

    def cut(self) -> None:
        """The next part holds what was written so far."""
        self._cut += bytes(self._written)
        self._written.clear()

    def sync(self) -> None:
        """Put the next part; it lasts when the server has said so."""
        if self._cut:
            # Put again when its answer is lost: it is the same part.
            self._bucket.put(self._parts.key(self._number + 1), self._cut)
            self._number += 1
            self._cut = b""

    def close(self) -> None:
        """Put what is left, as a file would have it; a server that is away was told when met."""
        with contextlib.suppress(HoabanError):
            self.cut()
            self.sync()
