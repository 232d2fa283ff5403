"""What one admitted writer does to a bucket, until it is expelled.

Each writer has an object of its own, ``writers/GROUP/NUMBER.TOKEN``; who takes over deletes it
first. All that the writer puts in place goes through it:

- Where the server honours conditions, new content first replaces the writer's own object, if that
  is still as this writer left it, and is copied from there into place by the server. Both fail
  once the object is gone, however late they come.
- Where it doesn't, the copy is signed for some seconds, then the own object is looked at, then the
  copy is sent: one that comes later than those seconds is refused by the server. Who takes over
  waits for as long.

Deletes, and copies of what is in place already, go the second way on both.
"""

from __future__ import annotations

import contextlib
import threading
import uuid
from typing import TYPE_CHECKING, Final

from hoaban.engine.storage.base import ExpelledError, StateWriteError
from hoaban.engine.storage.bucket import Unmet
from hoaban.engine.storage.guarantee import Guarantee
from hoaban.errors import HoabanError, Location

if TYPE_CHECKING:
    from collections.abc import Callable

    from hoaban.engine.storage.bucket import Bucket, Signed

WRITERS: Final = "writers/"
_TRIES: Final = 4


class Fence:
    """The way of one writer into a bucket. Safe to use from several threads."""

    def __init__(self, bucket: Bucket, guarantee: Guarantee, writer: str) -> None:
        self._bucket = bucket
        self._own = f"{WRITERS}{writer}"
        self._guarantee = guarantee
        self._lock = threading.Lock()
        self._tag = bucket.put(self._own, b"", made_by=str(uuid.uuid4()))
        self.gone = False

    def put(self, key: str, content: bytes) -> None:
        """Put a blob in place. Raises :class:`ExpelledError` when this writer is expelled."""
        if self._guarantee is Guarantee.TIME:
            staged = f"{self._own}.{uuid.uuid4()}"
            self._bucket.put(staged, content)
            if not self.copy(staged, key):
                raise self._expelled(key)  # only who expels this writer takes that away
            with contextlib.suppress(HoabanError):  # else it goes when the writer is dismissed
                self._bucket.delete(staged)
            return
        with self._lock:
            for _ in range(_TRIES):
                try:
                    self._tag = self._bucket.put(self._own, content, match=self._tag)
                    self._bucket.copy(self._own, key)
                except Unmet:
                    # Expelled; or an earlier try went through, and its answer was lost.
                    self._tag = self._looked(key)
                else:
                    return
        raise StateWriteError(
            "cannot write the state: the S3 server takes no write, and says of none why",
            where=Location(file=self._bucket.place.where(key)),
            mend="see the log of the S3 server",
        )

    def copy(self, source: str, key: str) -> bool:
        """Copy a blob into place; False when there is none to copy."""
        try:
            self._in_time(key, lambda: self._bucket.sign_copy(source, key))
        except Unmet:
            self._looked(key)
            return False
        return True

    def delete(self, key: str) -> None:
        """Remove a blob, if it is there."""
        with contextlib.suppress(Unmet):  # some servers tell of a delete that nothing was there
            self._in_time(key, lambda: self._bucket.sign_delete(key))

    def _in_time(self, key: str, signed: Callable[[], Signed]) -> None:
        """Sign, then look, then send: in this order, what is sent late is refused."""
        for _ in range(_TRIES):
            request = signed()
            self._looked(key)
            if self._bucket.send(request):
                return
        raise StateWriteError(
            "cannot write the state: the S3 server refuses signatures as too old",
            where=Location(file=self._bucket.place.where(key)),
            mend="set its clock and this machine's by a time server",
        )

    def _looked(self, key: str) -> str:
        """The tag of the writer's own object, which is gone when the writer is expelled."""
        found = self._bucket.head(self._own) if not self.gone else None
        if found is None:
            raise self._expelled(key)
        return found.etag

    def _expelled(self, key: str) -> ExpelledError:
        self.gone = True
        return ExpelledError(
            "cannot write the state: another run took over",
            where=Location(file=self._bucket.place.where(key)),
        )
