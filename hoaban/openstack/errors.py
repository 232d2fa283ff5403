"""The cloud's errors, said in one way: what, where (request), how to mend it."""

from __future__ import annotations

import html
import json
import re
from typing import TYPE_CHECKING, Any

from keystoneauth1 import exceptions as ksa
from requests import exceptions as rex

from hoaban.engine.provider import ProviderError
from hoaban.errors import Location

if TYPE_CHECKING:
    from collections.abc import Iterable

    import requests

BAD_REQUEST = 400
UNAUTHORIZED = 401
FORBIDDEN = 403
NOT_FOUND = 404
CONFLICT = 409
TOO_LARGE = 413
TOO_MANY = 429
SERVER_ERROR = 500
TRANSIENT = frozenset({502, 503, 504})

REACH = (
    "see whether the cloud is up (for the lab: hoaban lab status) and whether auth_url in "
    "clouds.yaml is right"
)
LOG_IN = (
    "see username, password and project in the cloud's entry of clouds.yaml; the account needs a "
    "role on the project"
)
_IN_WORDS = re.compile(r"\((HTTP \d+|Request-ID: [^)]*)\)")  # what keystoneauth adds to a message
_HIDDEN = "[secret]"
_MIN_SECRET = 4
_QUOTA = re.compile(r"quota|overlimit|over limit", re.IGNORECASE)
_ERRNO = re.compile(r"\[Errno -?\d+\] ([^'\")]+)")
_NEVER_SENT = ("NewConnectionError", "NameResolutionError", "Failed to establish a new connection")


class CloudError(ProviderError):
    """A request to the cloud failed.

    ``status`` is the HTTP status, None when there was no answer. ``unsure``: the request may have
    had its effect all the same, because the connection broke after it was sent.
    """

    def __init__(
        self,
        what: str,
        *,
        status: int | None = None,
        unsure: bool = False,
        where: Location | None = None,
        mend: str | None = None,
        detail: str | None = None,
    ) -> None:
        super().__init__(what, where=where, mend=mend, detail=detail)
        self.status = status
        self.unsure = unsure

    @property
    def quota(self) -> bool:
        """Whether a quota was in the way."""
        refused = self.status in (FORBIDDEN, CONFLICT, TOO_LARGE)
        return refused and bool(_QUOTA.search(self.what))

    @property
    def everywhere(self) -> bool:
        """Whether any other call would meet the same: nobody answers, or the log-in is refused."""
        return self.mend in (REACH, LOG_IN)

    @property
    def refused(self) -> bool:
        """Whether the cloud answered that it will not do this, so that nothing was done."""
        return self.status is not None and self.status < SERVER_ERROR


def from_response(response: requests.Response, service: str) -> CloudError:
    """The error that an answer of status 400 or above stands for."""
    request_id = request_id_of(response)
    words = cloud_words(response)
    status = response.status_code
    return CloudError(
        words,
        status=status,
        unsure=status in TRANSIENT,
        where=Location(request_id=request_id) if request_id else None,
        mend=_mend(status, words, service, request_id),
    )


def request_id_of(response: requests.Response) -> str | None:
    """The id under which the cloud's own logs hold a request."""
    headers = response.headers
    return headers.get("x-openstack-request-id") or headers.get("x-compute-request-id")


def cloud_words(response: requests.Response) -> str:
    """What the service said, without its wrapping."""
    try:
        body = response.json()
    except ValueError:
        body = response.text
    words = _find_words(body)
    if words:
        return words
    return f"HTTP {response.status_code} {response.reason or ''}".strip()


def from_exception(error: Exception, service: str) -> CloudError:
    """The error that a failed connection, log-in or look-up of a service stands for."""
    match error:
        case ksa.DiscoveryFailure() if "Unable to establish connection" in str(error):
            return _unreachable(error, service)
        case ksa.SSLError():
            return CloudError(
                f"the {service} service's certificate is not trusted: {_reason(error)}",
                mend="give the authority's certificate (cacert in clouds.yaml, cacertFile)",
            )
        case ksa.ConnectTimeout() | ksa.ConnectFailure() | ksa.UnknownConnectionError():
            return _unreachable(error, service)
        case ksa.EndpointNotFound() | ksa.EmptyCatalog():
            return CloudError(
                f"the cloud has no {service} service for this region",
                mend="see the catalogue (openstack catalog list) and the region in clouds.yaml",
            )
        case ksa.HttpError():
            return _from_login(error)
        case _:
            return CloudError(
                f"cannot log in to the cloud: {error}",
                mend="see the cloud's entry in clouds.yaml: auth_url, username, password, "
                "project_name and the domains",
            )


