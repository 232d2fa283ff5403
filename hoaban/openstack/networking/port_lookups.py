"""Functions that look up ports and trunks."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from hoaban.openstack import addresses
from hoaban.openstack.list_lookups import SORTING, ListLookup
from hoaban.openstack.lookups import TAGS, Function, Lookup
from hoaban.openstack.networking.ports import PORT
from hoaban.openstack.networking.trunks import SUB_PORT, TRUNK
from hoaban.openstack.schema import Field, Kind, mapping, object_set, objects, strings, text

if TYPE_CHECKING:
    from hoaban.engine.values import PropertyMap
    from hoaban.openstack.call import Call

Json = dict[str, Any]

_FILTERS = (
    "name",
    "description",
    "adminStateUp",
    "networkId",
    "tenantId",
    text("projectId"),
    "deviceOwner",
    "macAddress",
    "deviceId",
    text("status"),
    "tags",
)
_COMPARED = (
    "dnsName",
    text("fixedIp", api=None),
    strings("securityGroupIds", api=None),
)


class _Ports:
    """What the API does not filter ports by: an address, security groups (any of them)."""

    def fits(self, call: Call, item: Json, args: PropertyMap) -> bool:
        held = [addresses.address(one["ip_address"]) for one in item.get("fixed_ips") or []]
        wanted, groups = args.get("fixedIp"), set(args.get("securityGroupIds") or [])
        if wanted and addresses.address(wanted) not in held:
            return False
        if groups and not groups & set(item.get("security_groups") or []):
            return False
        return not args.get("dnsName") or item.get("dns_name") == args["dnsName"]


@dataclass(kw_only=True, eq=False)
class _GetPort(_Ports, Lookup):
    def tell(self, call: Call, item: Json, args: PropertyMap) -> PropertyMap:
        outputs = super().tell(call, item, args)
        told = PORT.state(call, item, {}).outputs
        names = ("allFixedIps", "allSecurityGroupIds", "dnsAssignments", "allowedAddressPairs")
        return {
            **outputs,
            **{name: told.get(name, []) for name in (*names, "extraDhcpOptions")},
            "bindings": [told["binding"]],
        }


GET_PORT = _GetPort(
    token="openstack:networking/getPort:getPort",
    of=PORT,
    id_argument="portId",
    filters=_FILTERS,
    compared=_COMPARED,
    told=(
        "adminStateUp",
        strings("allFixedIps", api=None),
        strings("allSecurityGroupIds", api=None),
        objects("allowedAddressPairs", text("ipAddress"), text("macAddress"), api=None),
        objects(
            "bindings",
            text("hostId"),
            text("profile"),
            text("vnicType"),
            text("vifType"),
            mapping("vifDetails"),
            api=None,
        ),
        "description",
        "deviceId",
        "deviceOwner",
        Field(name="dnsAssignments", kind=Kind.LIST, element=Kind.MAP, api=None),
        "dnsName",
        "extraDhcpOptions",
        text("fixedIp", api=None),
        "macAddress",
        "name",
        "networkId",
        text("portId", api="id"),
        text("projectId"),
        strings("securityGroupIds", api=None),
        text("status"),
        *TAGS,
        "tenantId",
    ),
)


@dataclass(kw_only=True, eq=False)
class _GetPortIds(_Ports, ListLookup):
    pass


GET_PORT_IDS = _GetPortIds(
    token="openstack:networking/getPortIds:getPortIds",
    of=PORT,
    filters=(*_FILTERS, *SORTING),
    compared=_COMPARED,
)

GET_TRUNK = Lookup(
    token="openstack:networking/getTrunk:getTrunk",
    of=TRUNK,
    id_argument="trunkId",
    filters=(
        "name",
        "description",
        "adminStateUp",
        "portId",
        text("projectId"),
        text("status"),
        "tags",
    ),
    told=(
        "adminStateUp",
        "description",
        "name",
        "portId",
        text("projectId"),
        text("status"),
        object_set("subPorts", *(replace(one, required=False) for one in SUB_PORT)),
        text("trunkId", api="id"),
        *TAGS,
    ),
)

FUNCTIONS: tuple[Function, ...] = (GET_PORT, GET_PORT_IDS, GET_TRUNK)
