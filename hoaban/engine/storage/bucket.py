"""A bucket: objects by key, with conditions, and requests that are of no use when they come late.

The library is boto3. It is loaded when a bucket is first talked to, since most commands never do.
A client belongs to one process: after a fork each makes its own.
"""

from __future__ import annotations

import contextlib
import math
import os
import threading
import time
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from hoaban.engine.storage.base import StateReadError, StateWriteError
from hoaban.engine.storage.s3errors import Told, explained_answer, told_by, told_in
from hoaban.errors import HoabanError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hoaban.engine.storage.s3place import S3Place

CONNECT_SECONDS: Final = 3.0
READ_SECONDS: Final = 6.0
"""Two tries with these waits end before a lease of 30 s does."""
_ATTEMPTS: Final = 2
_CONNECTIONS: Final = 16
AT_ONCE: Final = 8
"""Requests side by side where there are many to make."""
_CONFLICTS: Final = 5
VALID_SECONDS: Final = 5
"""For how long a request that must not come late is good, by the server's clock."""
_TYPE: Final = "text/plain; charset=utf-8"
_MADE_BY: Final = "hoaban-made-by"
_UNSUPPORTED: Final = ("NotImplemented", "InvalidRequest", "InvalidArgument")


class Unmet(Exception):
    """The condition of a request is not met: nothing was done."""


class Unsupported(Exception):
    """The server says that it knows no such condition."""


@dataclass(frozen=True, slots=True)
class Object:
    """What is known of an object; ``modified`` in seconds since 1970, by the server's clock."""

    etag: str
    modified: float
    made_by: str = ""
    content: bytes = b""


