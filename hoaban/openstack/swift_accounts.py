"""Swift: what an account says of itself, and addresses of objects that need no log-in."""

from __future__ import annotations

import hashlib
import hmac
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

from hoaban.engine.provider import ResourceState
from hoaban.openstack import addresses
from hoaban.openstack.cloud import OBJECTS as SERVICE
from hoaban.openstack.errors import CloudError
from hoaban.openstack.patience import unless_gone
from hoaban.openstack.resource import Resource
from hoaban.openstack.schema import REGION, boolean, integer, mapping, text
from hoaban.openstack.swift_headers import head, metadata, path_of, told_metadata

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hoaban.engine.values import PropertyMap
    from hoaban.openstack.call import Call


_ACCOUNT = "X-Account-Meta-"
_QUOTA = "Quota-Bytes"
_COUNTS = {
    "bytesUsed": "X-Account-Bytes-Used",
    "containerCount": "X-Account-Container-Count",
    "objectCount": "X-Account-Object-Count",
    "quotaBytes": "X-Account-Meta-Quota-Bytes",
}


@dataclass(kw_only=True, eq=False)
class _Account(Resource):
    """What a project's account says of itself; its id is the project's.

    The account itself is neither made nor deleted.
    """

    def create(self, call: Call, inputs: PropertyMap) -> ResourceState:
        project = inputs.get("projectId") or call.cloud.project_id
        return self._set(call, project, inputs.get("metadata", {}), {}, inputs)

    def read(self, call: Call, id_: str, state: ResourceState | None) -> ResourceState | None:
        headers = head(call, _account(call, id_))
        if headers is None:
            return None
        fresh = self._state(call, id_, headers, state.outputs if state else {})
        return self.seen(id_, fresh.outputs, state)

    def find(self, call: Call, inputs: PropertyMap) -> ResourceState | None:
        """Nothing to adopt: saying it again does no harm."""
        return None

    def update(
        self, call: Call, id_: str, state: ResourceState, news: PropertyMap, changed: set[str]
    ) -> ResourceState:
        old = state.outputs.get("metadata", {})
        return self._set(call, id_, news.get("metadata", {}), old, news)

    def delete(self, call: Call, id_: str, state: ResourceState) -> None:
        """Take away what was said, but for a quota, which only a reseller may."""
        old = {k: v for k, v in state.outputs.get("metadata", {}).items() if k != _QUOTA}
        if old:
            with unless_gone():
                self._set(call, id_, {}, old, {})

    def _set(
        self, call: Call, id_: str, new: PropertyMap, old: PropertyMap, inputs: PropertyMap
    ) -> ResourceState:
        path = _account(call, id_)
        call.request(SERVICE, "POST", path, headers=metadata(_ACCOUNT, new, old))
        return self._state(call, id_, head(call, path) or {}, inputs)

    def _state(
        self, call: Call, id_: str, headers: Mapping[str, str], prior: PropertyMap
    ) -> ResourceState:
        counts = {name: int(headers.get(header) or 0) for name, header in _COUNTS.items()}
        outputs: PropertyMap = {"projectId": id_, "region": call.region_name, **counts}
        outputs["headers"] = {k: v for k, v in headers.items() if k.startswith("X-Account-")}
        outputs |= told_metadata(_ACCOUNT, headers, prior.get("metadata") or {})
        return ResourceState(id_, outputs)


def _account(call: Call, project: str) -> str:
    """The address of a project's account."""
    base, _, own = call.cloud.endpoint(SERVICE, call.region).rstrip("/").partition("/AUTH_")
    return "/" if own == project else f"{base}/AUTH_{project}"


ACCOUNT = _Account(
    token="openstack:objectstorage/accountV1:AccountV1",
    label="object storage account",
    alone=True,
    fields=(
        mapping("metadata"),
        text("projectId", computed=True, replaces=True),
        *(integer(name, output=True, computed=True) for name in _COUNTS),
        mapping("headers", output=True, computed=True, follows=("metadata",)),
        REGION,
    ),
)


# --- temporary addresses -----------------------------------------------------------------------

_DIGESTS = {"sha1": hashlib.sha1, "sha256": hashlib.sha256, "sha512": hashlib.sha512}
_KEY = "Meta-Temp-Url-Key"
_METHODS = ("get", "post", "GET", "POST")


@dataclass(kw_only=True, eq=False)
class _TempUrl(Resource):
    """An address by which an object can be reached for a time; no one keeps it but the state."""

    def create(self, call: Call, inputs: PropertyMap) -> ResourceState:
        split = inputs.get("split") or "/v1/"
        endpoint = call.cloud.endpoint(SERVICE, call.region).rstrip("/")
        whole = endpoint + path_of(f"{inputs['container']}/{inputs['object']}")
        base, found, rest = whole.partition(split)
        if not found:
            raise CloudError(
                f"the address of the object store, {endpoint}, has no {split!r} in it",
                mend="set split to the part of the address before the account",
            )
        path, until = split + rest, int(time.time()) + inputs["ttl"]
        method = str(inputs.get("method") or "get").upper()
        key = inputs.get("key") or _found_key(call, inputs["container"])
        digest = _DIGESTS[inputs.get("digest") or "sha1"]
        signature = hmac.new(key.encode(), f"{method}\n{until}\n{path}".encode(), digest)
        url = f"{base}{path}?temp_url_sig={signature.hexdigest()}&temp_url_expires={until}"
        names = {spec.name for spec in self.fields}
        outputs = {name: value for name, value in inputs.items() if name in names}
        id_ = hashlib.md5(url.encode(), usedforsecurity=False).hexdigest()
        return ResourceState(id_, {**outputs, "url": url, "region": call.region_name})

    def read(self, call: Call, id_: str, state: ResourceState | None) -> ResourceState | None:
        """Gone when it has expired and is to be made anew then."""
        if state is None:
            return None
        asked = parse_qs(urlsplit(state.outputs.get("url", "")).query)
        until = int(asked.get("temp_url_expires", ["0"])[0])
        expired = until < time.time() and state.outputs.get("regenerate")
        return None if expired else self.seen(id_, dict(state.outputs), state)

    def find(self, call: Call, inputs: PropertyMap) -> ResourceState | None:
        """Nothing to adopt: it is only worked out."""
        return None

    def delete(self, call: Call, id_: str, state: ResourceState) -> None:
        """It ends by itself."""


def _found_key(call: Call, container: str) -> str:
    """The key of the container, or of the account."""
    for path, prefix in ((path_of(container), "X-Container-"), ("/", "X-Account-")):
        headers = head(call, path) or {}
        if headers.get(prefix + _KEY):
            return headers[prefix + _KEY]
    raise CloudError(
        f"neither container {container} nor its account has a key for temporary addresses",
        mend="set Temp-Url-Key among the metadata of the account (AccountV1), or give the key",
    )


TEMP_URL = _TempUrl(
    token="openstack:objectstorage/tempUrl:TempUrl",
    label="temporary address",
    fields=(
        text("container", required=True, replaces=True),
        text("digest", default="sha1", replaces=True, choices=tuple(_DIGESTS)),
        text("key", replaces=True, secret=True),
        text("method", default="get", replaces=True, choices=_METHODS, same=addresses.lower),
        text("object", required=True, replaces=True),
        boolean("regenerate", replaces=True),
        text("split", replaces=True),
        integer("ttl", required=True, replaces=True),
        text("url", output=True, computed=True, secret=True),
        REGION,
    ),
)

RESOURCES: tuple[Resource, ...] = (ACCOUNT, TEMP_URL)
