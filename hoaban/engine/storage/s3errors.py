"""What an S3 server answers, or that it doesn't, as one clear error."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from hoaban.errors import HoabanError, Location

if TYPE_CHECKING:
    from hoaban.engine.storage.s3place import S3Place

_KEYS: Final = "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or the profile in ~/.aws/credentials"
_MENDS: Final = {
    "InvalidAccessKeyId": f"check {_KEYS}",
    "SignatureDoesNotMatch": f"check {_KEYS}",
    "InvalidToken": f"check {_KEYS}, and AWS_SESSION_TOKEN",
    "ExpiredToken": "get a new session token",
    "AccessDenied": "let this key list, read, write and delete objects of the bucket",
    "Forbidden": f"check {_KEYS}, and that this key may use the bucket",
    "RequestTimeTooSkewed": "set this machine's clock by a time server",
}


@dataclass(frozen=True, slots=True)
class Told:
    """An answer that is no success; ``status`` 0 where there was none, or nobody was asked."""

    status: int
    code: str
    message: str = ""


def told_by(error: Exception) -> Told | None:
    """What the S3 library's exception says; None when it is of another kind."""
    from botocore import exceptions  # noqa: PLC0415 (loaded when a bucket is talked to)

    if isinstance(error, exceptions.ClientError):
        told = error.response.get("Error", {})
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        code = str(told.get("Code", status))
        return Told(status, "Forbidden" if code == "403" else code, str(told.get("Message", "")))
    nobody = (exceptions.NoCredentialsError, exceptions.PartialCredentialsError)
    if isinstance(error, (*nobody, exceptions.ProfileNotFound)):
        return Told(0, "credentials", str(error))
    if isinstance(error, exceptions.SSLError):
        return Told(0, "tls", str(error.kwargs.get("error", "")))
    if isinstance(error, (exceptions.HTTPClientError, exceptions.ConnectionError)):
        # Its text names the URL, which may be a signed one.
        return Told(0, "connection", type(error).__name__)
    if isinstance(error, exceptions.BotoCoreError):
        return Told(0, "library", str(error))
    return None


def told_in(status: int, text: str) -> Told:
    """What an answer in XML says."""
    code = re.search(r"<Code>([^<]*)</Code>", text)
    message = re.search(r"<Message>([^<]*)</Message>", text)
    return Told(status, code[1] if code else str(status), message[1] if message else "")


def explained_answer(told: Told, kind: type[HoabanError], place: S3Place, key: str) -> HoabanError:
    """The error of a read or write (``kind``) that a person sees."""
    server = place.endpoint or "Amazon S3"
    where = Location(file=place.where(key) if key else place.url)
    if told.code == "connection":
        return kind(
            f"no answer from the S3 server {server} ({told.message})",
            where=where,
            mend="see that it runs and can be reached from here, and that the endpoint in the URL "
            "of the state is right; then run the same command again, nothing is half-written",
        )
    if told.code == "tls":
        return kind(
            f"the S3 server {server} does not prove who it is: {told.message}",
            where=where,
            mend="name the certificates of its authority in AWS_CA_BUNDLE; a server without TLS "
            "needs disableSSL=true in the URL of the state",
        )
    if told.code == "credentials":
        return kind(
            f"no credentials for the S3 server {server}: {told.message}",
            where=where,
            mend=f"give {_KEYS}",
        )
    if told.code == "NoSuchBucket":
        return kind(
            f"there is no bucket {place.bucket} at {server}",
            where=where,
            mend=f"make it (aws s3 mb s3://{place.bucket}, or openstack container create "
            f"{place.bucket}), or put its name right",
        )
    verb = "read" if kind.__name__ == "StateReadError" else "write"
    said = f"{told.code}: {told.message}" if told.message else told.code
    mend = _MENDS.get(told.code, "see the log of the S3 server")
    return kind(f"cannot {verb} the state: {server} says {said}", where=where, mend=mend)