class Bucket:
    """The objects of a place by their keys below ``.pulumi``."""

    def __init__(self, place: S3Place) -> None:
        self.place = place
        self._clients: dict[int, Any] = {}
        self._making = threading.Lock()
        self.ahead = 0.0
        """By how many seconds the server's clock is ahead of this machine's, at least."""

    @cached_property
    def _session(self) -> Any:
        import boto3  # noqa: PLC0415 (half a second that most commands need not spend)

        with self._explained(StateReadError, ""):
            return boto3.session.Session(profile_name=self.place.profile or None)

    @property
    def client(self) -> Any:
        """This process' client of the S3 service."""
        with self._making:
            client = self._clients.get(os.getpid())
            if client is None:
                with self._explained(StateReadError, ""):
                    client = self._clients[os.getpid()] = self._made()
            return client

    def _made(self) -> Any:
        from botocore.config import Config  # noqa: PLC0415 (as above)

        config = Config(
            signature_version="s3v4",
            connect_timeout=CONNECT_SECONDS,
            read_timeout=READ_SECONDS,
            retries={"total_max_attempts": _ATTEMPTS, "mode": "standard"},
            max_pool_connections=_CONNECTIONS,
            s3={"addressing_style": "path" if self.place.path_style else "auto"},
            # Older Ceph and Swift know none of the checksums that Amazon added later.
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
        )
        client = self._session.client(
            "s3",
            endpoint_url=self.place.endpoint or None,
            region_name=self.place.region or self._session.region_name or "us-east-1",
            config=config,
        )
        for operation in ("GetObject", "HeadObject"):
            client.meta.events.register(f"before-call.s3.{operation}", _ask_for_newest)
        return client

    @contextlib.contextmanager
    def _explained(self, kind: type[HoabanError], key: str) -> Iterator[None]:
        """Turn what the library raises into one clear error, but what callers ask for by name."""
        try:
            yield
        except (HoabanError, Unmet, Unsupported):
            raise
        except Exception as error:
            told = told_by(error)
            if told is None:
                raise
            raise explained_answer(told, kind, self.place, key) from error

    def _at(self, key: str) -> dict[str, str]:
        return {"Bucket": self.place.bucket, "Key": self.place.key(key)}

    def get(self, key: str) -> Object | None:
        """An object with its content; None when there is none."""
        return self._read("get_object", key)

    def head(self, key: str) -> Object | None:
        """An object without its content; None when there is none."""
        return self._read("head_object", key)

    def _read(self, operation: str, key: str) -> Object | None:
        with self._explained(StateReadError, key):
            try:
                answer = getattr(self.client, operation)(**self._at(key))
                content = answer["Body"].read() if "Body" in answer else b""
            except Exception as error:
                told = told_by(error)
                # To a HEAD there is no more of an answer than its status.
                if told is not None and told.status == 404 and told.code in ("404", "NoSuchKey"):  # noqa: PLR2004
                    return None
                raise
        made_by = answer.get("Metadata", {}).get(_MADE_BY, "")
        return Object(answer["ETag"], answer["LastModified"].timestamp(), made_by, content)

    def put(
        self, key: str, content: bytes, *, match: str = "", absent: bool = False, made_by: str = ""
    ) -> str:
        """Put an object in place; returns its entity tag.

        With ``match`` only in place of the one of that tag, with ``absent`` only where there is
        none; else :class:`Unmet`, or :class:`Unsupported` where the server knows no conditions.
        """
        condition = {"IfMatch": match} if match else {"IfNoneMatch": "*"} if absent else {}
        answer = self._write(
            "put_object",
            key,
            Body=content,
            ContentType=_TYPE,
            **({"Metadata": {_MADE_BY: made_by}} if made_by else {}),
            **condition,
        )
        self._note_clock(answer)
        return str(answer["ETag"])

    def copy(self, source: str, target: str) -> None:
        """Copy an object within the bucket; :class:`Unmet` where there is no source."""
        self._write("copy_object", target, CopySource=self._at(source))

    def delete(self, key: str) -> None:
        """Remove an object, if it is there."""
        with contextlib.suppress(Unmet):  # some servers tell that nothing was there
            self._write("delete_object", key)

    def _write(self, operation: str, key: str, **more: Any) -> dict[str, Any]:
        """One changing request. One of several at once may be asked to come again (409)."""
        for attempt in range(_CONFLICTS):
            with self._explained(StateWriteError, key):
                try:
                    answer: dict[str, Any] = getattr(self.client, operation)(
                        **self._at(key), **more
                    )
                except Exception as error:
                    told = told_by(error)
                    if told is None:
                        raise
                    if told.status == 409 and attempt + 1 < _CONFLICTS:  # noqa: PLR2004
                        time.sleep(0.05 * 2**attempt)
                        continue
                    self._raise_condition(told, conditional=_is_conditional(more))
                    raise
                return answer
        raise AssertionError(operation)

    @staticmethod
    def _raise_condition(told: Told, *, conditional: bool) -> None:
        if told.code in ("PreconditionFailed", "412") or told.code == "NoSuchKey":
            raise Unmet
        if conditional and (told.status == 501 or told.code in _UNSUPPORTED):  # noqa: PLR2004
            raise Unsupported(told.code)

    def list(self, prefix: str) -> list[tuple[str, float]]:
        """Keys that begin so, in order, and when each was put in place."""
        begin = self.place.key("")
        with self._explained(StateReadError, prefix):
            pages = self.client.get_paginator("list_objects_v2").paginate(
                Bucket=self.place.bucket, Prefix=self.place.key(prefix)
            )
            return sorted(
                (one["Key"].removeprefix(begin), one["LastModified"].timestamp())
                for page in pages
                for one in page.get("Contents", ())
            )

    def _note_clock(self, answer: dict[str, Any]) -> None:
        date = answer.get("ResponseMetadata", {}).get("HTTPHeaders", {}).get("date")
        if date:
            with contextlib.suppress(ValueError, TypeError):
                self.ahead = parsedate_to_datetime(date).timestamp() - time.time()

    def sign_copy(self, source: str, target: str) -> Signed:
        """A copy that can be sent from now on, and for ``VALID_SECONDS`` (2 s more at most)."""
        return self._signed("copy_object", "PUT", target, CopySource=self._at(source))

    def sign_delete(self, key: str, *, valid: int = VALID_SECONDS) -> Signed:
        """A delete that can be sent from now on, and for as long."""
        return self._signed("delete_object", "DELETE", key, valid=valid)

    def _signed(
        self, operation: str, method: str, key: str, *, valid: int = VALID_SECONDS, **more: Any
    ) -> Signed:
        # The library signs with this machine's clock, the server reads it by its own. Its clock
        # is known to the second: one is added, so that the time is not cut short.
        valid += math.ceil(self.ahead) + 1
        if valid < 1:
            raise StateWriteError(
                f"the clock of {self.place.endpoint or 'the S3 server'} is {-self.ahead:.0f} s "
                "behind this machine's",
                mend="set both by a time server",
            )
        with self._explained(StateWriteError, key):
            url = self.client.generate_presigned_url(
                operation, Params={**self._at(key), **more}, ExpiresIn=valid, HttpMethod=method
            )
        headers = {}
        if "CopySource" in more:
            source = more["CopySource"]
            headers["x-amz-copy-source"] = quote(f"{source['Bucket']}/{source['Key']}", safe="/~")
        return Signed(key, method, url, headers)

    def send(self, signed: Signed) -> bool:
        """Send what was signed. Tells whether it came in time; conditions as :meth:`copy`."""
        from botocore.awsrequest import AWSRequest  # noqa: PLC0415 (as above)

        request = AWSRequest(signed.method, signed.url, signed.headers, b"")
        with self._explained(StateWriteError, signed.key):
            answer = self._http.send(request.prepare())
            if answer.status_code < 300 and b"<Error>" not in answer.content:  # noqa: PLR2004
                return True
            told = told_in(answer.status_code, answer.text)
            if "expired" in told.message.lower():
                return False
            self._raise_condition(told, conditional=False)
            raise explained_answer(told, StateWriteError, self.place, signed.key)

    @property
    def _http(self) -> Any:
        from botocore.httpsession import URLLib3Session  # noqa: PLC0415 (as above)
        from botocore.utils import get_environ_proxies  # noqa: PLC0415 (as above)

        trusted = self._session._session.get_config_variable("ca_bundle")  # noqa: SLF001
        return URLLib3Session(
            verify=trusted or True,
            proxies=get_environ_proxies(self.client.meta.endpoint_url),
            timeout=(CONNECT_SECONDS, READ_SECONDS),
        )


@dataclass(frozen=True, slots=True)
class Signed:
    """A request that the server takes for some seconds. Its URL is as good as a credential."""

    key: str
    method: str
    url: str
    headers: dict[str, str]

    def __repr__(self) -> str:
        return f"Signed({self.method} {self.key})"


def _ask_for_newest(params: dict[str, Any], **_: object) -> None:
    """Have Swift ask all replicas of an object, which may not all be replaced yet."""
    params["headers"]["X-Newest"] = "true"


def _is_conditional(asked: dict[str, Any]) -> bool:
    return any("Match" in name for name in asked)


def bucket_of(place: S3Place) -> Bucket:
    """The bucket of a place, shared by all who open it with the same credentials."""
    settings = tuple(sorted((k, v) for k, v in os.environ.items() if k.startswith("AWS_")))
    return _shared(place, settings)


@lru_cache(maxsize=16)
def _shared(place: S3Place, _: tuple[tuple[str, str], ...]) -> Bucket:
    return Bucket(place)
