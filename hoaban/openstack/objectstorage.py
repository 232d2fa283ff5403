"""Swift: containers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote

from hoaban.engine.provider import ResourceState
from hoaban.openstack import errors, keys
from hoaban.openstack.cloud import OBJECTS as SERVICE
from hoaban.openstack.errors import CloudError
from hoaban.openstack.patience import unless_gone
from hoaban.openstack.resource import META, Resource
from hoaban.openstack.schema import REGION, block, boolean, mapping, text
from hoaban.openstack.swift_headers import (
    MARK,
    all_metadata,
    head,
    metadata,
    path_of,
    told_metadata,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hoaban.engine.values import PropertyMap
    from hoaban.openstack.call import Call

_META_PREFIX = "X-Container-Meta-"
_LOCATIONS = {"versions": "X-Versions-Location", "history": "X-History-Location"}
_HEADERS = {
    "containerRead": "X-Container-Read",
    "containerWrite": "X-Container-Write",
    "containerSyncTo": "X-Container-Sync-To",
    "containerSyncKey": "X-Container-Sync-Key",
    "contentType": "Content-Type",
}


@dataclass(kw_only=True, eq=False)
class _Container(Resource):
    """A container; its id is its name, and its state lies in headers."""

    def create(self, call: Call, inputs: PropertyMap) -> ResourceState:
        name = inputs["name"]
        headers = {header: inputs[prop] for prop, header in _HEADERS.items() if inputs.get(prop)}
        headers |= metadata(_META_PREFIX, inputs.get("metadata", {}), {})
        headers[_META_PREFIX + MARK] = keys.mark(call.key)
        if inputs.get("storagePolicy"):
            headers["X-Storage-Policy"] = inputs["storagePolicy"]
        if inputs.get("storageClass"):
            headers["X-Object-Storage-Class"] = inputs["storageClass"]
        if inputs.get("versioning"):
            headers["X-Versions-Enabled"] = "true"
        if legacy := inputs.get("versioningLegacy"):
            headers[_LOCATIONS[legacy["type"]]] = legacy["location"]
        call.request(SERVICE, "PUT", path_of(name), headers=headers)
        return self._state(call, name, self._need(call, name), inputs)

    def read(self, call: Call, id_: str, state: ResourceState | None) -> ResourceState | None:
        headers = head(call, path_of(id_))
        if headers is None:
            return None
        prior = state.outputs if state else {"metadata": all_metadata(_META_PREFIX, headers)}
        fresh = self._state(call, id_, headers, prior)
        return self.seen(id_, fresh.outputs, state)

    def find(self, call: Call, inputs: PropertyMap) -> ResourceState | None:
        headers = head(call, path_of(inputs["name"]))
        if headers is None or headers.get(_META_PREFIX + MARK) != keys.mark(call.key):
            return None
        return self._state(call, inputs["name"], headers, inputs)

    def update(
        self, call: Call, id_: str, state: ResourceState, news: PropertyMap, changed: set[str]
    ) -> ResourceState:
        headers = {
            header: news.get(prop, "") for prop, header in _HEADERS.items() if prop in changed
        }
        if "metadata" in changed:
            headers |= metadata(
                _META_PREFIX, news.get("metadata", {}), state.outputs.get("metadata", {})
            )
        if "versioning" in changed:
            headers["X-Versions-Enabled"] = str(bool(news.get("versioning"))).lower()
        if "versioningLegacy" in changed:
            legacy = news.get("versioningLegacy")
            for kind, header in _LOCATIONS.items():
                if legacy and legacy["type"] == kind:
                    headers[header] = legacy["location"]
                else:
                    headers[header.replace("X-", "X-Remove-")] = "true"
        if headers:
            call.request(SERVICE, "POST", path_of(id_), headers=headers)
        return self._state(call, id_, self._need(call, id_), news)

    def delete(self, call: Call, id_: str, state: ResourceState) -> None:
        try:
            call.request(SERVICE, "DELETE", path_of(id_))
        except CloudError as error:
            if error.status == errors.NOT_FOUND:
                return
            if error.status != errors.CONFLICT:
                raise
            if not state.outputs.get("forceDestroy"):
                raise CloudError(
                    f"container {id_} is not empty",
                    status=error.status,
                    where=error.where,
                    mend="take its objects out first, or set forceDestroy",
                ) from None
            self._empty(call, id_)
            call.request(SERVICE, "DELETE", path_of(id_))

    def _empty(self, call: Call, id_: str) -> None:
        """Delete all objects, old versions included."""
        while True:
            params = {"format": "json", "limit": "1000", "versions": "true"}
            listed = call.json(SERVICE, "GET", path_of(id_), params=params).get("items", [])
            if not listed:
                return
            for item in listed:
                version = item.get("version_id")
                how = {"params": {"version-id": version}} if version else {}
                with unless_gone():
                    call.request(SERVICE, "DELETE", f"{path_of(id_)}/{quote(item['name'])}", **how)

    def _need(self, call: Call, name: str) -> Mapping[str, str]:
        headers = head(call, path_of(name))
        if headers is None:
            raise CloudError(f"container {name} is gone", status=errors.NOT_FOUND)
        return headers

    def _state(
        self, call: Call, name: str, headers: Mapping[str, str], prior: PropertyMap
    ) -> ResourceState:
        outputs: PropertyMap = {
            "name": name,
            "storagePolicy": headers.get("X-Storage-Policy", ""),
            "storageClass": headers.get("X-Storage-Class", ""),
            "versioning": headers.get("X-Versions-Enabled", "").lower() == "true",
            "region": call.region_name,
            META: self.meta,
        }
        for prop in ("containerRead", "containerWrite"):
            if headers.get(_HEADERS[prop]):
                outputs[prop] = headers[_HEADERS[prop]]
        for prop in ("containerSyncTo", "containerSyncKey", "contentType", "forceDestroy"):
            if prop in prior:
                outputs[prop] = prior[prop]
        for kind, header in _LOCATIONS.items():
            if headers.get(header):
                outputs["versioningLegacy"] = {"type": kind, "location": headers[header]}
        outputs |= told_metadata(_META_PREFIX, headers, prior.get("metadata") or {})
        return ResourceState(name, outputs)


CONTAINER = _Container(
    token="openstack:objectstorage/container:Container",
    label="container",
    alone=True,
    meta='{"schema_version":"1"}',
    fields=(
        text("name", computed=True, replaces=True),
        text("containerRead"),
        text("containerWrite"),
        text("containerSyncTo"),
        text("containerSyncKey", hidden=True),
        text("contentType"),
        mapping("metadata"),
        boolean("versioning", conflicts=("versioningLegacy",)),
        block(
            "versioningLegacy",
            text("type", required=True, choices=("versions", "history")),
            text("location", required=True),
        ),
        boolean("forceDestroy"),
        text("storagePolicy", computed=True, replaces=True),
        text("storageClass", computed=True, replaces=True),
        REGION,
    ),
)

RESOURCES: tuple[Resource, ...] = (CONTAINER,)
