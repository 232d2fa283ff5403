"""A bucket's place: the URL that ``pulumi login`` takes, and what it says.

``s3://BUCKET/PREFIX?region=…&endpoint=HOST:PORT&s3ForcePathStyle=true&disableSSL=true&profile=…``:
the parameters are those of Go Cloud's ``s3blob``, by which Pulumi opens buckets. Credentials are
never in it: they come from ``AWS_ACCESS_KEY_ID`` and ``AWS_SECRET_ACCESS_KEY``, or from the profile
in ``~/.aws``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Self
from urllib.parse import parse_qsl, urlsplit

from hoaban.errors import HoabanError

_TRUE: Final = ("1", "t", "T", "true", "TRUE", "True")
_FALSE: Final = ("0", "f", "F", "false", "FALSE", "False")
_PATH_STYLE: Final = ("s3ForcePathStyle", "use_path_style")
_PLAIN_HTTP: Final = ("disableSSL", "disable_https")
_TEXT: Final = ("region", "endpoint", "profile", "awssdk")
_KNOWN: Final = (*_TEXT, *_PATH_STYLE, *_PLAIN_HTTP)


@dataclass(frozen=True, slots=True)
class S3Place:
    """A bucket, and a prefix in it without slashes around.

    ``endpoint`` is a URL; where it is empty, that of ``AWS_ENDPOINT_URL_S3``, else Amazon's.
    """

    url: str
    bucket: str
    prefix: str = ""
    region: str = ""
    endpoint: str = ""
    profile: str = ""
    path_style: bool = False

    @classmethod
    def parse(cls, url: str) -> Self:
        """What a URL says. Raises :class:`HoabanError` on what Pulumi would refuse, too."""
        parts = urlsplit(url)
        if parts.username or parts.password or "@" in parts.netloc:
            raise HoabanError(
                "the URL of the state holds credentials, which end up in logs and process lists",
                mend="take them out; give them as AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
            )
        if not parts.netloc:
            raise HoabanError(f"{url} names no bucket", mend="give s3://BUCKET/PREFIX")
        asked = dict(parse_qsl(parts.query, keep_blank_values=True))
        unknown = sorted(set(asked) - set(_KNOWN))
        if unknown:
            raise HoabanError(
                f"the URL of the state has unknown parameters: {', '.join(unknown)}",
                mend=f"these are known: {', '.join(_KNOWN)}",
            )
        endpoint = asked.get("endpoint", "")
        true = {name for name in (*_PATH_STYLE, *_PLAIN_HTTP) if _truth(asked, name)}
        if endpoint and "://" not in endpoint:
            endpoint = f"{'https' if true.isdisjoint(_PLAIN_HTTP) else 'http'}://{endpoint}"
        return cls(
            url=url,
            bucket=parts.netloc,
            prefix=parts.path.strip("/"),
            region=asked.get("region", ""),
            endpoint=endpoint.rstrip("/"),
            profile=asked.get("profile", ""),
            path_style=not true.isdisjoint(_PATH_STYLE),
        )

    def key(self, key: str) -> str:
        """The key in the bucket of a blob below ``.pulumi``."""
        return f"{self.prefix}/.pulumi/{key}" if self.prefix else f".pulumi/{key}"

    def where(self, key: str) -> str:
        """How people and the AWS command find a blob."""
        return f"s3://{self.bucket}/{self.key(key)}"


def _truth(asked: dict[str, str], name: str) -> bool:
    """A truth value as Go's ``strconv.ParseBool`` reads it."""
    text = asked.get(name, "false")
    if text not in (*_TRUE, *_FALSE):
        raise HoabanError(
            f"the URL of the state has {name}={text}", mend=f"give {name}=true or {name}=false"
        )
    return text in _TRUE
