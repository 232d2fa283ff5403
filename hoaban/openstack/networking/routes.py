"""Static routes: of routers and of subnets, one a resource, or all of a router's as one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hoaban.engine.provider import CheckFailure, ResourceState
from hoaban.openstack import addresses
from hoaban.openstack.cloud import NETWORK as SERVICE
from hoaban.openstack.convert import object_from_api, object_to_api
from hoaban.openstack.networking.networks import SUBNET, Neutron
from hoaban.openstack.networking.routers import ROUTER
from hoaban.openstack.patience import unless_gone
from hoaban.openstack.resource import Resource
from hoaban.openstack.schema import REGION, object_set, text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hoaban.engine.values import PropertyMap
    from hoaban.openstack.call import Call

Json = dict[str, Any]

ROUTE = (
    text("destinationCidr", api="destination", required=True, same=addresses.network),
    text("nextHop", api="nexthop", required=True, same=addresses.address),
)
"""A route inside a router or subnet."""
_ALONE = (
    text("destinationCidr", required=True, replaces=True, same=addresses.network),
    text("nextHop", required=True, replaces=True, same=addresses.address),
)


@dataclass(kw_only=True, eq=False)
class _Route(Resource):
    """One static route of a router or subnet; its id tells all of it.

    ``of`` is whose it is, ``parent`` the property that names it, ``attribute`` where its routes
    are.
    """

    of: Neutron
    parent: str
    attribute: str

    def create(self, call: Call, inputs: PropertyMap) -> ResourceState:
        self._change(call, inputs[self.parent], add=_route(inputs))
        return self._state(call, inputs)

    def read(self, call: Call, id_: str, state: ResourceState | None) -> ResourceState | None:
        owner, route = _parse_route(id_)
        found = self.of.look_up(call, owner)
        if found is None or not any(_same_route(item, route) for item in found[self.attribute]):
            return None
        outputs = {
            self.parent: owner,
            "destinationCidr": route["destination"],
            "nextHop": route["nexthop"],
            "region": call.region_name,
        }
        return self.seen(id_, outputs, state)

    def find(self, call: Call, inputs: PropertyMap) -> ResourceState | None:
        found = self.of.get(call, inputs[self.parent])
        wanted = _route(inputs)
        there = found and any(_same_route(one, wanted) for one in found[self.attribute])
        return self._state(call, inputs) if there else None

    def delete(self, call: Call, id_: str, state: ResourceState) -> None:
        owner, route = _parse_route(id_)
        with unless_gone():
            self._change(call, owner, remove=route)

    def _change(
        self, call: Call, owner: str, *, add: Json | None = None, remove: Json | None = None
    ) -> None:
        """Neutron only takes all routes of an object at once: one change at a time."""
        with call.shared.lock(self.of.noun, owner):
            found = self.of.need(call, owner)[self.attribute]
            routes = [item for item in found if remove is None or not _same_route(item, remove)]
            if add is not None and not any(_same_route(item, add) for item in routes):
                routes.append(add)
            if routes != found:
                self.of.put(call, owner, {self.attribute: routes})
        self.of.changed(call)

    def _state(self, call: Call, inputs: PropertyMap) -> ResourceState:
        names = (self.parent, "destinationCidr", "nextHop")
        outputs = {**{name: inputs[name] for name in names}, "region": call.region_name}
        return ResourceState("{}-route-{}-{}".format(*(inputs[name] for name in names)), outputs)


def _route(inputs: PropertyMap) -> Json:
    return {"destination": inputs["destinationCidr"], "nexthop": inputs["nextHop"]}


def _same_route(one: Json, other: Json) -> bool:
    return _key(one) == _key(other)


def _key(route: Json) -> tuple[Any, Any]:
    return addresses.network(route["destination"]), addresses.address(route["nexthop"])


def _parse_route(id_: str) -> tuple[str, Json]:
    """``<owner>-route-<destination>-<next hop>``, as the official provider writes it."""
    owner, _, rest = id_.partition("-route-")
    destination, _, next_hop = rest.partition("-")
    return owner, {"destination": destination, "nexthop": next_hop}


ROUTER_ROUTE = _Route(
    token="openstack:networking/routerRoute:RouterRoute",
    label="route",
    alone=True,
    of=ROUTER,
    parent="routerId",
    attribute="routes",
    fields=(text("routerId", required=True, replaces=True), *_ALONE, REGION),
)

SUBNET_ROUTE = _Route(
    token="openstack:networking/subnetRoute:SubnetRoute",
    label="route of a subnet",
    alone=True,
    of=SUBNET,
    parent="subnetId",
    attribute="host_routes",
    fields=(text("subnetId", required=True, replaces=True), *_ALONE, REGION),
)


@dataclass(kw_only=True, eq=False)
class _RouterRoutes(Neutron):
    """All static routes of a router; its id is the router's.

    Changed by the calls that add and take away (extension ``extraroute-atomic``), which know no
    lost update.
    """

    def validate(self, inputs: PropertyMap) -> Sequence[CheckFailure]:
        return [
            failure
            for index, route in enumerate(inputs.get("routes", []))
            if isinstance(route, dict)
            for failure in (
                *addresses.check_network(
                    f"routes[{index}].destinationCidr", route.get("destinationCidr")
                ),
                *addresses.check_address(f"routes[{index}].nextHop", route.get("nextHop")),
            )
        ]

    def create(self, call: Call, inputs: PropertyMap) -> ResourceState:
        return self._change(call, inputs["routerId"], [], inputs)

    def find(self, call: Call, inputs: PropertyMap) -> ResourceState | None:
        """Nothing to adopt: adding a route again does no harm."""
        return None

    def look_up(self, call: Call, id_: str) -> Json | None:
        return ROUTER.look_up(call, id_)

    def update(
        self, call: Call, id_: str, state: ResourceState, news: PropertyMap, changed: set[str]
    ) -> ResourceState:
        return self._change(call, id_, state.outputs.get("routes", []), news)

    def remove(self, call: Call, id_: str, state: ResourceState) -> None:
        self._change(call, id_, state.outputs.get("routes", []), {})

    def _change(
        self, call: Call, id_: str, old: Sequence[PropertyMap], inputs: PropertyMap
    ) -> ResourceState:
        before = [object_to_api(ROUTE, one) for one in old]
        after = [object_to_api(ROUTE, one) for one in inputs.get("routes", [])]
        gone = [one for one in before if _key(one) not in map(_key, after)]
        added = [one for one in after if _key(one) not in map(_key, before)]
        found = None
        with call.shared.lock(ROUTER.noun, id_):
            for verb, routes in (("remove_extraroutes", gone), ("add_extraroutes", added)):
                if routes:
                    body = {"router": {"routes": routes}}
                    answer = call.json(SERVICE, "PUT", f"{self.path}/{id_}/{verb}", body)
                    found = self.unwrap(answer)
        ROUTER.changed(call)
        return self.state(call, found or self.need(call, id_), inputs)

    def flatten(self, call: Call, found: Json, outputs: PropertyMap, prior: PropertyMap) -> None:
        outputs["routerId"] = found["id"]
        routes = [object_from_api(ROUTE, one) for one in found.get("routes") or []]
        if routes or prior.get("routes"):
            outputs["routes"] = routes


ROUTER_ROUTES = _RouterRoutes(
    token="openstack:networking/routerRoutesV2:RouterRoutesV2",
    label="routes of a router",
    path="/routers",
    noun="router",
    alone=True,
    fields=(
        text("routerId", api=None, required=True, replaces=True),
        object_set("routes", *ROUTE, api=None),
        REGION,
    ),
)

RESOURCES = (ROUTER_ROUTE, SUBNET_ROUTE, ROUTER_ROUTES)
