"""Barbican: secrets, containers of secrets, and orders for new ones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hoaban.engine.provider import CheckFailure
from hoaban.openstack.cloud import KEY_MANAGER as SERVICE
from hoaban.openstack.convert import object_from_api
from hoaban.openstack.schema import (
    REGION,
    block,
    boolean,
    integer,
    mapping,
    object_set,
    objects,
    string_set,
    text,
)
from hoaban.openstack.settling import Settling

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hoaban.engine.provider import ResourceState
    from hoaban.engine.values import PropertyMap
    from hoaban.openstack.call import Call
    from hoaban.openstack.resource import Resource

Json = dict[str, Any]

NAME = text("name", computed=True, replaces=True)
_READ = (
    boolean("projectAccess", api="project-access", default=True),
    string_set("users"),
    text("createdAt", api="created", output=True),
    text("updatedAt", api="updated", output=True),
)
ACL = block("acl", block("read", *_READ, computed=True), api=None, computed=True)
"""Who may read, beside those whom the cloud's policy lets."""
TIMES = (
    text("createdAt", api="created", output=True, computed=True),
    text("updatedAt", api="updated", output=True, computed=True),
    text("creatorId", output=True, computed=True),
    text("status", output=True, computed=True),
)


@dataclass(kw_only=True, eq=False)
class Barbican(Settling):
    """A type of Barbican, whose objects are known by an address that ends with the id.

    ``ref`` is the attribute that holds the address.
    """

    service: str = SERVICE
    wrapped: bool = False
    ref: str

    def id_of(self, found: Json) -> str:
        """The last part of the address."""
        return str(found[self.ref]).rstrip("/").rpartition("/")[2]

    def settle(self, call: Call, made: Json, inputs: PropertyMap) -> Json:
        """Barbican answers with the address alone: wait, then set who may read."""
        id_ = self.id_of(made)
        found = self.await_ready(call, self.need(call, id_))
        if inputs.get("acl"):
            self._set_acl(call, id_, inputs)
        return found

    def after_update(
        self, call: Call, id_: str, state: ResourceState, news: PropertyMap, changed: set[str]
    ) -> Json | None:
        """Who may read; finished, too, when a create was cut short before it."""
        if "acl" in changed or (not changed and news.get("acl")):
            self._set_acl(call, id_, news)
        return self.need(call, id_)

    def change_body(
        self, call: Call, state: ResourceState, news: PropertyMap, changed: set[str]
    ) -> Json:
        """Nothing of the object itself changes in place."""
        return {}

    def _set_acl(self, call: Call, id_: str, inputs: PropertyMap) -> None:
        read = (inputs.get("acl") or {}).get("read") or {}
        body = {
            "project-access": read.get("projectAccess", True),
            "users": sorted(read.get("users", [])),
        }
        call.json(SERVICE, "PUT", f"{self.path}/{id_}/acl", {"read": body})

    def tell_acl(self, call: Call, id_: str) -> PropertyMap:
        """The property ``acl``."""
        found = call.find(SERVICE, f"{self.path}/{id_}/acl") or {}
        read = {"users": [], "project-access": True, **(found.get("read") or {})}
        return {"read": object_from_api(_READ, read)}

    def is_gone(self, found: Json | None) -> bool:
        """Whether there is no such object any more."""
        return found is None


@dataclass(kw_only=True, eq=False)
class _Secret(Barbican):
    def validate(self, inputs: PropertyMap) -> Sequence[CheckFailure]:
        if inputs.get("payload") is None or inputs.get("payloadContentType") is not None:
            return ()
        return [CheckFailure("payloadContentType", "a payload needs it (text/plain, for one)")]

    def new_body(self, call: Call, inputs: PropertyMap) -> Json:
        body = super().new_body(call, inputs)
        body.pop("metadata", None)
        return body

    def settle(self, call: Call, made: Json, inputs: PropertyMap) -> Json:
        found = super().settle(call, made, inputs)
        if inputs.get("metadata"):
            self._set_metadata(call, self.id_of(found), inputs)
        return found

    def after_update(
        self, call: Call, id_: str, state: ResourceState, news: PropertyMap, changed: set[str]
    ) -> Json | None:
        if "metadata" in changed or (not changed and news.get("metadata")):
            self._set_metadata(call, id_, news)
        return super().after_update(call, id_, state, news, changed)

    def _set_metadata(self, call: Call, id_: str, inputs: PropertyMap) -> None:
        body = {"metadata": dict(inputs.get("metadata", {}))}
        call.json(SERVICE, "PUT", f"{self.path}/{id_}/metadata", body)

    def flatten(self, call: Call, found: Json, outputs: PropertyMap, prior: PropertyMap) -> None:
        id_ = self.id_of(found)
        outputs["acl"] = self.tell_acl(call, id_)
        held = (call.find(SERVICE, f"{self.path}/{id_}/metadata") or {}).get("metadata") or {}
        outputs["allMetadata"] = {name: str(value) for name, value in held.items()}
        if held or prior.get("metadata"):
            outputs["metadata"] = dict(outputs["allMetadata"])
        if not prior and found.get("content_types"):  # an import: it is told only now
            kind = found["content_types"].get("default", "text/plain")
            path, how = f"{self.path}/{id_}/payload", {"headers": {"Accept": kind}}
            outputs["payload"] = call.request(SERVICE, "GET", path, **how).text
            outputs["payloadContentType"] = kind


