"""Static routes of routers, each a resource of its own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hoaban.engine.provider import ResourceState
from hoaban.openstack import addresses
from hoaban.openstack.cloud import NETWORK as SERVICE
from hoaban.openstack.networking.routers import ROUTER
from hoaban.openstack.patience import unless_gone
from hoaban.openstack.resource import Resource
from hoaban.openstack.schema import REGION, text

if TYPE_CHECKING:
    from hoaban.engine.values import PropertyMap
    from hoaban.openstack.call import Call

Json = dict[str, Any]


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
        return self.seen(id_, outputs, state)

    def find(self, call: Call, inputs: PropertyMap) -> ResourceState | None:
        router = call.find(SERVICE, f"/routers/{inputs['routerId']}")
        wanted = _route(inputs)
        there = router and any(_same_route(r, wanted) for r in router["router"]["routes"])
        return self._state(call, inputs) if there else None

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
