"""Functions of the key manager module."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hoaban.openstack.cloud import KEY_MANAGER as SERVICE
from hoaban.openstack.keymanager import CONTAINER, SECRET
from hoaban.openstack.lookups import Function, Lookup
from hoaban.openstack.schema import boolean, integer, mapping, objects, string_set, text

if TYPE_CHECKING:
    from hoaban.engine.values import PropertyMap
    from hoaban.openstack.call import Call

Json = dict[str, Any]

_ACLS = objects(
    "acls",
    objects(
        "read",
        boolean("projectAccess"),
        string_set("users"),
        text("createdAt"),
        text("updatedAt"),
    ),
    api=None,
)
_COMMON = (
    text("createdAt", api="created"),
    text("updatedAt", api="updated"),
    text("creatorId"),
    text("status"),
)


def _acls(told: PropertyMap) -> list[PropertyMap]:
    read = {"createdAt": "", "updatedAt": "", **told["read"]}
    return [{"read": read}]


@dataclass(kw_only=True, eq=False)
class _GetContainer(Lookup):
    def tell(self, call: Call, item: Json, args: PropertyMap) -> PropertyMap:
        told = CONTAINER.state(call, item, {}).outputs
        outputs = super().tell(call, item, args)
        return {**outputs, "acls": _acls(told["acl"]), "consumers": told["consumers"]}


GET_CONTAINER = _GetContainer(
    token="openstack:keymanager/getContainer:getContainer",
    of=CONTAINER,
    filters=("name",),
    told=(
        _ACLS,
        objects("consumers", text("name"), text("url"), api=None),
        "containerRef",
        "name",
        objects("secretRefs", text("name"), text("secretRef")),
        "type",
        *_COMMON,
    ),
)

_FILTERS = (
    text("createdAtFilter", api="created"),
    text("updatedAtFilter", api="updated"),
    text("expirationFilter", api="expiration"),
    boolean("aclOnly", api="acl_only"),
)


@dataclass(kw_only=True, eq=False)
class _GetSecret(Lookup):
    def tell(self, call: Call, item: Json, args: PropertyMap) -> PropertyMap:
        outputs = super().tell(call, item, args)
        path = f"/secrets/{SECRET.id_of(item)}"
        held = (call.find(SERVICE, f"{path}/metadata") or {}).get("metadata") or {}
        kind = (item.get("content_types") or {}).get("default", "")
        payload = ""
        if kind:
            how = {"headers": {"Accept": kind}}
            payload = call.request(SERVICE, "GET", f"{path}/payload", **how).text
        return {
            **outputs,
            "acls": _acls(SECRET.tell_acl(call, SECRET.id_of(item))),
            "metadata": {name: str(value) for name, value in held.items()},
            "payload": payload,
            "payloadContentType": kind,
            "payloadContentEncoding": "",
        }


GET_SECRET = _GetSecret(
    token="openstack:keymanager/getSecret:getSecret",
    of=SECRET,
    filters=(
        "name",
        text("algorithm", api="alg"),
        "mode",
        integer("bitLength", api="bits"),
        "secretType",
        *_FILTERS,
    ),
    told=(
        _ACLS,
        *(boolean(one.name, api=None) if one.name == "aclOnly" else text(one.name, api=None)
          for one in _FILTERS),
        "algorithm",
        "bitLength",
        "contentTypes",
        text("expiration"),
        mapping("metadata", api=None),
        "mode",
        "name",
        text("payload", api=None, secret=True),
        text("payloadContentEncoding", api=None),
        text("payloadContentType", api=None),
        "secretRef",
        "secretType",
        *_COMMON,
    ),
)  # fmt: skip

FUNCTIONS: tuple[Function, ...] = (GET_CONTAINER, GET_SECRET)
