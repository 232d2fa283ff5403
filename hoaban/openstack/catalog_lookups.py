"""Functions that look up Keystone's catalogue, groups, and projects by the dozen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hoaban.openstack.identity import PROJECT
from hoaban.openstack.identity_catalog import CATALOG_SERVICE, ENDPOINT, GROUP
from hoaban.openstack.list_lookups import NAME_REGEX, ListLookup
from hoaban.openstack.lookups import Function, Lookup
from hoaban.openstack.schema import text

if TYPE_CHECKING:
    from hoaban.engine.values import PropertyMap
    from hoaban.openstack.call import Call

Json = dict[str, Any]


@dataclass(kw_only=True, eq=False)
class _GetEndpoint(Lookup):
    def fits(self, call: Call, item: Json, args: PropertyMap) -> bool:
        told = ENDPOINT.state(call, item, {}).outputs
        names = ("name", "endpointRegion", "serviceName", "serviceType")
        return all(told.get(name) == args[name] for name in names if args.get(name))

    def tell(self, call: Call, item: Json, args: PropertyMap) -> PropertyMap:
        told = ENDPOINT.state(call, item, {}).outputs
        names = ("name", "endpointRegion", "serviceName", "serviceType")
        return {**super().tell(call, item, args), **{name: told.get(name, "") for name in names}}


GET_ENDPOINT = _GetEndpoint(
    token="openstack:identity/getEndpoint:getEndpoint",
    of=ENDPOINT,
    filters=("interface", "serviceId"),
    compared=("endpointRegion", "name", text("serviceName"), text("serviceType")),
    told=(
        text("endpointRegion", api=None),
        "interface",
        "name",
        "serviceId",
        text("serviceName", api=None),
        text("serviceType", api=None),
        "url",
    ),
)

GET_GROUP = Lookup(
    token="openstack:identity/getGroup:getGroup",
    of=GROUP,
    filters=(text("name", required=True), "domainId"),
    told=("description", "domainId", "name"),
)

GET_SERVICE = Lookup(
    token="openstack:identity/getService:getService",
    of=CATALOG_SERVICE,
    filters=("name", text("type")),
    compared=("enabled",),
    told=("description", "enabled", "name", text("type")),
)


@dataclass(kw_only=True, eq=False)
class _GetProjectIds(ListLookup):
    def run(self, call: Call, args: PropertyMap) -> PropertyMap:
        return {"description": "", **super().run(call, args)}


GET_PROJECT_IDS = _GetProjectIds(
    token="openstack:identity/getProjectIdsV3:getProjectIdsV3",
    of=PROJECT,
    filters=("name", "domainId", "enabled", "isDomain", "parentId", "tags"),
    compared=(NAME_REGEX,),
    more=(text("description", api=None),),
)

FUNCTIONS: tuple[Function, ...] = (GET_ENDPOINT, GET_GROUP, GET_SERVICE, GET_PROJECT_IDS)
