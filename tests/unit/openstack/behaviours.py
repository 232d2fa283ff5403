"""What services in memory do beside making, showing, changing and deleting objects.

Each is named by the case of a type: it adds routes for the collection at ``path``.
"""

from __future__ import annotations

import json
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


def extra_specs(cloud: FakeCloud, types: Collection, path: str) -> None:
    """A volume type's specifications; what is asked and what is told of `is_public` differ."""
    one = rf"{path}/(?P<id>[^/]+)/extra_specs"

    def add(asked: Request, found: re.Match[str]) -> Json:
        held = types.need(found["id"])
        held["extra_specs"] = {**held["extra_specs"], **asked.body["extra_specs"]}
        return asked.body

    def remove(_: Request, found: re.Match[str]) -> None:
        held = types.need(found["id"])
        held["extra_specs"] = {k: v for k, v in held["extra_specs"].items() if k != found["name"]}

    def post(asked: Request, _: re.Match[str]) -> Json:
        body = dict(asked.body["volume_type"])
        public = body.pop("os-volume-type-access:is_public", True)
        return {"volume_type": types.make({**body, "is_public": public})}

    cloud.on("POST", path, post)
    cloud.on("GET", path, lambda *_: {"volume_types": list(types.objects.values())})
    cloud.on("POST", one, add)
    cloud.on("DELETE", rf"{one}/(?P<name>[^/]+)", remove)


def type_access(cloud: FakeCloud, access: Collection, path: str) -> None:
    """Projects that may use a volume type."""
    type_ = path.rpartition("/")[0]

    def act(asked: Request, _: re.Match[str]) -> Json:
        action, how = next(iter(asked.body.items()))
        if action == "addProjectAccess":
            access.objects[how["project"]] = {"project_id": how["project"]}
        elif access.objects.pop(how["project"], None) is None:
            raise Refused(404, "no such access")
        return {}

    cloud.on("POST", f"{type_}/action", act)
    told = lambda *_: {"volume_type_access": list(access.objects.values())}  # noqa: E731 - a route
    cloud.on("GET", f"{type_}/os-volume-type-access", told)


def qos(cloud: FakeCloud, specs: Collection, path: str) -> None:
    """Specifications are taken beside the name, and told apart."""
    one = rf"{path}/(?P<id>[^/]+)"

    def split(body: Json) -> Json:
        known = {name: body[name] for name in ("name", "consumer") if name in body}
        return {**known, "specs": {k: v for k, v in body.items() if k not in known}}

    def post(asked: Request, _: re.Match[str]) -> Json:
        return {"qos_specs": specs.make(split(asked.body["qos_specs"]))}

    def put(asked: Request, found: re.Match[str]) -> Json:
        held, new = specs.need(found["id"]), split(asked.body["qos_specs"])
        held |= {**new, "specs": {**held["specs"], **new["specs"]}}
        return asked.body

    def remove(asked: Request, found: re.Match[str]) -> Json:
        held = specs.need(found["id"])
        held["specs"] = {k: v for k, v in held["specs"].items() if k not in asked.body["keys"]}
        return {}

    cloud.on("PUT", f"{one}/delete_keys", remove)
    cloud.on("POST", path, post)
    cloud.on("PUT", one, put)


def qos_association(cloud: FakeCloud, types: Collection, path: str) -> None:
    """Volume types that a QoS is for: Cinder changes them with a GET."""
    qos_ = path.rpartition("/")[0]

    def add(asked: Request, _: re.Match[str]) -> None:
        id_ = str(asked.param("vol_type_id"))
        types.objects[id_] = {"id": id_, "association_type": "volume_type", "name": "t"}

    def remove(asked: Request, _: re.Match[str]) -> None:
        if types.objects.pop(str(asked.param("vol_type_id")), None) is None:
            raise Refused(404, "no such association")

    cloud.on("GET", f"{qos_}/associate", add)
    cloud.on("GET", f"{qos_}/disassociate", remove)
    cloud.on("GET", path, lambda *_: {"qos_associations": list(types.objects.values())})


def attach(cloud: FakeCloud, volumes: Collection, path: str) -> None:
    """A volume's way to a host."""

    def act(asked: Request, found: re.Match[str]) -> Json:
        one = volumes.need(found["id"])
        action, how = next(iter(asked.body.items()))
        if action == "os-initialize_connection":
            data = {"target_iqn": "iqn.a", "encrypted": False}
            return {"connection_info": {"driver_volume_type": "iscsi", "data": data}}
        if action == "os-attach":
            if one["attachments"]:
                raise Refused(400, "volume is in use already")
            held = {"attachment_id": "attachment-1", "host_name": how["host_name"], "device": "vdb"}
            one |= {"status": "in-use", "attachments": [held]}
        elif action == "os-detach":
            one |= {"status": "available", "attachments": []}
        return {}

    cloud.on("POST", rf"{path}/(?P<id>[^/]+)/action", act)
    cloud.on("GET", f"{path}/detail", lambda *_: {"volumes": list(volumes.objects.values())})


