"""Functions of the DNS module."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from hoaban.openstack.dns import ZONE, ZONE_SHARE
from hoaban.openstack.lookups import Function, Lookup
from hoaban.openstack.schema import integer, mapping, strings, text

if TYPE_CHECKING:
    from hoaban.engine.values import PropertyMap
    from hoaban.openstack.call import Call

Json = dict[str, Any]

_ALL = text("allProjects", api=None)
_TIMES = (text("createdAt"), text("updatedAt"), text("transferredAt"))


@dataclass(kw_only=True, eq=False)
class _DnsLookup(Lookup):
    """``allProjects`` ("true") looks through all projects, which administrators may."""

    def run(self, call: Call, args: PropertyMap) -> PropertyMap:
        if str(args.get("allProjects", "")).lower() == "true":
            call = replace(call, headers={"X-Auth-All-Projects": "true"})
        return super().run(call, args)


_COMPARED = (
    mapping("attributes"),
    strings("masters"),
    text("poolId"),
    text("projectId"),
    integer("serial"),
    integer("version"),
    *_TIMES,
)

GET_DNS_ZONE = _DnsLookup(
    token="openstack:dns/getDnsZone:getDnsZone",
    of=ZONE,
    filters=("name", "description", "email", text("status"), integer("ttl"), text("type")),
    compared=(*_COMPARED, _ALL),
    told=(
        *_COMPARED,
        _ALL,
        "name",
        "description",
        "email",
        text("status"),
        integer("ttl"),
        text("type"),
    ),
)

GET_ZONE_SHARE = _DnsLookup(
    token="openstack:dns/getZoneShareV2:getZoneShareV2",
    of=ZONE_SHARE,
    id_argument="shareId",
    filters=("targetProjectId",),
    compared=(text("zoneId", api=None, required=True), text("projectId"), _ALL),
    told=(
        text("projectId"),
        text("shareId", api="id"),
        "targetProjectId",
        text("zoneId", api=None),
        _ALL,
    ),
)

FUNCTIONS: tuple[Function, ...] = (GET_DNS_ZONE, GET_ZONE_SHARE)
