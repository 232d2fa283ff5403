"""Routers, their interfaces and their routes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hoaban.engine.provider import CheckFailure, ResourceState
from hoaban.openstack import addresses, errors
from hoaban.openstack.cloud import NETWORK as SERVICE
from hoaban.openstack.errors import CloudError
from hoaban.openstack.networking.networks import ALL_TAGS, DESCRIPTION, NAME, TAGS
from hoaban.openstack.patience import unless_gone
from hoaban.openstack.resource import Resource
from hoaban.openstack.rest import Rest
from hoaban.openstack.schema import (
    REGION,
    VALUE_SPECS,
    block,
    boolean,
    objects,
    project,
    strings,
    text,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hoaban.engine.values import PropertyMap
    from hoaban.openstack.call import Call

Json = dict[str, Any]

_GATEWAY_INPUTS = frozenset(
    {
        "externalNetworkId",
        "enableSnat",
        "externalFixedIps",
        "externalSubnetIds",
        "externalQosPolicyId",
    }
)
_ADDRESS = (text("subnetId"), text("ipAddress", computed=True, same=addresses.address))


@dataclass(kw_only=True, eq=False)
class _Router(Rest):
    def validate(self, inputs: PropertyMap) -> Sequence[CheckFailure]:
        if inputs.get("externalNetworkId") is not None:
            return ()
        return [
            CheckFailure(name, f"{name} needs externalNetworkId")
            for name in ("enableSnat", "externalFixedIps", "externalSubnetIds")
            if inputs.get(name)
        ]

    def new_body(self, call: Call, inputs: PropertyMap) -> Json:
        body = super().new_body(call, inputs)
        later = (inputs.get("vendorOptions") or {}).get("setRouterGatewayAfterCreate")
        if inputs.get("externalNetworkId") and not later:
            body["external_gateway_info"] = gateway(inputs)
        return body

    def post(self, call: Call, body: Json) -> Json:
        """Of several external subnets, take the first that still has an address."""
        info = body.get("external_gateway_info") or {}
        subnets = info.pop("subnets", None)
        if not subnets:
            return super().post(call, body)
        failure: CloudError | None = None
        for subnet in subnets:
            info["external_fixed_ips"] = [{"subnet_id": subnet}]
            try:
                return super().post(call, body)
            except CloudError as error:
                if error.status != errors.CONFLICT or error.quota:
                    raise
                failure = error
        raise failure or AssertionError(subnets)

    def settle(self, call: Call, made: Json, inputs: PropertyMap) -> Json:
        if inputs.get("externalNetworkId") and not made.get("external_gateway_info"):
            info = gateway(inputs)
            if subnets := info.pop("subnets", None):
                info["external_fixed_ips"] = [{"subnet_id": subnets[0]}]
            made = self.put(call, self.id_of(made), {"external_gateway_info": info})
        return super().settle(call, made, inputs)

    def change_body(
        self, call: Call, state: ResourceState, news: PropertyMap, changed: set[str]
    ) -> Json:
        body = super().change_body(call, state, news, changed)
        if not changed & _GATEWAY_INPUTS:
            return body
        external = news.get("externalNetworkId") or state.outputs.get("externalNetworkId")
        if "externalNetworkId" in changed and not news.get("externalNetworkId"):
            body["external_gateway_info"] = {}
        else:
            info = gateway({**news, "externalNetworkId": external})
            if subnets := info.pop("subnets", None):
                info["external_fixed_ips"] = [{"subnet_id": subnets[0]}]
            body["external_gateway_info"] = info
        return body

    def flatten(self, call: Call, found: Json, outputs: PropertyMap, prior: PropertyMap) -> None:
        outputs |= told_gateway(found)


def told_gateway(router: Json) -> PropertyMap:
    """The properties that ``external_gateway_info`` tells."""
    info = router.get("external_gateway_info") or {}
    return {
        "externalNetworkId": info.get("network_id") or "",
        "enableSnat": bool(info.get("enable_snat")),
        "externalQosPolicyId": info.get("qos_policy_id") or "",
        "externalFixedIps": [
            {"subnetId": item["subnet_id"], "ipAddress": item["ip_address"]}
            for item in info.get("external_fixed_ips", [])
        ],
    }


def gateway(inputs: PropertyMap) -> Json:
    """``external_gateway_info`` of the inputs; ``subnets`` are external subnets to try in turn."""
    info: Json = {"network_id": inputs["externalNetworkId"]}
    if inputs.get("enableSnat") is not None:
        info["enable_snat"] = inputs["enableSnat"]
    if inputs.get("externalQosPolicyId"):
        info["qos_policy_id"] = inputs["externalQosPolicyId"]
    names = {"subnetId": "subnet_id", "ipAddress": "ip_address"}
    if inputs.get("externalFixedIps"):
        info["external_fixed_ips"] = [
            {names[name]: value for name, value in item.items() if name in names and value}
            for item in inputs["externalFixedIps"]
        ]
    elif inputs.get("externalSubnetIds"):
        info["subnets"] = list(inputs["externalSubnetIds"])
    return info


ROUTER = _Router(
    token="openstack:networking/router:Router",
    label="router",
    service=SERVICE,
    path="/routers",
    noun="router",
    list_filter={"project_id": "{project}"},
    tags_after=True,
    fields=(
        NAME,
        DESCRIPTION,
        boolean("adminStateUp", computed=True),
        strings("availabilityZoneHints", computed=True, replaces=True),
        boolean("distributed", computed=True, replaces=True),
        boolean("enableSnat", api=None, computed=True, follows=("externalNetworkId",)),
        objects(
            "externalFixedIps",
            *_ADDRESS,
            api=None,
            computed=True,
            follows=("externalNetworkId", "externalSubnetIds"),
        ),
        text("externalNetworkId", api=None, computed=True),
        text("externalQosPolicyId", api=None, computed=True, follows=("externalNetworkId",)),
        strings("externalSubnetIds", api=None, stored=True, conflicts=("externalFixedIps",)),
        block("vendorOptions", boolean("setRouterGatewayAfterCreate"), api=None, stored=True),
        TAGS,
        ALL_TAGS,
        project(),
        REGION,
        VALUE_SPECS,
    ),
)


@dataclass(kw_only=True, eq=False)
class _RouterInterface(Rest):
    """A port of a router; its id is the port's."""

    def validate(self, inputs: PropertyMap) -> Sequence[CheckFailure]:
        if inputs.get("subnetId") is None and inputs.get("portId") is None:
            return [CheckFailure("subnetId", "one of subnetId and portId is required")]
        return ()

    def create(self, call: Call, inputs: PropertyMap) -> ResourceState:
        path = f"/routers/{inputs['routerId']}/add_router_interface"
        try:
            made = call.json(SERVICE, "PUT", path, _interface(inputs))
        except CloudError as error:
            if not error.unsure or (left := self.find_object(call, inputs)) is None:
                raise
            made = {"port_id": left["id"], "subnet_id": _only_subnet(left)}
        self.changed(call)
        outputs = {
            **{name: inputs[name] for name in ("forceDestroy",) if name in inputs},
            "routerId": inputs["routerId"],
            "portId": made["port_id"],
            "subnetId": inputs.get("subnetId") or made.get("subnet_id", ""),
            "region": call.region_name,
        }
        return ResourceState(str(made["port_id"]), outputs)

    def find_object(self, call: Call, inputs: PropertyMap) -> Json | None:
        for port in self.listing(call, {"device_id": inputs["routerId"]}):
            subnets = [item["subnet_id"] for item in port.get("fixed_ips") or []]
            if port["id"] == inputs.get("portId") or inputs.get("subnetId") in subnets:
                return port
        return None

    def look_up(self, call: Call, id_: str) -> Json | None:
        port = super().look_up(call, id_)
        return port if port and str(port.get("device_owner", "")).startswith("network:") else None

    def flatten(self, call: Call, found: Json, outputs: PropertyMap, prior: PropertyMap) -> None:
        outputs["routerId"] = found.get("device_id", "")
        outputs["portId"] = found["id"]
        outputs["subnetId"] = _only_subnet(found) or prior.get("subnetId", "")

    def update(
        self, call: Call, id_: str, state: ResourceState, news: PropertyMap, changed: set[str]
    ) -> ResourceState:
        return self.state(call, self.need(call, id_), news)

    def remove(self, call: Call, id_: str, state: ResourceState) -> None:
        router, subnet = state.outputs["routerId"], state.outputs.get("subnetId")
        # IPv6 subnets of one network share a port: only the subnet tells which part is meant.
        what = {"subnet_id": subnet} if subnet else {"port_id": id_}
        path = f"/routers/{router}/remove_router_interface"
        try:
            call.json(SERVICE, "PUT", path, what)
        except CloudError as error:
            if error.status != errors.CONFLICT or not state.outputs.get("forceDestroy"):
                raise
            call.json(SERVICE, "PUT", f"/routers/{router}", {"router": {"routes": []}})
            call.json(SERVICE, "PUT", path, what)