def endpoint(cloud: FakeCloud, endpoints: Collection, path: str) -> None:
    """An endpoint's service, and its region by id."""
    service = {"id": "service-1", "name": "metrics", "type": "monitoring", "enabled": True}
    services = path.replace("/endpoints", "/services")

    def post(asked: Request, _: re.Match[str]) -> Json:
        body = asked.body["endpoint"]
        return {"endpoint": endpoints.make({**body, "region_id": body["region"]})}

    cloud.on("GET", services, lambda *_: {"services": [service]})
    cloud.on("POST", path, post)


def membership(cloud: FakeCloud, groups: Collection, path: str) -> None:
    """The groups of a user."""
    one = r"/identity/v3/groups/(?P<id>[^/]+)/users/user-1"

    def add(_: Request, found: re.Match[str]) -> None:
        groups.objects[found["id"]] = {"id": found["id"]}

    cloud.on("PUT", one, add)
    cloud.on("DELETE", one, lambda _, found: groups.delete(found["id"]))


def inherited(cloud: FakeCloud, grants: Collection, path: str) -> None:
    """Roles on the projects in a project; beside them the same role on the project itself."""
    inherit = path.replace("/role_assignments", "/OS-INHERIT")
    who = r"/projects/(?P<p>[^/]+)/users/(?P<u>[^/]+)/roles/(?P<r>[^/]+)"
    one = rf"{inherit}{who}/inherited_to_projects"

    def grant(found: re.Match[str]) -> Json:
        scope = {"project": {"id": found["p"]}, "OS-INHERIT:inherited_to": "projects"}
        return {"scope": scope, "user": {"id": found["u"]}, "role": {"id": found["r"]}}

    def add(_: Request, found: re.Match[str]) -> None:
        grants.objects["grant"] = grant(found)

    cloud.on("PUT", one, add)
    cloud.on("DELETE", one, lambda *_: grants.delete("grant"))


def application_credential(cloud: FakeCloud, credentials: Collection, path: str) -> None:
    """The secret is told in the answer to the create, and never again."""

    def post(asked: Request, _: re.Match[str]) -> Json:
        body = {k: v for k, v in asked.body["application_credential"].items() if k != "secret"}
        body["expires_at"] = body["expires_at"].replace("Z", ".000000")
        secret = asked.body["application_credential"].get("secret", "made-by-keystone")
        return {"application_credential": {**credentials.make(body), "secret": secret}}

    cloud.on("POST", path, post)


def ec2(cloud: FakeCloud, credentials: Collection, path: str) -> None:
    """Pairs of keys: made by the general call, told by the special one."""

    def post(asked: Request, _: re.Match[str]) -> Json:
        body = asked.body["credential"]
        made = {"user_id": body["user_id"], "tenant_id": body["project_id"], "trust_id": None}
        credentials.make({**json.loads(body["blob"]), **made})
        return {"credential": body}

    cloud.on("POST", "/identity/v3/credentials", post)


def aggregate(cloud: FakeCloud, aggregates: Collection, path: str) -> None:
    """Hosts and metadata of an aggregate; its zone is among the metadata, too."""
    one = rf"{path}/(?P<id>[^/]+)"

    def act(asked: Request, found: re.Match[str]) -> Json:
        held = aggregates.need(found["id"])
        action, how = next(iter(asked.body.items()))
        if action == "set_metadata":
            merged = {**held["metadata"], **how["metadata"]}
            held["metadata"] = {k: v for k, v in merged.items() if v is not None}
        elif action == "add_host":
            held["hosts"] = [*held["hosts"], how["host"]]
        else:
            held["hosts"] = [host for host in held["hosts"] if host != how["host"]]
        return {"aggregate": held}

    def post(asked: Request, _: re.Match[str]) -> Json:
        body = asked.body["aggregate"]
        zone = {"metadata": {"availability_zone": body["availability_zone"]}}
        return {"aggregate": aggregates.make({**body, **zone})}

    def delete(_: Request, found: re.Match[str]) -> None:
        if aggregates.need(found["id"])["hosts"]:
            raise Refused(400, "Host aggregate is not empty.")
        aggregates.delete(found["id"])

    cloud.on("POST", f"{one}/action", act)
    cloud.on("POST", path, post)
    cloud.on("DELETE", one, delete)


def image_member(cloud: FakeCloud, members: Collection, path: str) -> None:
    """A project is asked for as `member`, and told as `member_id`."""

    def post(asked: Request, _: re.Match[str]) -> Json:
        member = asked.body["member"]
        if member in members.objects:
            raise Refused(409, "it is a member already")
        return members.make({"member_id": member})

    cloud.on("POST", path, post)
