"""Functions of the load balancer module."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from hoaban.openstack import keys
from hoaban.openstack.convert import object_from_api
from hoaban.openstack.loadbalancer.balancers import FLAVOR, FLAVOR_PROFILE, LOAD_BALANCER
from hoaban.openstack.loadbalancer.listeners import LISTENER
from hoaban.openstack.loadbalancer.pools import MEMBER, POOL
from hoaban.openstack.lookups import Function, Lookup
from hoaban.openstack.schema import Field, boolean, integer, objects, strings, text

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hoaban.engine.values import PropertyMap
    from hoaban.openstack.call import Call

Json = dict[str, Any]

_STATES = (text("operatingStatus"), text("provisioningStatus"), text("projectId"))
_TAGS = strings("tags")


def _ids(name: str, api: str = "=") -> Field:
    return objects(name, text("id"), api=api)


GET_LOAD_BALANCER = Lookup(
    token="openstack:loadbalancer/getLoadbalancerV2:getLoadbalancerV2",
    of=LOAD_BALANCER,
    id_argument="loadbalancerId",
    filters=(
        "name",
        "description",
        "vipAddress",
        _TAGS,
        strings("tagsAnies", api="tags-any"),
        strings("tagsNotAnies", api="not-tags-any"),
        strings("tagsNots", api="not-tags"),
    ),
    told=(
        strings("additionalVips", api=None),
        "adminStateUp",
        "availabilityZone",
        "description",
        "flavorId",
        _ids("listeners"),
        text("loadbalancerId", api="id"),
        "loadbalancerProvider",
        "name",
        _ids("pools"),
        _TAGS,
        strings("tagsAnies", api=None),
        strings("tagsNotAnies", api=None),
        strings("tagsNots", api=None),
        "vipAddress",
        "vipNetworkId",
        "vipPortId",
        "vipQosPolicyId",
        "vipSubnetId",
        *_STATES,
    ),
)


@dataclass(kw_only=True, eq=False)
class _GetListener(Lookup):
    def tell(self, call: Call, item: Json, args: PropertyMap) -> PropertyMap:
        outputs = super().tell(call, item, args)
        pool = item.get("default_pool_id") or ""
        balancers = item.get("loadbalancers") or [{"id": ""}]
        return {
            **outputs,
            "defaultPool": pool,
            "pools": [{"id": pool}] if pool else [],
            "loadbalancerId": balancers[0]["id"],
        }


GET_LISTENER = _GetListener(
    token="openstack:loadbalancer/getListenerV2:getListenerV2",
    of=LISTENER,
    id_argument="listenerId",
    filters=(
        "name",
        "protocol",
        "protocolPort",
        text("loadbalancerId", api="load_balancer_id"),
        _TAGS,
    ),
    told=(
        "adminStateUp",
        "allowedCidrs",
        "alpnProtocols",
        "clientAuthentication",
        "clientCaTlsContainerRef",
        "clientCrlContainerRef",
        "connectionLimit",
        text("defaultPool", api=None),
        "defaultPoolId",
        "defaultTlsContainerRef",
        "description",
        "hstsIncludeSubdomains",
        "hstsMaxAge",
        "hstsPreload",
        "insertHeaders",
        _ids("l7policies"),
        text("listenerId", api="id"),
        text("loadbalancerId", api=None),
        _ids("loadbalancers"),
        "name",
        objects("pools", text("id"), api=None),
        "protocol",
        "protocolPort",
        "sniContainerRefs",
        _TAGS,
        "timeoutClientData",
        "timeoutMemberConnect",
        "timeoutMemberData",
        "timeoutTcpInspect",
        "tlsCiphers",
        "tlsVersions",
        *_STATES,
    ),
)

_MEMBER = (
    text("id"),
    text("name", computed=True),
    text("address", computed=True),
    boolean("adminStateUp", computed=True),
    boolean("backup", computed=True),
    text("monitorAddress", computed=True),
    integer("monitorPort", computed=True),
    text("poolId", api=None),
    integer("protocolPort", computed=True),
    text("subnetId", computed=True),
    strings("tags", computed=True),
    integer("weight", computed=True),
    *(replace(one, computed=True) for one in _STATES),
)


@dataclass(kw_only=True, eq=False)
class _GetPool(Lookup):
    def tell(self, call: Call, item: Json, args: PropertyMap) -> PropertyMap:
        outputs = super().tell(call, item, args)
        persistence = item.get("session_persistence")
        balancers = item.get("loadbalancers") or [{"id": ""}]
        return {
            **outputs,
            "loadbalancerId": balancers[0]["id"],
            "members": list(self._members(call, item["id"])),
            "sessionPersistences": [
                {"type": one["type"], "cookieName": one.get("cookie_name") or ""}
                for one in ([persistence] if persistence else [])
            ],
        }

    def _members(self, call: Call, pool: str) -> Iterable[PropertyMap]:
        for one in MEMBER.under(pool).listing(call, {}):
            yield {
                **object_from_api(_MEMBER, one),
                "tags": keys.own(one.get("tags")),
                "poolId": pool,
            }


GET_POOL = _GetPool(
    token="openstack:loadbalancer/getPoolV2:getPoolV2",
    of=POOL,
    id_argument="poolId",
    filters=(
        "name",
        "lbMethod",
        "protocol",
        text("loadbalancerId", api="loadbalancer_id"),
        _TAGS,
    ),
    told=(
        "adminStateUp",
        "alpnProtocols",
        "caTlsContainerRef",
        "crlContainerRef",
        "description",
        text("healthmonitorId"),
        "lbMethod",
        _ids("listeners"),
        text("loadbalancerId", api=None),
        _ids("loadbalancers"),
        objects("members", *_MEMBER, api=None),
        "name",
        text("poolId", api="id"),
        "protocol",
        objects("sessionPersistences", text("type"), text("cookieName"), api=None),
        _TAGS,
        "tlsCiphers",
        "tlsContainerRef",
        "tlsEnabled",
        "tlsVersions",
        *_STATES,
    ),
)

_FLAVOR = ("name", "description", "enabled", "flavorProfileId", text("flavorId", api="id"))

GET_FLAVOR = Lookup(
    token="openstack:loadbalancer/getFlavorV2:getFlavorV2",
    of=FLAVOR,
    id_argument="flavorId",
    filters=("name",),
    told=_FLAVOR,
)

GET_FLAVOR_DEPRECATED = Lookup(
    token="openstack:loadbalancer/getLbFlavorDeprecated:getLbFlavorDeprecated",
    of=FLAVOR,
    id_argument="flavorId",
    filters=("name",),
    told=_FLAVOR,
)

GET_FLAVOR_PROFILE = Lookup(
    token="openstack:loadbalancer/getFlavorprofileV2:getFlavorprofileV2",
    of=FLAVOR_PROFILE,
    id_argument="flavorprofileId",
    filters=("name", text("providerName")),
    told=("name", "providerName", "flavorData", text("flavorprofileId", api="id")),
)

FUNCTIONS: tuple[Function, ...] = (
    GET_LOAD_BALANCER,
    GET_LISTENER,
    GET_POOL,
    GET_FLAVOR,
    GET_FLAVOR_DEPRECATED,
    GET_FLAVOR_PROFILE,
)