def _interface(inputs: PropertyMap) -> Json:
    if inputs.get("portId"):
        return {"port_id": inputs["portId"]}
    return {"subnet_id": inputs["subnetId"]}


def _only_subnet(port: Json) -> str:
    fixed = port.get("fixed_ips") or []
    return str(fixed[0]["subnet_id"]) if len(fixed) == 1 else ""


ROUTER_INTERFACE = _RouterInterface(
    token="openstack:networking/routerInterface:RouterInterface",
    label="router interface",
    service=SERVICE,
    path="/ports",
    noun="port",
    list_filter={"device_owner": "network:router_interface", "project_id": "{project}"},
    alone=True,
    fields=(
        text("routerId", api=None, required=True, replaces=True),
        text("subnetId", api=None, computed=True, replaces=True),
        text("portId", api=None, computed=True, replaces=True),
        boolean("forceDestroy", stored=True),
        REGION,
    ),
)


@dataclass(kw_only=True, eq=False)
class _RouterRoute(Resource):
    """One static route of a router; its id tells all of it."""

    def create(self, call: Call, inputs: PropertyMap) -> ResourceState:
        self._change(call, inputs["routerId"], add=_route(inputs))
        return self._state(call, inputs)

    def read(self, call: Call, id_: str, state: ResourceState | None) -> ResourceState | None:
        router_id, route = _parse_route(id_)
        router = ROUTER.look_up(call, router_id)
        if router is None or not any(_same_route(item, route) for item in router["routes"]):
            return None
        outputs = {
            "routerId": router_id,
            "destinationCidr": route["destination"],
            "nextHop": route["nexthop"],
            "region": call.region_name,
        }
        return ResourceState(id_, outputs, self.inputs_of(outputs, state))

    def find(self, call: Call, inputs: PropertyMap) -> ResourceState | None:
        router = call.find(SERVICE, f"/routers/{inputs['routerId']}")
        wanted = _route(inputs)
        there = router and any(_same_route(r, wanted) for r in router["router"]["routes"])
        return self._state(call, inputs) if there else None

    def update(
        self, call: Call, id_: str, state: ResourceState, news: PropertyMap, changed: set[str]
    ) -> ResourceState:
        return state

    def delete(self, call: Call, id_: str, state: ResourceState) -> None:
        router_id, route = _parse_route(id_)
        with unless_gone():
            self._change(call, router_id, remove=route)

    def _change(
        self, call: Call, router: str, *, add: Json | None = None, remove: Json | None = None
    ) -> None:
        """Neutron only takes all routes of a router at once: one change at a time."""
        with call.shared.lock("router", router):
            found = call.json(SERVICE, "GET", f"/routers/{router}")["router"]["routes"]
            routes = [item for item in found if remove is None or not _same_route(item, remove)]
            if add is not None and not any(_same_route(item, add) for item in routes):
                routes.append(add)
            if routes != found:
                body = {"router": {"routes": routes}}
                call.json(SERVICE, "PUT", f"/routers/{router}", body)
        ROUTER.changed(call)

    def _state(self, call: Call, inputs: PropertyMap) -> ResourceState:
        names = ("routerId", "destinationCidr", "nextHop")
        outputs = {**{name: inputs[name] for name in names}, "region": call.region_name}
        return ResourceState("{}-route-{}-{}".format(*(inputs[name] for name in names)), outputs)


def _route(inputs: PropertyMap) -> Json:
    return {"destination": inputs["destinationCidr"], "nexthop": inputs["nextHop"]}


def _same_route(one: Json, other: Json) -> bool:
    there, towards = addresses.network(one["destination"]), addresses.address(one["nexthop"])
    return (there, towards) == (
        addresses.network(other["destination"]),
        addresses.address(other["nexthop"]),
    )


def _parse_route(id_: str) -> tuple[str, Json]:
    """``<router>-route-<destination>-<next hop>``, as the official provider writes it."""
    router, _, rest = id_.partition("-route-")
    destination, _, next_hop = rest.partition("-")
    return router, {"destination": destination, "nexthop": next_hop}


ROUTER_ROUTE = _RouterRoute(
    token="openstack:networking/routerRoute:RouterRoute",
    label="route",
    alone=True,
    fields=(
        text("routerId", required=True, replaces=True),
        text("destinationCidr", required=True, replaces=True, same=addresses.network),
        text("nextHop", required=True, replaces=True, same=addresses.address),
        REGION,
    ),
)
