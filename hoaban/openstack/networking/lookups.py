"""Functions of the networking module."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hoaban.openstack.cloud import NETWORK as SERVICE
from hoaban.openstack.lookups import Function, Lookup
from hoaban.openstack.networking.floating_ips import external_network
from hoaban.openstack.schema import (
    REGION,
    boolean,
    integer,
    object_set,
    objects,
    string_set,
    strings,
    text,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hoaban.engine.values import PropertyMap
    from hoaban.openstack.call import Call

Json = dict[str, Any]

_ID = text("id", output=True)
_TENANT = text("tenantId", api="project_id", computed=True)
_TAGS = string_set("tags", api=None)
_ALL_TAGS = string_set("allTags", api=None, output=True)


@dataclass(kw_only=True, eq=False)
class _GetNetwork(Lookup):
    def candidates(self, call: Call, args: PropertyMap) -> Iterable[Json]:
        found = super().candidates(call, args)
        if not (cidr := args.get("matchingSubnetCidr")):
            return found
        subnets = call.pages(SERVICE, "/subnets", "subnets", params={"cidr": cidr})
        holding = {subnet["network_id"] for subnet in subnets}
        return [item for item in found if item["id"] in holding]

    def tell(self, call: Call, item: Json, args: PropertyMap) -> PropertyMap:
        outputs = super().tell(call, item, args)
        outputs["networkId"] = item["id"]
        # The official provider tells these two as text.
        outputs["adminStateUp"] = str(bool(item.get("admin_state_up"))).lower()
        outputs["shared"] = str(bool(item.get("shared"))).lower()
        return outputs


GET_NETWORK = _GetNetwork(
    token="openstack:networking/getNetwork:getNetwork",
    label="network",
    service=SERVICE,
    path="/networks",
    collection="networks",
    noun="network",
    id_argument="networkId",
    filters={
        "name": "name",
        "description": "description",
        "external": "router:external",
        "status": "status",
        "tenantId": "project_id",
        "tags": "tags",
        "mtu": "mtu",
    },
    inputs=(
        text("name"),
        text("description"),
        text("networkId"),
        boolean("external"),
        text("matchingSubnetCidr"),
        integer("mtu"),
        text("status"),
        text("tenantId"),
        boolean("transparentVlan"),
        string_set("tags"),
        REGION,
    ),
    outputs=(
        _ID,
        text("adminStateUp"),
        _ALL_TAGS,
        strings("availabilityZoneHints", computed=True),
        text("description", computed=True),
        text("dnsDomain", computed=True),
        boolean("external", api="router:external", computed=True),
        text("matchingSubnetCidr", api=None),
        integer("mtu", computed=True),
        text("name", computed=True),
        text("networkId", api=None),
        object_set(
            "segments",
            text("networkType", api="provider:network_type", computed=True),
            text("physicalNetwork", api="provider:physical_network", computed=True),
            integer("segmentationId", api="provider:segmentation_id", computed=True),
            computed=True,
        ),
        text("shared"),
        text("status", computed=True),
        strings("subnets", computed=True),
        _TAGS,
        _TENANT,
        boolean("transparentVlan", api="vlan_transparent", computed=True),
        REGION,
    ),
)


@dataclass(kw_only=True, eq=False)
class _GetSubnet(Lookup):
    def tell(self, call: Call, item: Json, args: PropertyMap) -> PropertyMap:
        outputs = super().tell(call, item, args)
        outputs["subnetId"] = item["id"]
        outputs["hostRoutes"] = [
            {"destinationCidr": route["destination"], "nextHop": route["nexthop"]}
            for route in item.get("host_routes") or []
        ]
        return outputs


GET_SUBNET = _GetSubnet(
    token="openstack:networking/getSubnet:getSubnet",
    label="subnet",
    service=SERVICE,
    path="/subnets",
    collection="subnets",
    noun="subnet",
    id_argument="subnetId",
    filters={
        "name": "name",
        "description": "description",
        "cidr": "cidr",
        "dhcpEnabled": "enable_dhcp",
        "gatewayIp": "gateway_ip",
        "ipVersion": "ip_version",
        "ipv6AddressMode": "ipv6_address_mode",
        "ipv6RaMode": "ipv6_ra_mode",
        "networkId": "network_id",
        "segmentId": "segment_id",
        "subnetpoolId": "subnetpool_id",
        "tenantId": "project_id",
        "tags": "tags",
    },
    inputs=(
        text("cidr"),
        text("description"),
        boolean("dhcpEnabled"),
        boolean("dnsPublishFixedIp"),
        text("gatewayIp"),
        integer("ipVersion"),
        text("ipv6AddressMode"),
        text("ipv6RaMode"),
        text("name"),
        text("networkId"),
        text("segmentId"),
        text("subnetId"),
        text("subnetpoolId"),
        text("tenantId"),
        string_set("tags"),
        REGION,
    ),
    outputs=(
        _ID,
        _ALL_TAGS,
        object_set("allocationPools", text("start"), text("end"), computed=True),
        text("cidr", computed=True),
        text("description", computed=True),
        boolean("dhcpEnabled", api=None),
        strings("dnsNameservers", computed=True),
        boolean("dnsPublishFixedIp", computed=True),
        boolean("enableDhcp", computed=True),
        text("gatewayIp", computed=True),
        objects("hostRoutes", text("destinationCidr"), text("nextHop"), api=None),
        integer("ipVersion", computed=True),
        text("ipv6AddressMode", computed=True),
        text("ipv6RaMode", computed=True),
        text("name", computed=True),
        text("networkId", computed=True),
        text("segmentId", computed=True),
        strings("serviceTypes", computed=True),
        text("subnetId", api=None),
        text("subnetpoolId", computed=True),
        _TAGS,
        _TENANT,
        REGION,
    ),
)


@dataclass(kw_only=True, eq=False)
class _GetSecGroup(Lookup):
    def tell(self, call: Call, item: Json, args: PropertyMap) -> PropertyMap:
        return {**super().tell(call, item, args), "secgroupId": item["id"]}


GET_SEC_GROUP = _GetSecGroup(
    token="openstack:networking/getSecGroup:getSecGroup",
    label="security group",
    service=SERVICE,
    path="/security-groups",
    collection="security_groups",
    noun="security_group",
    id_argument="secgroupId",
    filters={
        "name": "name",
        "description": "description",
        "tenantId": "project_id",
        "tags": "tags",
    },
    inputs=(
        text("name"),
        text("description"),
        text("secgroupId"),
        boolean("stateful"),
        text("tenantId"),
        string_set("tags"),
        REGION,
    ),
    outputs=(
        _ID,
        _ALL_TAGS,
        text("name", computed=True),
        text("description", computed=True),
        text("secgroupId", api=None),
        boolean("stateful", computed=True),
        _TAGS,
        _TENANT,
        REGION,
    ),
)


@dataclass(kw_only=True, eq=False)
class _GetRouter(Lookup):
    def tell(self, call: Call, item: Json, args: PropertyMap) -> PropertyMap:
        outputs = super().tell(call, item, args)
        info = item.get("external_gateway_info") or {}
        outputs |= {
            "routerId": item["id"],
            "externalNetworkId": info.get("network_id") or "",
            "externalQosPolicyId": info.get("qos_policy_id") or "",
            "enableSnat": bool(info.get("enable_snat")),
            "externalFixedIps": [
                {"subnetId": one["subnet_id"], "ipAddress": one["ip_address"]}
                for one in info.get("external_fixed_ips", [])
            ],
            "routes": [
                {"destinationCidr": route["destination"], "nextHop": route["nexthop"]}
                for route in item.get("routes") or []
            ],
        }
        return outputs


GET_ROUTER = _GetRouter(
    token="openstack:networking/getRouter:getRouter",
    label="router",
    service=SERVICE,
    path="/routers",
    collection="routers",
    noun="router",
    id_argument="routerId",
    filters={
        "name": "name",
        "description": "description",
        "adminStateUp": "admin_state_up",
        "status": "status",
        "tenantId": "project_id",
        "tags": "tags",
    },
    inputs=(
        boolean("adminStateUp"),
        text("description"),
        boolean("distributed"),
        boolean("enableSnat"),
        text("name"),
        text("routerId"),
        text("status"),
        text("tenantId"),
        string_set("tags"),
        REGION,
    ),
    outputs=(
        _ID,
        boolean("adminStateUp", computed=True),
        _ALL_TAGS,
        strings("availabilityZoneHints", computed=True),
        text("description", computed=True),
        boolean("distributed", computed=True),
        boolean("enableSnat", api=None),
        objects("externalFixedIps", text("subnetId"), text("ipAddress"), api=None),
        text("externalNetworkId", api=None),
        text("externalQosPolicyId", api=None),
        text("name", computed=True),
        text("routerId", api=None),
        objects("routes", text("destinationCidr"), text("nextHop"), api=None),
        text("status", computed=True),
        _TAGS,
        _TENANT,
        REGION,
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
    label="floating IP",
    service=SERVICE,
    path="/floatingips",
    collection="floatingips",
    noun="floatingip",
    filters={
        "address": "floating_ip_address",
        "description": "description",
        "fixedIp": "fixed_ip_address",
        "portId": "port_id",
        "status": "status",
        "tenantId": "project_id",
        "tags": "tags",
    },
    inputs=(
        text("address"),
        text("description"),
        text("fixedIp"),
        text("pool"),
        text("portId"),
        text("status"),
        text("tenantId"),
        string_set("tags"),
        REGION,
    ),
    outputs=(
        _ID,
        text("address", api="floating_ip_address", computed=True),
        _ALL_TAGS,
        text("description", computed=True),
        text("dnsDomain", computed=True),
        text("dnsName", computed=True),
        text("fixedIp", api="fixed_ip_address", computed=True),
        text("pool", api=None),
        text("portId", computed=True),
        text("status", computed=True),
        _TAGS,
        _TENANT,
        REGION,
    ),
)

FUNCTIONS: tuple[Function, ...] = (
    GET_NETWORK,
    GET_SUBNET,
    GET_SEC_GROUP,
    GET_ROUTER,
    GET_FLOATING_IP,
)
