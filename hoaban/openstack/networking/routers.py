"""Routers, their interfaces and their routes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hoaban.engine.provider import CheckFailure, ResourceState
from hoaban.openstack import addresses, errors
from hoaban.openstack.cloud import NETWORK as SERVICE
from hoaban.openstack.convert import object_to_api
from hoaban.openstack.errors import CloudError
from hoaban.openstack.networking.networks import (
    COMMON,
    DESCRIPTION,
    NAME,
    Neutron,
    first_with_room,
)
from hoaban.openstack.schema import (
    REGION,
    block,
    boolean,
    objects,
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
_INTERFACES = frozenset(
    {
        "network:router_interface",
        "network:router_interface_distributed",
        "network:ha_router_replicated_interface",
    }
)  # neutron_lib/constants.py, ROUTER_INTERFACE_OWNERS
_ADDRESS = (text("subnetId"), text("ipAddress", computed=True, same=addresses.address))


@dataclass(kw_only=True, eq=False)
class _Router(Neutron):
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
            body["external_gateway_info"] = _gateway(inputs)
        return body

    def post(self, call: Call, body: Json) -> Json:
        info = body.get("external_gateway_info") or {}
        if not (subnets := info.pop("subnets", None)):
            return super().post(call, body)
        post = super().post

        def ask(subnet: str) -> Json:
            gateway = {**info, "external_fixed_ips": [{"subnet_id": subnet}]}
            return post(call, {**body, "external_gateway_info": gateway})

        return first_with_room(subnets, ask)

    def settle(self, call: Call, made: Json, inputs: PropertyMap) -> Json:
        if inputs.get("externalNetworkId") and not made.get("external_gateway_info"):
            info = _settled_gateway(inputs)
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
            asked = {**news, "externalNetworkId": external}
            body["external_gateway_info"] = _settled_gateway(asked)
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


def _gateway(inputs: PropertyMap) -> Json:
    """``external_gateway_info`` of the inputs; ``subnets`` are external subnets to try in turn."""
    info: Json = {"network_id": inputs["externalNetworkId"]}
    if inputs.get("enableSnat") is not None:
        info["enable_snat"] = inputs["enableSnat"]
    if inputs.get("externalQosPolicyId"):
        info["qos_policy_id"] = inputs["externalQosPolicyId"]
    if inputs.get("externalFixedIps"):
        fixed = inputs["externalFixedIps"]
        info["external_fixed_ips"] = [object_to_api(_ADDRESS, item) for item in fixed]
    elif inputs.get("externalSubnetIds"):
        info["subnets"] = list(inputs["externalSubnetIds"])
    return info


def _settled_gateway(inputs: PropertyMap) -> Json:
    """The same with the first of the external subnets."""
    info = _gateway(inputs)
    if subnets := info.pop("subnets", None):
        info["external_fixed_ips"] = [{"subnet_id": subnets[0]}]
    return info


ROUTER = _Router(
    token="openstack:networking/router:Router",
    telling=("externalNetworkId",),
    label="router",
    path="/routers",
    noun="router",
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
        *COMMON,
    ),
)


@dataclass(kw_only=True, eq=False)
class _RouterInterface(Neutron):
    """A port of a router; its id is the port's."""

    def validate(self, inputs: PropertyMap) -> Sequence[CheckFailure]:
        if inputs.get("subnetId") is None and inputs.get("portId") is None:
            return [CheckFailure("subnetId", "one of subnetId and portId is required")]
        return ()

    def create(self, call: Call, inputs: PropertyMap) -> ResourceState:
        path = f"/routers/{inputs['routerId']}/add_router_interface"
        try:
            # Neutron's longest call: four at once take as long as four in turn, and meanwhile hold
            # up the ports that servers wait for.
            with call.shared.lock("router", inputs["routerId"]):
                call.cloud.pause(0)  # whoever asked to stop meanwhile gets no more
                made = call.json(SERVICE, "PUT", path, _interface(inputs))
        except CloudError as error:
            there = (errors.BAD_REQUEST, errors.CONFLICT)  # the port is the router's, or has one
            left = self.left_behind(call, inputs, error, refusals=there)
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
        """The router's port of this id, or on this subnet: the cloud allows only one."""
        for port in self.listing(call, {"device_id": inputs["routerId"]}):
            if port.get("device_owner") not in _INTERFACES:  # its gateway, perhaps
                continue
            subnets = [item["subnet_id"] for item in port.get("fixed_ips") or []]
            wanted = inputs.get("portId")
            if port["id"] == wanted if wanted else inputs.get("subnetId") in subnets:
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
    path="/ports",
    noun="port",
    list_filter={"device_owner": "network:router_interface", "project_id": "{project}"},
    elsewhere=True,  # a router's ports are its owner's, whoever asks for them
    alone=True,
    fields=(
        text("routerId", api=None, required=True, replaces=True),
        text("subnetId", api=None, computed=True, replaces=True),
        text("portId", api=None, computed=True, replaces=True),
        boolean("forceDestroy", stored=True),
        REGION,
    ),
)
