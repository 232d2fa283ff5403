"""What services in memory do beside making, showing, changing and deleting objects.

Each is named by the case of a type: it adds routes for the collection at ``path``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.unit.openstack.fake_cloud import Refused

if TYPE_CHECKING:
    import re

    from tests.unit.openstack.fake_cloud import Collection, FakeCloud, Json, Request


def trunk(cloud: FakeCloud, trunks: Collection, path: str) -> None:
    """Neutron adds and takes away a trunk's ports."""

    def add(asked: Request, found: re.Match[str]) -> Json:
        one = trunks.need(found["id"])
        one["sub_ports"] = [*one.get("sub_ports", []), *asked.body["sub_ports"]]
        return one

    def remove(asked: Request, found: re.Match[str]) -> Json:
        one = trunks.need(found["id"])
        gone = {port["port_id"] for port in asked.body["sub_ports"]}
        one["sub_ports"] = [port for port in one["sub_ports"] if port["port_id"] not in gone]
        return one

    cloud.on("PUT", rf"{path}/(?P<id>[^/]+)/add_subports", add)
    cloud.on("PUT", rf"{path}/(?P<id>[^/]+)/remove_subports", remove)


def speaker(cloud: FakeCloud, speakers: Collection, path: str) -> None:
    """A speaker's networks and peers, and what it tells them."""

    def change(part: str, attribute: str, *, add: bool) -> None:
        def answer(asked: Request, found: re.Match[str]) -> Json:
            one = speakers.need(found["id"])
            held = {*one.get(part, [])}
            held = held | {asked.body[attribute]} if add else held - {asked.body[attribute]}
            one[part] = sorted(held)
            return {}

        verb = "add" if add else "remove"
        name = {"networks": "gateway_network", "peers": "bgp_peer"}[part]
        cloud.on("PUT", rf"{path}/(?P<id>[^/]+)/{verb}_{name}", answer)

    for part, attribute in (("networks", "network_id"), ("peers", "bgp_peer_id")):
        change(part, attribute, add=True)
        change(part, attribute, add=False)
    routes = [{"destination": "192.0.2.0/24", "next_hop": "203.0.113.1"}]
    told = {"advertised_routes": routes}
    cloud.on("GET", rf"{path}/[^/]+/get_advertised_routes", lambda *_: told)


def extra_routes(cloud: FakeCloud, routers: Collection, path: str) -> None:
    """A router's routes, added and taken away without touching the others."""

    def add(asked: Request, found: re.Match[str]) -> Json:
        one = routers.need(found["id"])
        new = [route for route in asked.body["router"]["routes"] if route not in one["routes"]]
        one["routes"] = [*one["routes"], *new]
        return {"router": one}

    def remove(asked: Request, found: re.Match[str]) -> Json:
        one = routers.need(found["id"])
        gone = asked.body["router"]["routes"]
        one["routes"] = [route for route in one["routes"] if route not in gone]
        return {"router": one}

    cloud.on("PUT", rf"{path}/(?P<id>[^/]+)/add_extraroutes", add)
    cloud.on("PUT", rf"{path}/(?P<id>[^/]+)/remove_extraroutes", remove)


def address_group(cloud: FakeCloud, groups: Collection, path: str) -> None:
    """A group's addresses, changed in calls that aren't wrapped as all others are."""

    def add(asked: Request, found: re.Match[str]) -> Json:
        one = groups.need(found["id"])
        one["addresses"] = [*one["addresses"], *asked.body["addresses"]]
        return {"address_group": one}

    def remove(asked: Request, found: re.Match[str]) -> Json:
        one = groups.need(found["id"])
        one["addresses"] = [a for a in one["addresses"] if a not in asked.body["addresses"]]
        return {"address_group": one}

    cloud.on("PUT", rf"{path}/(?P<id>[^/]+)/add_addresses", add)
    cloud.on("PUT", rf"{path}/(?P<id>[^/]+)/remove_addresses", remove)


_LBAAS = "/load-balancer/v2/lbaas"


class Balancer:
    """A load balancer that is immutable for a while after a change: until it was looked at.

    Whoever doesn't look is refused once: then some time has passed.
    """

    def __init__(self, cloud: FakeCloud) -> None:
        self.pending = False
        cloud.on("GET", f"{_LBAAS}/loadbalancers", lambda *_: {"loadbalancers": [self.told()]})
        cloud.on("GET", f"{_LBAAS}/loadbalancers/lb-1", lambda *_: {"loadbalancer": self.look()})

    def told(self) -> Json:
        status = "PENDING_UPDATE" if self.pending else "ACTIVE"
        return {"id": "lb-1", "name": "lb", "provisioning_status": status}

    def look(self) -> Json:
        told = self.told()
        self.pending = False
        return told

    def change(self) -> None:
        """Begin a change, or refuse it."""
        if self.pending:
            self.pending = False
            raise Refused(409, "Load Balancer lb-1 is immutable and cannot be updated.")
        self.pending = True


