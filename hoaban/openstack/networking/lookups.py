"""Functions of the networking module."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hoaban.openstack.cloud import NETWORK as SERVICE
from hoaban.openstack.list_lookups import NAME_REGEX, SORTING, ListLookup
from hoaban.openstack.lookups import TAGS, Function, Lookup
from hoaban.openstack.networking import port_lookups, qos_lookups
from hoaban.openstack.networking.floating_ips import FLOATING_IP, external_network
from hoaban.openstack.networking.networks import ADDRESS_SCOPE, NETWORK, SUBNET, SUBNET_POOL
from hoaban.openstack.networking.quota import QUOTA
from hoaban.openstack.networking.routers import ROUTER, told_gateway
from hoaban.openstack.networking.security import SEC_GROUP
from hoaban.openstack.quotas import lookup as quota_lookup
from hoaban.openstack.schema import boolean, integer, object_set, objects, strings, text

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hoaban.engine.values import PropertyMap
    from hoaban.openstack.call import Call

Json = dict[str, Any]

_ROUTE = (text("destinationCidr", api="destination"), text("nextHop", api="nexthop"))


@dataclass(kw_only=True, eq=False)
class _GetNetwork(Lookup):
    def candidates(self, call: Call, args: PropertyMap) -> Iterable[Json]:
        found = super().candidates(call, args)
        if not (cidr := args.get("matchingSubnetCidr")):
            return found
        subnets = call.pages(SERVICE, "/subnets", "subnets", params={"cidr": cidr})
        holding = {subnet["network_id"] for subnet in subnets}
        return [item for item in found if item["id"] in holding]


GET_NETWORK = _GetNetwork(
    token="openstack:networking/getNetwork:getNetwork",
    of=NETWORK,
    id_argument="networkId",
    filters=("name", "description", "external", text("status"), "tenantId", "tags", "mtu"),
    compared=(text("matchingSubnetCidr"), "transparentVlan"),
    told=(
        text("adminStateUp"),  # this and `shared`: as text, which is what the official tells
        "availabilityZoneHints",
        "description",
        "dnsDomain",
        "external",
        text("matchingSubnetCidr", api=None),
        "mtu",
        "name",
        text("networkId", api="id"),
        object_set(
            "segments",
            text("networkType", api="provider:network_type", computed=True),
            text("physicalNetwork", api="provider:physical_network", computed=True),
            integer("segmentationId", api="provider:segmentation_id", computed=True),
        ),
        text("shared"),
        text("status"),
        strings("subnets"),
        *TAGS,
        "tenantId",
        "transparentVlan",
    ),
)

_SUBNET = (
    "name",
    "description",
    "cidr",
    boolean("dhcpEnabled", api="enable_dhcp"),
    "gatewayIp",
    "ipVersion",
    "ipv6AddressMode",
    "ipv6RaMode",
    "networkId",
    "segmentId",
    "subnetpoolId",
    "tenantId",
    "tags",
)

GET_SUBNET = Lookup(
    token="openstack:networking/getSubnet:getSubnet",
    of=SUBNET,
    id_argument="subnetId",
    filters=_SUBNET,
    compared=("dnsPublishFixedIp",),
    told=(
        "allocationPools",
        "cidr",
        "description",
        boolean("dhcpEnabled", api=None),
        "dnsNameservers",
        "dnsPublishFixedIp",
        "enableDhcp",
        "gatewayIp",
        objects("hostRoutes", *_ROUTE),
        "ipVersion",
        "ipv6AddressMode",
        "ipv6RaMode",
        "name",
        "networkId",
        "segmentId",
        "serviceTypes",
        text("subnetId", api="id"),
        "subnetpoolId",
        *TAGS,
        "tenantId",
    ),
)

GET_SEC_GROUP = Lookup(
    token="openstack:networking/getSecGroup:getSecGroup",
    of=SEC_GROUP,
    id_argument="secgroupId",
    filters=("name", "description", "tenantId", "tags"),
    compared=("stateful",),
    told=("name", "description", text("secgroupId", api="id"), "stateful", *TAGS, "tenantId"),
)


@dataclass(kw_only=True, eq=False)
class _GetRouter(Lookup):
    def tell(self, call: Call, item: Json, args: PropertyMap) -> PropertyMap:
        return {**super().tell(call, item, args), **told_gateway(item)}


GET_ROUTER = _GetRouter(
    token="openstack:networking/getRouter:getRouter",
    of=ROUTER,
    id_argument="routerId",
    filters=("name", "description", "adminStateUp", text("status"), "tenantId", "tags"),
    compared=("distributed", "enableSnat"),
    told=(
        "adminStateUp",
        "availabilityZoneHints",
        "description",
        "distributed",
        "enableSnat",
        "externalFixedIps",
        "externalNetworkId",
        "externalQosPolicyId",
        "name",
        text("routerId", api="id"),
        objects("routes", *_ROUTE),
        text("status"),
        *TAGS,
        "tenantId",
    ),
)


@dataclass(kw_only=True, eq=False)
class _GetFloatingIp(Lookup):
    def candidates(self, call: Call, args: PropertyMap) -> Iterable[Json]:
        found = super().candidates(call, args)
        if not (pool := args.get("pool")):
            return found
        network = external_network(call, pool)["id"]
        return [item for item in found if item["floating_network_id"] == network]

    def tell(self, call: Call, item: Json, args: PropertyMap) -> PropertyMap:
        outputs = super().tell(call, item, args)
        network = item["floating_network_id"]
        outputs["pool"] = args.get("pool") or external_network(call, network)["name"]
        return outputs


GET_FLOATING_IP = _GetFloatingIp(
    token="openstack:networking/getFloatingIp:getFloatingIp",
    of=FLOATING_IP,
    filters=("address", "description", "fixedIp", "portId", text("status"), "tenantId", "tags"),
    compared=("pool",),
    told=(
        "address",
        "description",
        "dnsDomain",
        "dnsName",
        "fixedIp",
        "pool",
        "portId",
        text("status"),
        *TAGS,
        "tenantId",
    ),
)

GET_ADDRESS_SCOPE = Lookup(
    token="openstack:networking/getAddressScope:getAddressScope",
    of=ADDRESS_SCOPE,
    filters=("name", "ipVersion", "projectId", "shared"),
    told=("name", "ipVersion", "projectId", "shared"),
)

_POOL = (
    "name",
    "description",
    "addressScopeId",
    "defaultPrefixlen",
    "defaultQuota",
    "ipVersion",
    "isDefault",
    "maxPrefixlen",
    "minPrefixlen",
    "projectId",
    "shared",
)

GET_SUBNET_POOL = Lookup(
    token="openstack:networking/getSubnetPool:getSubnetPool",
    of=SUBNET_POOL,
    filters=(*_POOL, "tags"),
    told=(*_POOL, "prefixes", "createdAt", "updatedAt", "revisionNumber", *TAGS),
)

GET_SUBNET_IDS = ListLookup(
    token="openstack:networking/getSubnetIdsV2:getSubnetIdsV2",
    of=SUBNET,
    filters=(*_SUBNET, *SORTING),
    compared=("dnsPublishFixedIp", NAME_REGEX),
)

GET_QUOTA = quota_lookup("openstack:networking/getQuotaV2:getQuotaV2", QUOTA)

FUNCTIONS: tuple[Function, ...] = (
    GET_NETWORK,
    GET_SUBNET,
    GET_SEC_GROUP,
    GET_ROUTER,
    GET_FLOATING_IP,
    GET_ADDRESS_SCOPE,
    GET_SUBNET_POOL,
    GET_SUBNET_IDS,
    GET_QUOTA,
    *port_lookups.FUNCTIONS,
    *qos_lookups.FUNCTIONS,
)