def _unreachable(error: Exception, service: str) -> CloudError:
    return CloudError(
        f"cannot reach the {service} service{_at(error)}: {_reason(error)}",
        unsure=not _never_sent(error),
        mend=REACH,
    )


def copy_for_one(error: BaseException) -> BaseException:
    """One caller's copy of an error that several are told.

    Each adds to it what it was about, so none may have another's. Defects are nobody's to change:
    they stay as they are.
    """
    if not isinstance(error, ProviderError):
        return error
    made = type(error).__new__(type(error), *error.args)  # __init__ wants more than args hold
    vars(made).update(vars(error))
    return made


def redact(text: str | None, hidden: Iterable[str]) -> str | None:
    """``text`` without any of the ``hidden`` values."""
    if text is None:
        return None
    for value in sorted(hidden, key=len, reverse=True):
        if len(value) >= _MIN_SECRET:
            text = text.replace(value, _HIDDEN)
    return text


def _from_login(error: ksa.HttpError) -> CloudError:
    status = error.http_status
    request_id = getattr(error, "request_id", None)
    where = Location(request_id=request_id) if request_id else None
    words = _IN_WORDS.sub("", str(error.message)).strip()
    if status == UNAUTHORIZED:
        return CloudError(
            f"the cloud refused the credentials: {words}", status=status, where=where, mend=LOG_IN
        )
    return CloudError(f"cannot log in to the cloud: {words}", status=status, where=where)


def _mend(status: int, words: str, service: str, request_id: str | None) -> str | None:
    if status in (FORBIDDEN, CONFLICT, TOO_LARGE) and _QUOTA.search(words):
        return "raise the quota of the project, or delete what is no longer needed"
    if status == UNAUTHORIZED:
        return "log in again: the token was refused; see the cloud's entry in clouds.yaml"
    if status == FORBIDDEN:
        return "the account lacks a role for this; use one that has it (often: admin)"
    if status >= SERVER_ERROR:
        found = f" for {request_id}" if request_id else ""
        return f"look into the log of the cloud's {service} service{found}, then run this again"
    return None


def _find_words(body: Any) -> str:
    """The message of an error body: every service wraps it in its own way."""
    if isinstance(body, dict):
        for key in ("message", "faultstring", "error_message", "title"):
            if isinstance(body.get(key), str) and body[key].strip():
                return _plain(body[key])
        for value in body.values():
            if isinstance(value, (dict, list)) and (words := _find_words(value)):
                return words
            if isinstance(value, str) and value.strip():
                return _plain(value)
        return ""
    if isinstance(body, list):
        return "; ".join(filter(None, map(_find_words, body)))
    return _plain(body) if isinstance(body, str) else ""


def _plain(text: str) -> str:
    """One line without HTML; JSON inside a string is opened."""
    text = text.strip()
    if text.startswith("{"):
        try:
            return _find_words(json.loads(text)) or text
        except ValueError:
            pass
    text = re.sub(
        r"<head>.*?</head>|<title>.*?</title>", " ", text, flags=re.DOTALL | re.IGNORECASE
    )
    text = html.unescape(re.sub(r"<[^>]+>", " ", text))
    return re.sub(r"\s+", " ", text).strip()


def _reason(error: Exception) -> str:
    text = str(error)
    if found := _ERRNO.search(text):
        return found.group(1).strip().lower()
    if "timed out" in text:
        return "no answer in time"
    if "NameResolutionError" in text:
        return "its name cannot be resolved"
    if "reset" in text.lower() or "RemoteDisconnected" in text:
        return "the connection broke"
    return text.rpartition(": ")[2].strip("'\")") or text


def _at(error: Exception) -> str:
    found = re.search(r"https?://[^\s:/]+(:\d+)?", str(error))
    return f" at {found.group(0)}" if found else ""


def _never_sent(error: Exception) -> bool:
    cause = error.__context__
    if isinstance(cause, rex.ConnectTimeout):
        return True
    return any(sign in str(error) for sign in _NEVER_SENT)
