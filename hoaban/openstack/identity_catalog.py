"""Keystone's catalogue and limits: services, endpoints, groups and their members."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hoaban.engine.provider import CheckFailure
from hoaban.openstack.cloud import IDENTITY as SERVICE
from hoaban.openstack.identity import ENABLED, NAME, Keystone
from hoaban.openstack.relation import Relation
from hoaban.openstack.schema import REGION, integer, text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hoaban.engine.values import PropertyMap
    from hoaban.openstack.call import Call
    from hoaban.openstack.resource import Resource

Json = dict[str, Any]

DESCRIPTION = text("description", reset="")

GROUP = Keystone(
    token="openstack:identity/groupV3:GroupV3",
    label="group",
    path="/groups",
    noun="group",
    alone=True,
    natural=("name", "domainId"),
    fields=(NAME, DESCRIPTION, text("domainId", computed=True, replaces=True), REGION),
)

CATALOG_SERVICE = Keystone(
    token="openstack:identity/serviceV3:ServiceV3",
    label="service",
    path="/services",
    noun="service",
    natural=("name", "type"),
    fields=(NAME, DESCRIPTION, ENABLED, text("type", required=True), REGION),
)


@dataclass(kw_only=True, eq=False)
class _Endpoint(Keystone):
    def flatten(self, call: Call, found: Json, outputs: PropertyMap, prior: PropertyMap) -> None:
        """Keystone knows a region by its id; the service's name and type are its own."""
        outputs["endpointRegion"] = found.get("region_id") or found.get("region") or ""
        service = CATALOG_SERVICE.look_up(call, found["service_id"]) or {}
        outputs["serviceName"] = service.get("name") or ""
        outputs["serviceType"] = service.get("type") or ""


ENDPOINT = _Endpoint(
    token="openstack:identity/endpointV3:EndpointV3",
    label="endpoint",
    path="/endpoints",
    noun="endpoint",
    natural=("serviceId", "interface", "url"),
    fields=(
        NAME,
        text("endpointRegion", api="region", required=True),
        text("interface", default="public", choices=("admin", "internal", "public")),
        text("serviceId", required=True),
        text("url", required=True),
        text("serviceName", api=None, output=True, computed=True, follows=("serviceId",)),
        text("serviceType", api=None, output=True, computed=True, follows=("serviceId",)),
        REGION,
    ),
)


@dataclass(kw_only=True, eq=False)
class _Membership(Relation):
    """A user's place in a group."""

    def add(self, call: Call, one: str, other: str) -> None:
        call.request(SERVICE, "PUT", f"/groups/{other}/users/{one}")

    def take_away(self, call: Call, one: str, other: str) -> None:
        call.request(SERVICE, "DELETE", f"/groups/{other}/users/{one}")

    def is_so(self, call: Call, one: str, other: str) -> bool:
        found = call.find(SERVICE, f"/users/{one}/groups") or {}
        return any(item["id"] == other for item in found.get("groups", []))


USER_MEMBERSHIP = _Membership(
    token="openstack:identity/userMembershipV3:UserMembershipV3",
    label="group membership",
    pair=("userId", "groupId"),
    fields=(
        text("groupId", required=True, replaces=True),
        text("userId", required=True, replaces=True),
        REGION,
    ),
)


@dataclass(kw_only=True, eq=False)
class _Limit(Keystone):
    """A limit; new ones are asked for as a list."""

    alone: bool = True

    def wrap(self, body: Json) -> Json:
        return {self.noun: body}

    def post(self, call: Call, body: Json) -> Json:
        answer = call.json(self.service, "POST", self.path, {self.collection: [body]})
        found: Json = answer[self.collection][0]
        return found


@dataclass(kw_only=True, eq=False)
class _ProjectLimit(_Limit):
    def validate(self, inputs: PropertyMap) -> Sequence[CheckFailure]:
        if inputs.get("projectId") is None and inputs.get("domainId") is None:
            return [CheckFailure("projectId", "one of projectId and domainId is required")]
        return ()


REGISTERED_LIMIT = _Limit(
    token="openstack:identity/registeredLimitV3:RegisteredLimitV3",
    label="registered limit",
    path="/registered_limits",
    noun="registered_limit",
    natural=("serviceId", "resourceName"),
    fields=(
        integer("defaultLimit", required=True),
        DESCRIPTION,
        text("resourceName", required=True),
        text("serviceId", required=True),
        REGION,
    ),
)

LIMIT = _ProjectLimit(
    token="openstack:identity/limitV3:LimitV3",
    label="limit",
    path="/limits",
    noun="limit",
    natural=("serviceId", "resourceName", "projectId", "domainId"),
    fields=(
        DESCRIPTION,
        text("domainId", computed=True, replaces=True, conflicts=("projectId",)),
        text("projectId", computed=True, replaces=True),
        integer("resourceLimit", required=True),
        text("resourceName", required=True, replaces=True),
        text("serviceId", required=True, replaces=True),
        REGION,
    ),
)

RESOURCES: tuple[Resource, ...] = (
    GROUP,
    USER_MEMBERSHIP,
    CATALOG_SERVICE,
    ENDPOINT,
    REGISTERED_LIMIT,
    LIMIT,
)
