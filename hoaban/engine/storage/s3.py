"""State in a bucket of an S3 server, in the layout that Pulumi keeps there.

What the server guarantees decides how a lock is claimed and how the late are kept out: see
:mod:`guarantee` and :mod:`fence`.
"""

from __future__ import annotations

import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Final

from hoaban.engine.storage.base import Blob, StateWriteError, Storage
from hoaban.engine.storage.bucket import AT_ONCE, VALID_SECONDS, Unmet, bucket_of
from hoaban.engine.storage.fence import WRITERS, Fence
from hoaban.engine.storage.guarantee import Guarantee, guarantee_of
from hoaban.engine.storage.s3log import Parts, PartsLog, contents
from hoaban.errors import Location

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hoaban.engine.storage.bucket import Bucket
    from hoaban.engine.storage.s3place import S3Place

_SETTLE_SECONDS: Final = 2.0
"""Without conditions in one step: how long a create may take, and then waits for others."""
_LATEST_SECONDS: Final = VALID_SECONDS + 3.0
"""After this nothing comes any more that was signed before."""
_asking: Final = threading.Lock()
_guarantees: Final[dict[Bucket, Guarantee]] = {}


def _now() -> float:
    """Seconds by a clock that nobody sets, and that goes on while the machine is suspended."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class S3Storage(Storage):
    """Blobs as objects below ``PREFIX/.pulumi``."""

    def __init__(self, place: S3Place, *, bucket: Bucket | None = None, writer: str = "") -> None:
        self.place = place
        self.url = place.url
        self._bucket = bucket or bucket_of(place)
        self._fence = Fence(self._bucket, self.guarantee, writer) if writer else None

    @property
    def guarantee(self) -> Guarantee:
        """What the server guarantees; asked once in a process."""
        with _asking:
            if self._bucket not in _guarantees:
                _guarantees[self._bucket] = guarantee_of(self._bucket)
            return _guarantees[self._bucket]

    def admitted(self, writer: str) -> S3Storage:
        """The same bucket for one writer."""
        return S3Storage(self.place, bucket=self._bucket, writer=writer)

    def expel(self, group: str, number: int, *, but: str = "") -> None:
        """Delete writers' own objects; where that alone is not enough, wait for the late ones."""
        prefix = f"{WRITERS}{group}/"
        keep = f"{WRITERS}{but}" if but else "\n"
        gone = []
        for blob in self.list(prefix):
            digits = blob.key.removeprefix(prefix).partition(".")[0]
            if digits.isdigit() and int(digits) <= number and not blob.key.startswith(keep):
                gone.append(blob.key)
        self._delete_all(gone)
        if gone and self.guarantee is Guarantee.TIME:
            time.sleep(_LATEST_SECONDS)

    def dismiss(self, writer: str) -> None:
        """Delete a writer's own object, and what it had on its way."""
        own = f"{WRITERS}{writer}"
        self._bucket.delete(own)
        if self.guarantee is Guarantee.TIME:
            self._delete_all(blob.key for blob in self.list(f"{own}."))

    def expelled(self) -> bool:
        """Whether a write of this writer was refused already."""
        return self._fence is not None and self._fence.gone

    def where(self, key: str) -> str:
        """How people find a blob: its URL, as the ``aws`` command takes it."""
        return self.place.where(key)

    def copy_command(self, source: str, target: str) -> str:
        """What a person types to put one blob in the place of another."""
        place = self.place
        given = (("endpoint-url", place.endpoint), ("region", place.region))
        more = "".join(f"--{name} {value} " for name, value in given if value)
        return f"aws s3 cp {more}{self.where(source)} {self.where(target)}"

    def read(self, key: str) -> bytes | None:
        """The content of an object; None when there is none."""
        found = self._bucket.get(key)
        return None if found is None else found.content

    def modified(self, key: str) -> float | None:
        """When an object was put in place; None when there is none."""
        found = self._bucket.head(key)
        return None if found is None else found.modified

    def list(self, prefix: str) -> list[Blob]:
        """All objects with a prefix."""
        return [Blob(key, modified) for key, modified in self._bucket.list(prefix)]

    def write(self, key: str, content: bytes, *, keep_as: str = "") -> None:
        """Replace an object; what was there is copied first, by the server."""
        if keep_as:
            self.copy(key, keep_as)
        if self._fence is not None:
            self._fence.put(key, content)
        else:
            self._bucket.put(key, content)

    def create(self, key: str, content: bytes) -> bool:
        """Put an object where there is none.

        Where the server only looks before it writes, several that come at once are all told yes,
        and one of theirs stays. None of them believes it before all have ended: each knows that it
        took no longer than it waits then. One that took longer, or was stopped, gives up.
        """
        mine = str(uuid.uuid4())
        certain = self.guarantee is Guarantee.CONDITIONS
        began = _now()
        try:
            self._bucket.put(key, content, absent=True, made_by=mine)
        except Unmet:
            # Somebody else; or this one, and the answer to its first try was lost.
            if not self._made(key, mine):
                return False
        else:
            if certain:
                return True
        if certain:
            return True
        if _now() - began > _SETTLE_SECONDS:
            raise StateWriteError(
                f"the S3 server took longer than {_SETTLE_SECONDS:.0f} s to claim a lock, which "
                "is too long to be sure of it",
                where=Location(file=self.where(key)),
                mend="run the same command again when the server is less busy; a lock that is "
                "left ends by itself",
            )
        time.sleep(_SETTLE_SECONDS)
        return self._made(key, mine)

    def _made(self, key: str, made_by: str) -> bool:
        found = self._bucket.head(key)
        return found is not None and found.made_by == made_by

    def copy(self, source: str, target: str) -> None:
        """Have the server copy an object."""
        if self._fence is not None:
            self._fence.copy(source, target)
            return
        try:
            self._bucket.copy(source, target)
        except Unmet:
            return

    def delete(self, key: str) -> None:
        """Remove an object, if it is there."""
        if self._fence is not None:
            self._fence.delete(key)
        else:
            self._bucket.delete(key)

    def begin_log(self, key: str, first: bytes) -> PartsLog:
        """Begin a log in place of an older one, whose parts nobody reads from then on."""
        parts = Parts(key)
        self.write(key, parts.head(first))
        self._sweep(key, but=parts)
        return PartsLog(self._bucket, parts)

    def reopen_log(self, key: str) -> PartsLog:
        """Go on with a log, as a new one that begins with all of it; see :meth:`seal_log`."""
        content = self.read_log(key) or b""
        return self.begin_log(key, content[: content.rfind(b"\n") + 1])

    def read_log(self, key: str) -> bytes | None:
        """All of a log; None when there is none."""
        while True:
            found = self._bucket.get(key)
            if found is None:
                return None
            parts, first = Parts.of(key, found.content)
            content = first + b"".join(contents(self._bucket, parts))
            # One that was replaced or removed meanwhile may have lost parts under our eyes.
            now = self._bucket.head(key)
            if now is not None and now.etag == found.etag:
                return content

    def delete_log(self, key: str) -> None:
        """Remove a log: it is gone with its head."""
        self.delete(key)
        self._sweep(key)

    def seal_log(self, key: str) -> None:
        """Begin the log anew with all of it: who has the old one open adds to what nobody reads."""
        content = self.read_log(key)
        if content is not None:
            self.begin_log(key, content)

    def _sweep(self, key: str, but: Parts | None = None) -> None:
        """Remove parts that belong to no log any more."""
        listed = (blob.key for blob in self.list(Parts.all_of(key)))
        self._delete_all(one for one in listed if but is None or not one.startswith(but.prefix))

    def _delete_all(self, keys: Iterable[str]) -> None:
        with ThreadPoolExecutor(AT_ONCE) as pool:
            for _ in pool.map(self._bucket.delete, keys):
                pass
