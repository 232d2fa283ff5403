"""Swift: objects."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hoaban.engine.provider import CheckFailure, ResourceState
from hoaban.openstack import errors, keys
from hoaban.openstack.cloud import OBJECTS as SERVICE
from hoaban.openstack.errors import CloudError
from hoaban.openstack.patience import unless_gone
from hoaban.openstack.resource import Resource
from hoaban.openstack.schema import REGION, boolean, integer, mapping, text
from hoaban.openstack.swift_headers import MARK, head, metadata, path_of, told_metadata

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from hoaban.engine.values import PropertyMap
    from hoaban.openstack.call import Call

_META = "X-Object-Meta-"
_CONTENT = ("content", "source", "copyFrom", "objectManifest", "etag", "detectContentType")
"""What an object is made of: when one of these changes, it is sent anew."""
_TYPES = {
    "contentDisposition": "Content-Disposition",
    "contentEncoding": "Content-Encoding",
    "contentType": "Content-Type",
}
_TEXT = "%Y-%m-%dT%H:%M:%SZ"


def _moment(value: Any) -> Any:
    try:
        moment = datetime.fromisoformat(str(value))
    except ValueError:
        return value
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


@dataclass(kw_only=True, eq=False)
class _Object(Resource):
    """An object; its id is ``container/name``."""

    def validate(self, inputs: PropertyMap) -> Sequence[CheckFailure]:
        failures = []
        if all(inputs.get(name) is None for name in _CONTENT[:4]):
            told = ", ".join(_CONTENT[:4])
            failures.append(CheckFailure("content", f"one of {told} is required"))
        moment = inputs.get("deleteAt")
        if isinstance(moment, str) and not isinstance(_moment(moment), datetime):
            failures.append(CheckFailure("deleteAt", f"{moment} is no time of RFC 3339"))
        return failures

    def create(self, call: Call, inputs: PropertyMap) -> ResourceState:
        id_ = f"{inputs['containerName']}/{inputs['name']}"
        self._send(call, id_, inputs, keys.mark(call.key))
        return self._state(call, id_, self._need(call, id_), inputs)

    def read(self, call: Call, id_: str, state: ResourceState | None) -> ResourceState | None:
        headers = head(call, path_of(id_))
        if headers is None:
            return None
        fresh = self._state(call, id_, headers, state.outputs if state else {})
        return self.seen(id_, fresh.outputs, state)

    def find(self, call: Call, inputs: PropertyMap) -> ResourceState | None:
        id_ = f"{inputs['containerName']}/{inputs['name']}"
        headers = head(call, path_of(id_))
        if headers is None or headers.get(_META + MARK) != keys.mark(call.key):
            return None
        return self._state(call, id_, headers, inputs)

    def update(
        self, call: Call, id_: str, state: ResourceState, news: PropertyMap, changed: set[str]
    ) -> ResourceState:
        """Send the object anew when its content changed, else only its headers."""
        mark = self._need(call, id_).get(_META + MARK, "")
        if not changed or changed.intersection(_CONTENT):
            self._send(call, id_, news, mark)
        else:
            call.request(SERVICE, "POST", path_of(id_), headers=_headers(news, mark))
        return self._state(call, id_, self._need(call, id_), news)

    def delete(self, call: Call, id_: str, state: ResourceState) -> None:
        with unless_gone():
            call.request(SERVICE, "DELETE", path_of(id_))

    def _send(self, call: Call, id_: str, inputs: PropertyMap, mark: str) -> None:
        headers = _headers(inputs, mark)
        if inputs.get("copyFrom"):
            headers["X-Copy-From"] = inputs["copyFrom"]
        if inputs.get("objectManifest"):
            headers["X-Object-Manifest"] = inputs["objectManifest"]
        if inputs.get("detectContentType"):
            headers["X-Detect-Content-Type"] = "true"
        if inputs.get("etag"):
            headers["ETag"] = inputs["etag"]
        content = _content(inputs)
        call.request(SERVICE, "PUT", path_of(id_), headers=headers, data=content)

    def _need(self, call: Call, id_: str) -> Mapping[str, str]:
        headers = head(call, path_of(id_))
        if headers is None:
            raise CloudError(f"object {id_} is gone", status=errors.NOT_FOUND)
        return headers

    def _state(
        self, call: Call, id_: str, headers: Mapping[str, str], prior: PropertyMap
    ) -> ResourceState:
        container, _, name = id_.partition("/")
        kept = ("content", "source", "copyFrom", "deleteAfter", "detectContentType")
        outputs: PropertyMap = {key: prior[key] for key in kept if key in prior}
        outputs |= {key: headers.get(header, "") for key, header in _TYPES.items()}
        outputs |= {
            "containerName": container,
            "name": name,
            "contentLength": int(headers.get("Content-Length") or 0),
            "date": _as_text(headers.get("Date")),
            "deleteAt": _from_epoch(headers.get("X-Delete-At")),
            "etag": headers.get("ETag", "").strip('"'),
            "lastModified": _as_text(headers.get("Last-Modified")),
            "objectManifest": headers.get("X-Object-Manifest", ""),
            "transId": headers.get("X-Trans-Id", ""),
            "region": call.region_name,
        }
        outputs |= told_metadata(_META, headers, prior.get("metadata") or {})
        return ResourceState(id_, outputs)


def _headers(inputs: PropertyMap, mark: str) -> dict[str, str]:
    """All that is said of an object: a POST puts it in the place of what was said before."""
    headers = {header: inputs[name] for name, header in _TYPES.items() if inputs.get(name)}
    headers |= metadata(_META, inputs.get("metadata", {}), {})
    headers[_META + MARK] = mark
    if inputs.get("deleteAfter"):
        headers["X-Delete-After"] = str(inputs["deleteAfter"])
    if inputs.get("deleteAt"):
        headers["X-Delete-At"] = str(int(_moment(inputs["deleteAt"]).timestamp()))
    return headers


def _content(inputs: PropertyMap) -> bytes:
    if inputs.get("source") is None:
        return str(inputs.get("content") or "").encode()
    path = Path(str(inputs["source"])).expanduser()
    try:
        return path.read_bytes()
    except OSError as error:
        raise CloudError(
            f"cannot read {path}: {error.strerror}", mend="give the path of a file that is there"
        ) from None


def _as_text(date: str | None) -> str:
    """A date of HTTP as RFC 3339."""
    return parsedate_to_datetime(date).astimezone(UTC).strftime(_TEXT) if date else ""


def _from_epoch(seconds: str | None) -> str:
    return datetime.fromtimestamp(int(seconds), UTC).strftime(_TEXT) if seconds else ""


CONTAINER_OBJECT = _Object(
    token="openstack:objectstorage/containerObject:ContainerObject",
    label="object",
    alone=True,
    fields=(
        text("containerName", required=True, replaces=True),
        text("content", conflicts=("source", "copyFrom", "objectManifest")),
        *(text(name, computed=True, conflicts=("copyFrom",)) for name in _TYPES),
        text("copyFrom", conflicts=("source", "objectManifest")),
        integer("deleteAfter"),
        text("deleteAt", computed=True, same=_moment, follows=("deleteAfter",)),
        boolean("detectContentType"),
        text("etag", computed=True, follows=_CONTENT[:4]),
        mapping("metadata"),
        text("name", computed=True, replaces=True),
        text("objectManifest", computed=True),
        text("source", conflicts=("objectManifest",)),
        integer("contentLength", output=True, computed=True, follows=_CONTENT[:4]),
        text("date", output=True, computed=True, follows=_CONTENT),
        text("lastModified", output=True, computed=True, follows=_CONTENT),
        text("transId", output=True, computed=True, follows=_CONTENT),
        REGION,
    ),
)

RESOURCES: tuple[Resource, ...] = (CONTAINER_OBJECT,)