def octavia(cloud: FakeCloud, parts: Collection, path: str) -> None:
    """Parts of a load balancer, and those above them."""
    balancer = Balancer(cloud)
    above: dict[str, Json] = {
        "listeners/listener-1": {
            "listener": {"id": "listener-1", "loadbalancers": [{"id": "lb-1"}]}
        },
        "pools/pool-1": {"pool": {"id": "pool-1", "loadbalancers": [{"id": "lb-1"}]}},
        "l7policies/policy-1": {"l7policy": {"id": "policy-1", "listener_id": "listener-1"}},
    }
    one = rf"{path}/(?P<id>[^/]+)"

    def post(asked: Request, found: re.Match[str]) -> Json:
        balancer.change()
        return parts.post(asked, found)

    def put(asked: Request, found: re.Match[str]) -> Json:
        balancer.change()
        return parts.put(asked, found)

    def delete(_: Request, found: re.Match[str]) -> None:
        balancer.change()
        parts.delete(found["id"])

    cloud.on("POST", path, post)
    cloud.on("PUT", one, put)
    cloud.on("DELETE", one, delete)
    for place, told in above.items():
        if not path.endswith("/" + place.split("/", maxsplit=1)[0]):
            cloud.on("GET", f"{_LBAAS}/{place}", lambda *_, told=told: told)
            noun = next(iter(told))
            plural = place.split("/", maxsplit=1)[0]
            listed = {plural: [told[noun]]}
            cloud.on("GET", f"{_LBAAS}/{plural}", lambda *_, listed=listed: listed)


def members(cloud: FakeCloud, pools: Collection, path: str) -> None:
    """All members of a pool at once."""
    balancer = Balancer(cloud)

    def put(asked: Request, found: re.Match[str]) -> Json:
        balancer.change()
        default = {"weight": 1, "backup": False, "admin_state_up": True, "name": ""}
        pools.need(found["id"])["members"] = [
            {"id": f"m{number}", **default, **one}
            for number, one in enumerate(asked.body["members"])
        ]
        return {}

    def get(_: Request, found: re.Match[str]) -> Json:
        return {"members": pools.need(found["id"])["members"]}

    cloud.on("PUT", rf"{path}/(?P<id>[^/]+)/members", put)
    cloud.on("GET", rf"{path}/(?P<id>[^/]+)/members", get)


def transfer_request(cloud: FakeCloud, requests: Collection, path: str) -> None:
    """An offer is made under the zone, and kept elsewhere."""

    def post(asked: Request, found: re.Match[str]) -> Json:
        return requests.make({**asked.body, "zone_id": found["zone"]})

    under = path.replace("/tasks/", "/(?P<zone>[^/]+)/tasks/")
    cloud.on("POST", under, post)


def barbican(cloud: FakeCloud, things: Collection, path: str) -> None:
    """Who may read a secret or container; a secret's metadata; what is in a container."""
    one = rf"{path}/(?P<id>[^/]+)"
    acls: dict[str, Json] = {}
    held: dict[str, Json] = {}

    def set_acl(asked: Request, found: re.Match[str]) -> Json:
        times = {"created": "2026-01-01T00:00:00", "updated": "2026-01-01T00:00:00"}
        acls[found["id"]] = {"read": {**asked.body["read"], **times}}
        return {"acl_ref": "somewhere"}

    def set_metadata(asked: Request, found: re.Match[str]) -> Json:
        held[found["id"]] = asked.body
        return {"metadata_ref": "somewhere"}

    def add(asked: Request, found: re.Match[str]) -> Json:
        things.need(found["id"])["secret_refs"].append(asked.body)
        return {"container_ref": "somewhere"}

    def remove(asked: Request, found: re.Match[str]) -> None:
        things.need(found["id"])["secret_refs"].remove(asked.body)

    everyone = {"read": {"project-access": True}}
    cloud.on("PUT", f"{one}/acl", set_acl)
    cloud.on("GET", f"{one}/acl", lambda _, found: acls.get(found["id"], everyone))
    cloud.on("PUT", f"{one}/metadata", set_metadata)
    cloud.on("GET", f"{one}/metadata", lambda _, found: held.get(found["id"], {"metadata": {}}))
    cloud.on("POST", f"{one}/secrets", add)
    cloud.on("DELETE", f"{one}/secrets", remove)
