"""What an S3 server guarantees of a conditional write; asked before the first lock is taken.

Amazon S3, Ceph's RADOS gateway and MinIO honour ``If-None-Match: *`` and ``If-Match`` in one step.
Swift takes the first alone, and looks before it writes: of two that come at the same instant both
are told yes, and the later one stays. A server that takes neither, or only seems to, keeps no lock
safe, and is refused.
"""

from __future__ import annotations

import contextlib
import time
import uuid
from enum import Enum
from typing import TYPE_CHECKING, Final

from hoaban.engine.storage.base import StateWriteError
from hoaban.engine.storage.bucket import Unmet, Unsupported
from hoaban.errors import HoabanError, Location

if TYPE_CHECKING:
    from hoaban.engine.storage.bucket import Bucket

_LOOKS: Final = 16
_LOOK_SECONDS: Final = 0.25
"""A signature good for a second may be for three, by the server's clock."""
_NO_TAG: Final = '"00000000000000000000000000000000"'


class Guarantee(Enum):
    """By what a server keeps two writers apart."""

    CONDITIONS = "conditions"
    """A write can depend on what is there, in one step."""
    TIME = "time"
    """It takes no such write, but refuses a request whose signature has expired."""


def guarantee_of(bucket: Bucket) -> Guarantee:
    """Try it out on an object of its own. Raises :class:`HoabanError` when neither is kept."""
    key = f"probes/{uuid.uuid4()}"
    try:
        return _tried(bucket, key)
    finally:
        with contextlib.suppress(HoabanError):
            bucket.delete(key)


def _tried(bucket: Bucket, key: str) -> Guarantee:
    try:
        bucket.put(key, b"1", absent=True)
        with contextlib.suppress(Unmet):
            bucket.put(key, b"2", absent=True)
            raise _refused(bucket, "it writes over an object in spite of If-None-Match: *")
    except Unsupported as error:
        raise _refused(bucket, f"it takes no If-None-Match ({error})") from error
    try:
        bucket.put(key, b"3", match=_NO_TAG)
    except Unmet:
        return Guarantee.CONDITIONS
    except Unsupported:
        pass
    if not _expires(bucket, key):
        raise _refused(bucket, "it takes no If-Match, and signatures that have expired")
    return Guarantee.TIME


def _expires(bucket: Bucket, key: str) -> bool:
    """Whether a signature that is over time is refused."""
    signed = bucket.sign_delete(key, valid=1)
    for _ in range(_LOOKS):
        time.sleep(_LOOK_SECONDS)
        if not bucket.send(signed):
            return True
    return False


def _refused(bucket: Bucket, why: str) -> HoabanError:
    server = bucket.place.endpoint or "Amazon S3"
    return StateWriteError(
        f"the S3 server {server} cannot keep locks: {why}",
        where=Location(file=bucket.place.url),
        mend="use one that honours conditional writes (Amazon S3, a recent RADOS gateway of Ceph, "
        "MinIO or Swift), or keep the state in a folder",
    )