SECRET = _Secret(
    token="openstack:keymanager/secretV1:SecretV1",
    label="secret",
    path="/secrets",
    noun="secret",
    ref="secret_ref",
    fields=(
        NAME,
        ACL,
        text("algorithm", computed=True, replaces=True),
        integer("bitLength", computed=True, replaces=True),
        text("expiration", replaces=True, stored=True),
        mapping("metadata", api=None),
        mapping("allMetadata", api=None, output=True, computed=True, follows=("metadata",)),
        text("mode", computed=True, replaces=True),
        text("payload", stored=True, replaces=True, secret=True),
        text("payloadContentEncoding", stored=True, replaces=True),
        text("payloadContentType", stored=True, replaces=True),
        text("secretType", computed=True, replaces=True),
        mapping("contentTypes", output=True, computed=True),
        text("secretRef", output=True, computed=True),
        *TIMES,
        REGION,
    ),
)

_SECRET_REF = (text("name"), text("secretRef", required=True))


@dataclass(kw_only=True, eq=False)
class _Container(Barbican):
    def validate(self, inputs: PropertyMap) -> Sequence[CheckFailure]:
        return ()

    def after_update(
        self, call: Call, id_: str, state: ResourceState, news: PropertyMap, changed: set[str]
    ) -> Json | None:
        if "secretRefs" in changed:
            path = f"{self.path}/{id_}/secrets"
            old, new = (props.get("secretRefs", []) for props in (state.outputs, news))
            for verb, items in (
                ("DELETE", [one for one in old if one not in new]),
                ("POST", [one for one in new if one not in old]),
            ):
                for one in items:
                    body = {"name": one.get("name", ""), "secret_ref": one["secretRef"]}
                    call.request(SERVICE, verb, path, body)
        return super().after_update(call, id_, state, news, changed)

    def flatten(self, call: Call, found: Json, outputs: PropertyMap, prior: PropertyMap) -> None:
        outputs["acl"] = self.tell_acl(call, self.id_of(found))
        outputs["consumers"] = [
            {"name": one.get("name") or "", "url": one.get("URL") or one.get("url") or ""}
            for one in found.get("consumers") or []
        ]


CONTAINER = _Container(
    token="openstack:keymanager/containerV1:ContainerV1",
    label="container of secrets",
    path="/containers",
    noun="container",
    ref="container_ref",
    fields=(
        NAME,
        ACL,
        object_set("secretRefs", *_SECRET_REF),
        text("type", required=True, replaces=True, choices=("generic", "rsa", "certificate")),
        objects("consumers", text("name"), text("url"), api=None, output=True, computed=True),
        text("containerRef", output=True, computed=True),
        *TIMES,
        REGION,
    ),
)

ORDER = Barbican(
    token="openstack:keymanager/orderV1:OrderV1",
    label="order of a secret",
    path="/orders",
    noun="order",
    ref="order_ref",
    fields=(
        block(
            "meta",
            text("algorithm", required=True, replaces=True),
            integer("bitLength", required=True, replaces=True),
            text("expiration", replaces=True),
            text("mode", replaces=True),
            text("name", replaces=True),
            text("payloadContentType", replaces=True),
            required=True,
            replaces=True,
            stored=True,
        ),
        text("type", required=True, replaces=True, choices=("key", "asymmetric")),
        text("containerRef", output=True, computed=True),
        text("created", output=True, computed=True),
        text("creatorId", output=True, computed=True),
        text("orderRef", output=True, computed=True),
        text("secretRef", output=True, computed=True),
        text("status", output=True, computed=True),
        text("subStatus", output=True, computed=True),
        text("subStatusMessage", output=True, computed=True),
        text("updated", output=True, computed=True),
        REGION,
    ),
)

RESOURCES: tuple[Resource, ...] = (SECRET, CONTAINER, ORDER)
