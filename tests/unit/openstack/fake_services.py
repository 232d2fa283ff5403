"""The services of the cloud in memory, as far as the provider sees them."""

from __future__ import annotations

import hashlib
import uuid
from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING, Any

from tests.unit.openstack.fake_cloud import PROJECT, USER, Collection, FakeCloud, Json, Refused

if TYPE_CHECKING:
    import re

    from tests.unit.openstack.fake_cloud import Request

V2 = "/network/v2.0"
NOVA = "/compute/v2.1"
CINDER = f"/volume/v3/{PROJECT}"
GLANCE = "/image/v2"
SWIFT = f"/swift/v1/AUTH_{PROJECT}"
KEYSTONE = "/identity/v3"


class Neutron:
    """Networks, subnets, ports, routers, groups, floating IPs, quotas."""

    def __init__(self, cloud: FakeCloud) -> None:
        self.cloud = cloud
        self.extensions = ["tag", "tag-ports-during-bulk-creation"]
        self.tags_new_ports = True  # has the driver; a cloud with OVN does not tell whether
        cloud.on(
            "GET",
            f"{V2}/extensions",
            lambda *_: {"extensions": [{"alias": alias} for alias in self.extensions]},
        )
        self.networks = _Networks(cloud, f"{V2}/networks", "network")
        self.subnets = _Subnets(cloud, f"{V2}/subnets", "subnet")
        self.ports = _Ports(cloud, f"{V2}/ports", "port")
        self.ports.neutron = self
        self.groups = _Groups(cloud, f"{V2}/security-groups", "security_group")
        self.rules = _Rules(cloud, f"{V2}/security-group-rules", "security_group_rule")
        self.rules.groups = self.groups
        self.groups.rules = self.rules
        self.routers = _Routers(cloud, f"{V2}/routers", "router")
        self.floating = _Floating(cloud, f"{V2}/floatingips", "floatingip")
        for name, collection in (
            ("networks", self.networks),
            ("subnets", self.subnets),
            ("ports", self.ports),
            ("security-groups", self.groups),
            ("routers", self.routers),
            ("floatingips", self.floating),
        ):
            cloud.on("PUT", rf"{V2}/{name}/(?P<id>[^/]+)/tags", _tagger(collection))
        cloud.on("PUT", rf"{V2}/routers/(?P<id>[^/]+)/add_router_interface", self._join)
        cloud.on("PUT", rf"{V2}/routers/(?P<id>[^/]+)/remove_router_interface", self._part)
        quotas = {"network": 10, "port": 50, "router": 5, "subnet": 10, "floatingip": 5}
        more = {"security_group": 10, "security_group_rule": 99, "rbac_policy": 9, "subnetpool": -1}
        _quota(cloud, f"{V2}/quotas", "quota", {**quotas, **more})
        self.external = self.networks.make({"name": "public", "router:external": True})

    def _join(self, asked: Request, found: re.Match[str]) -> Json:
        router = self.routers.need(found["id"])
        subnet = self.subnets.need(asked.body["subnet_id"])
        for port in self.ports.objects.values():
            subnets = {one["subnet_id"] for one in port["fixed_ips"]}
            if port["device_id"] == router["id"] and subnet["id"] in subnets:
                raise Refused(400, f"Router already has a port on subnet {subnet['id']}")
        port = self.ports.make(
            {
                "network_id": subnet["network_id"],
                "device_id": router["id"],
                "device_owner": "network:router_interface",
                "fixed_ips": [{"subnet_id": subnet["id"], "ip_address": subnet["gateway_ip"]}],
            }
        )
        return {"id": router["id"], "port_id": port["id"], "subnet_id": subnet["id"]}

    def _part(self, asked: Request, found: re.Match[str]) -> Json:
        for port in list(self.ports.objects.values()):
            subnets = {one["subnet_id"] for one in port["fixed_ips"]}
            if port["device_id"] == found["id"] and asked.body.get("subnet_id") in subnets:
                del self.ports.objects[port["id"]]
                return {"id": found["id"]}
        raise Refused(404, "no such interface")


class _Networks(Collection):
    def fill(self, body: Json) -> Json:
        base = {
            "admin_state_up": True,
            "availability_zone_hints": [],
            "description": "",
            "dns_domain": "",
            "router:external": False,
            "mtu": 1442,
            "port_security_enabled": True,
            "project_id": PROJECT,
            "provider:network_type": "geneve",
            "provider:physical_network": None,
            "provider:segmentation_id": 7,
            "qos_policy_id": None,
            "shared": False,
            "status": "ACTIVE",
            "subnets": [],
            "tags": [],
            "vlan_transparent": None,
        }
        return {**base, **body}


class _Subnets(Collection):
    def see(self, body: Json) -> None:
        for one in self.objects.values():
            if one["cidr"] == body.get("cidr") and one["network_id"] == body["network_id"]:
                raise Refused(400, f"Requested subnet with cidr: {body['cidr']} overlaps")

    def fill(self, body: Json) -> Json:
        net = ip_network(body["cidr"])
        base = {
            "allocation_pools": [{"start": str(net[2]), "end": str(net[-2])}],
            "description": "",
            "dns_nameservers": [],
            "dns_publish_fixed_ip": False,
            "enable_dhcp": True,
            "gateway_ip": str(net[1]),
            "host_routes": [],
            "ip_version": net.version,
            "ipv6_address_mode": None,
            "ipv6_ra_mode": None,
            "project_id": PROJECT,
            "segment_id": None,
            "service_types": [],
            "subnetpool_id": None,
            "tags": [],
        }
        return {**base, **body, "cidr": str(net)}


class _Ports(Collection):
    neutron: Neutron
    quota = 50

    def see(self, body: Json) -> None:
        known = {"tag-ports-during-bulk-creation", "tag-creation"} & set(self.neutron.extensions)
        if "tags" in body and not known:
            raise Refused(400, "Attribute 'tags' not allowed in POST", "HTTPBadRequest")
        if len(self.objects) >= self.quota:
            raise Refused(409, "Quota exceeded for resources: ['port'].", "NeutronError")
        for fixed in body.get("fixed_ips") or []:
            for port in self.objects.values():
                if fixed.get("ip_address") in [one["ip_address"] for one in port["fixed_ips"]]:
                    address = fixed["ip_address"]
                    raise Refused(409, f"IP address {address} already allocated", "NeutronError")

    def fill(self, body: Json) -> Json:
        number = len(self.objects) + 1
        default = [{"subnet_id": id_} for id_ in self._subnets(body["network_id"])]
        base = {
            "admin_state_up": True,
            "allowed_address_pairs": [],
            "binding:host_id": "",
            "binding:profile": {},
            "binding:vif_details": {},
            "binding:vif_type": "unbound",
            "binding:vnic_type": "normal",
            "description": "",
            "device_id": "",
            "device_owner": "",
            "dns_assignment": [],
            "dns_name": "",
            "extra_dhcp_opts": [],
            "mac_address": f"fa:16:3e:00:00:{number:02x}",
            "port_security_enabled": True,
            "project_id": PROJECT,
            "qos_policy_id": None,
            "security_groups": ["default-group"],
            "status": "DOWN",
            "tags": [],
        }
        asked = body.get("fixed_ips", default)
        if not self.neutron.tags_new_ports:
            body = {**body, "tags": []}
        return {**base, **body, "fixed_ips": [self._address(one) for one in asked]}

    def put(self, asked: Request, found: re.Match[str]) -> Json:
        answer = super().put(asked, found)
        port = answer["port"]
        port["fixed_ips"] = [self._address(one) for one in port["fixed_ips"]]
        return answer

    def _subnets(self, network: str) -> list[str]:
        all_of_them = self.neutron.subnets.objects.values()
        return [one["id"] for one in all_of_them if one["network_id"] == network]

    def _address(self, asked: Json) -> Json:
        if "ip_address" in asked:
            return asked
        subnet = self.neutron.subnets.need(asked["subnet_id"])
        start = ip_address(subnet["allocation_pools"][0]["start"])
        return {**asked, "ip_address": str(start + len(self.objects))}


class _Groups(Collection):
    rules: _Rules

    def fill(self, body: Json) -> Json:
        id_ = str(uuid.uuid4())
        rules = [
            self.rules.make({"security_group_id": id_, "direction": "egress", "ethertype": kind})
            for kind in ("IPv4", "IPv6")
        ]
        base = {"description": "", "stateful": True, "tags": [], "project_id": PROJECT}
        return {**base, **body, "id": id_, "security_group_rules": rules}


class _Rules(Collection):
    groups: _Groups
    _PARTS = (
        "security_group_id",
        "direction",
        "ethertype",
        "protocol",
        "port_range_min",
        "port_range_max",
        "remote_ip_prefix",
        "remote_group_id",
    )

    def post(self, asked: Request, found: Any) -> Json:
        bodies = asked.body.get(self.plural, [])
        if len({one["security_group_id"] for one in bodies}) > 1:
            raise Refused(400, "Only allowed to update rules for one security profile at a time")
        return super().post(asked, found)

    def see(self, body: Json) -> None:
        for one in self.objects.values():
            if all(one.get(part) == body.get(part) for part in self._PARTS):
                raise Refused(409, f"Security group rule already exists. Rule id is {one['id']}.")

    def fill(self, body: Json) -> Json:
        empty: Json = dict.fromkeys((*self._PARTS, "remote_address_group_id"))
        return {**empty, "description": "", "project_id": PROJECT, **body}


class _Routers(Collection):
    def fill(self, body: Json) -> Json:
        base = {
            "admin_state_up": True,
            "availability_zone_hints": [],
            "description": "",
            "distributed": False,
            "external_gateway_info": None,
            "project_id": PROJECT,
            "routes": [],
            "status": "ACTIVE",
            "tags": [],
        }
        return {**base, **body, "external_gateway_info": _gateway(body)}

    def put(self, asked: Request, found: re.Match[str]) -> Json:
        answer = super().put(asked, found)
        answer["router"]["external_gateway_info"] = _gateway(answer["router"])
        return answer


def _gateway(body: Json) -> Json | None:
    info = body.get("external_gateway_info")
    if not info:
        return None
    fixed = info.get("external_fixed_ips") or [{"subnet_id": "ext-subnet"}]
    given = [{"ip_address": "203.0.113.9", **one} for one in fixed]
    return {"enable_snat": True, **info, "external_fixed_ips": given}


class _Floating(Collection):
    def fill(self, body: Json) -> Json:
        base = {
            "description": "",
            "dns_domain": "",
            "dns_name": "",
            "fixed_ip_address": None,
            "floating_ip_address": f"203.0.113.{len(self.objects) + 10}",
            "port_id": None,
            "project_id": PROJECT,
            "status": "DOWN",
            "tags": [],
        }
        return {**base, **body}


class Nova:
    """Servers, flavors, key pairs, server groups, quotas."""

    def __init__(self, cloud: FakeCloud, neutron: Neutron, volumes: Collection) -> None:
        self.neutron = neutron
        self.volumes = volumes
        self.flavors = _Flavors(cloud, f"{NOVA}/flavors", "flavor")
        cloud.on("POST", rf"{NOVA}/flavors/(?P<id>[^/]+)/os-extra_specs", self._specs)
        self.groups = _ServerGroups(cloud, f"{NOVA}/os-server-groups", "server_group")
        self.keypairs: dict[str, Json] = {}
        cloud.on("POST", f"{NOVA}/os-keypairs", self._keypair)
        cloud.on("GET", f"{NOVA}/os-keypairs", self._keypairs)
        cloud.on("GET", rf"{NOVA}/os-keypairs/(?P<id>[^/]+)", self._get_keypair)
        cloud.on("DELETE", rf"{NOVA}/os-keypairs/(?P<id>[^/]+)", self._drop_keypair)
        self.servers = _Servers(cloud, f"{NOVA}/servers", "server")
        self.servers.nova = self
        _quota(cloud, f"{NOVA}/os-quota-sets", "quota_set", _NOVA_QUOTAS)
        one = rf"{NOVA}/servers/(?P<id>[^/]+)"
        cloud.on("POST", rf"{one}/action", self.servers.act)
        cloud.on("POST", rf"{one}/metadata", self.servers.set_metadata)
        cloud.on("DELETE", rf"{one}/metadata/(?P<name>[^/]+)", self.servers.drop_metadata)
        cloud.on("PUT", rf"{one}/tags", _tagger(self.servers))
        cloud.on("POST", rf"{one}/os-volume_attachments", self._attach)
        cloud.on("GET", rf"{one}/os-volume_attachments/(?P<volume>[^/]+)", self._attachment)
        cloud.on("DELETE", rf"{one}/os-volume_attachments/(?P<volume>[^/]+)", self._detach)

    def _specs(self, asked: Request, found: re.Match[str]) -> Json:
        self.flavors.need(found["id"])["extra_specs"].update(asked.body["extra_specs"])
        return asked.body

    def _keypair(self, asked: Request, _: Any) -> Json:
        body = asked.body["keypair"]
        if body["name"] in self.keypairs:
            raise Refused(409, f"Key pair '{body['name']}' already exists.", "conflictingRequest")
        made = {"user_id": USER, "fingerprint": "aa:bb", "public_key": "ssh-rsa made", **body}
        self.keypairs[body["name"]] = made
        secret = {} if "public_key" in body else {"private_key": "-----BEGIN PRIVATE KEY-----"}
        return {"keypair": {**made, **secret}}

    def _keypairs(self, *_: Any) -> Json:
        told = ("name", "public_key", "fingerprint")
        pairs = [{name: one[name] for name in told} for one in self.keypairs.values()]
        return {"keypairs": [{"keypair": pair} for pair in pairs]}

    def _get_keypair(self, _: Request, found: re.Match[str]) -> Json:
        if found["id"] not in self.keypairs:
            raise Refused(404, "Keypair not found", "itemNotFound")
        return {"keypair": self.keypairs[found["id"]]}

    def _drop_keypair(self, _: Request, found: re.Match[str]) -> None:
        if self.keypairs.pop(found["id"], None) is None:
            raise Refused(404, "Keypair not found", "itemNotFound")

    def _attach(self, asked: Request, found: re.Match[str]) -> Json:
        server = self.servers.need(found["id"])
        volume = self.volumes.need(asked.body["volumeAttachment"]["volumeId"])
        if volume["status"] != "available":
            raise Refused(400, "Invalid volume: volume status must be available", "badRequest")
        volume["status"] = "in-use"
        volume["attachments"] = [
            {"server_id": server["id"], "attachment_id": "a1", "device": "/dev/vdb"}
        ]
        return {"volumeAttachment": {"volumeId": volume["id"], "device": "/dev/vdb"}}

    def _attachment(self, _: Request, found: re.Match[str]) -> Json:
        volume = self.volumes.need(found["volume"])
        if all(held["server_id"] != found["id"] for held in volume["attachments"]):
            raise Refused(404, "volume_id not found", "itemNotFound")
        return {"volumeAttachment": {"volumeId": volume["id"], "device": "/dev/vdb"}}

    def _detach(self, asked: Request, found: re.Match[str]) -> None:
        self._attachment(asked, found)
        volume = self.volumes.need(found["volume"])
        volume |= {"status": "available", "attachments": []}


_NOVA_QUOTAS = {
    "cores": 20, "fixed_ips": -1, "floating_ips": -1, "injected_file_content_bytes": 10240,
    "injected_file_path_bytes": 255, "injected_files": 5, "instances": 10, "key_pairs": 100,
    "metadata_items": 128, "ram": 51200, "security_group_rules": -1, "security_groups": -1,
    "server_group_members": 10, "server_groups": 10,
}  # fmt: skip


class _Flavors(Collection):
    def fill(self, body: Json) -> Json:
        base = {
            "OS-FLV-EXT-DATA:ephemeral": 0,
            "description": None,
            "extra_specs": {},
            "os-flavor-access:is_public": True,
            "rxtx_factor": 1.0,
            "swap": "",
        }
        return {**base, **body}


class _ServerGroups(Collection):
    def fill(self, body: Json) -> Json:
        return {"members": [], "rules": {}, "project_id": PROJECT, **body}


class _Servers(Collection):
    """A server is BUILD until it was looked at ``polls`` times."""

    nova: Nova
    polls = 1
    failing: str | None = None

    def make(self, body: Json) -> Json:
        made = super().make(body)
        for wanted in body["networks"]:
            if "port" in wanted:
                self.nova.neutron.ports.need(wanted["port"])["device_id"] = made["id"]
            else:
                ports = self.nova.neutron.ports
                ports.make({"network_id": wanted["uuid"], "device_id": made["id"]})
        return {"id": made["id"], "adminPass": "made-by-nova"}

    def fill(self, body: Json) -> Json:
        groups = body.get("security_groups", [{"name": "default"}])
        return {
            "name": body["name"],
            "OS-EXT-AZ:availability_zone": body.get("availability_zone", "nova"),
            "OS-EXT-SRV-ATTR:hypervisor_hostname": "host-1",
            "OS-EXT-STS:task_state": None,
            "addresses": {},
            "created": "2026-01-01T00:00:00Z",
            "flavor": {"id": body["flavorRef"]},
            "image": {"id": body["imageRef"]} if body.get("imageRef") else "",
            "key_name": body.get("key_name"),
            "metadata": body.get("metadata", {}),
            "security_groups": groups,
            "status": "BUILD",
            "tags": body.get("tags", []),
            "updated": "2026-01-01T00:00:01Z",
            "waits": self.polls,
        }

    def need(self, id_: str) -> Json:
        self._age(self.objects.get(id_))
        return super().need(id_)

    def list(self, asked: Request, found: Any) -> Json:
        for one in self.objects.values():
            self._age(one)
        return super().list(asked, found)

    def delete(self, id_: str) -> None:
        super().delete(id_)
        for port in self.nova.neutron.ports.objects.values():
            if port["device_id"] == id_:
                port["device_id"] = ""

    def act(self, asked: Request, found: re.Match[str]) -> Json:
        one = self.need(found["id"])
        action, how = next(iter(asked.body.items()))
        if action == "resize":
            one |= {"status": "VERIFY_RESIZE", "flavor": {"id": how["flavorRef"]}}
        elif action == "confirmResize":
            one["status"] = "ACTIVE"
        elif action == "rebuild":
            one["image"] = {"id": how["imageRef"]}
        elif action in ("addSecurityGroup", "removeSecurityGroup"):
            names = {group["name"] for group in one["security_groups"]} ^ {how["name"]}
            one["security_groups"] = [{"name": name} for name in sorted(names)]
        else:
            one["status"] = {"os-stop": "SHUTOFF", "os-start": "ACTIVE", "pause": "PAUSED"}[action]
        return {}

    def set_metadata(self, asked: Request, found: re.Match[str]) -> Json:
        self.need(found["id"])["metadata"].update(asked.body["metadata"])
        return asked.body

    def drop_metadata(self, _: Request, found: re.Match[str]) -> None:
        del self.need(found["id"])["metadata"][found["name"]]

    def _age(self, one: Json | None) -> None:
        if one is None or one["status"] != "BUILD":
            return
        one["waits"] -= 1
        if one["waits"] > 0:
            return
        if self.failing:
            one |= {"status": "ERROR", "fault": {"message": self.failing, "code": 500}}
            return
        one["status"] = "ACTIVE"
        neutron = self.nova.neutron
        for port in neutron.ports.objects.values():
            if port["device_id"] == one["id"]:
                network = neutron.networks.need(port["network_id"])["name"]
                one["addresses"].setdefault(network, []).extend(
                    {
                        "addr": fixed["ip_address"],
                        "version": 4,
                        "OS-EXT-IPS:type": "fixed",
                        "OS-EXT-IPS-MAC:mac_addr": port["mac_address"],
                    }
                    for fixed in port["fixed_ips"]
                )


class Volumes(Collection):
    """Cinder's volumes."""

    failing = False

    def __init__(self, cloud: FakeCloud) -> None:
        super().__init__(cloud, f"{CINDER}/volumes", "volume")
        cloud.on("POST", rf"{CINDER}/volumes/(?P<id>[^/]+)/action", self._act)
        cloud.on(
            "GET",
            f"{CINDER}/messages",
            lambda *_: {"messages": [{"user_message": "schedule allocate volume: no valid host"}]},
        )
        quotas = {"volumes": 10, "gigabytes": 1000, "snapshots": 10, "backups": 10, "groups": 10}
        more = {"backup_gigabytes": 1000, "per_volume_gigabytes": -1, "gigabytes_ssd": 5}
        _quota(cloud, f"{CINDER}/os-quota-sets", "quota_set", {**quotas, **more})

    def fill(self, body: Json) -> Json:
        base = {
            "attachments": [],
            "availability_zone": "nova",
            "description": None,
            "metadata": {},
            "snapshot_id": None,
            "source_volid": None,
            "volume_type": "__DEFAULT__",
        }
        return {**base, **body, "status": "error" if self.failing else "available"}

    def _act(self, asked: Request, found: re.Match[str]) -> Json:
        one = self.need(found["id"])
        if "os-extend" in asked.body:
            one["size"] = asked.body["os-extend"]["new_size"]
        else:
            one["volume_type"] = asked.body["os-retype"]["new_type"]
        return {}


class Images(Collection):
    """Glance's images, which are not wrapped."""

    def __init__(self, cloud: FakeCloud) -> None:
        super().__init__(cloud, f"{GLANCE}/images", "image", verb="PATCH")
        cloud.on("PUT", rf"{GLANCE}/images/(?P<id>[^/]+)/file", self._upload)
        self.damage = b""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.cloud.routes.insert(
            0, ("GET", __import__("re").compile(rf"{self.path}/(?P<id>[^/]+)\Z"), self._get)
        )

    def _get(self, _: Request, found: re.Match[str]) -> Json:
        return self.need(found["id"])

    def post(self, asked: Request, _: Any) -> Json:
        made = {
            "checksum": None,
            "created_at": "2026-01-01T00:00:00Z",
            "min_disk": 0,
            "min_ram": 0,
            "os_hash_algo": "sha512",
            "os_hidden": False,
            "owner": PROJECT,
            "protected": False,
            "schema": "/v2/schemas/image",
            "size": None,
            "status": "queued",
            "tags": [],
            "updated_at": "2026-01-01T00:00:00Z",
            "visibility": "private",
            **asked.body,
        }
        made.setdefault("id", str(uuid.uuid4()))
        made["file"] = f"/v2/images/{made['id']}/file"
        self.objects[made["id"]] = made
        return made

    def fits(self, one: Json, wanted: dict[str, set[str]]) -> bool:
        tags = wanted.pop("tag", set())
        for name in ("sort", "limit"):
            wanted.pop(name, None)
        return tags <= set(one["tags"]) and super().fits(one, wanted)

    def put(self, asked: Request, found: re.Match[str]) -> Json:
        one = self.need(found["id"])
        for step in asked.body:
            name = step["path"].removeprefix("/")
            if step["op"] == "remove":
                del one[name]
            elif (step["op"] == "add") == (name in one):
                raise Refused(409, f"cannot {step['op']} {name}")
            else:
                one[name] = step["value"]
        return one

    def _upload(self, asked: Request, found: re.Match[str]) -> None:
        content = asked.body if isinstance(asked.body, bytes) else b""
        one = self.need(found["id"])
        one |= {
            "status": "active",
            "size": len(content),
            "checksum": hashlib.md5(content + self.damage, usedforsecurity=False).hexdigest(),
        }


class Swift:
    """Containers by name: their headers."""

    def __init__(self, cloud: FakeCloud) -> None:
        self.cloud = cloud
        self.containers: dict[str, dict[str, str]] = {}
        self.objects: dict[str, list[str]] = {}
        self.bodies: dict[str, bytes] = {}
        thing = rf"{SWIFT}/(?P<name>[^/]+/.+)"
        cloud.on("PUT", thing, self._store)
        cloud.on("POST", thing, self._say)
        cloud.on("HEAD", thing, self._head)
        cloud.on("POST", f"{SWIFT}/?", self._put_account)
        cloud.on("HEAD", f"{SWIFT}/?", self._head_account)
        one = rf"{SWIFT}/(?P<name>[^/]+)"
        cloud.on("PUT", one, self._put)
        cloud.on("POST", one, self._put)
        cloud.on("HEAD", one, self._head)
        cloud.on("GET", one, lambda _, m: [{"name": n} for n in self.objects.get(m["name"], [])])
        cloud.on("DELETE", one, self._delete)
        cloud.on("DELETE", rf"{one}/(?P<object>.+)", self._drop)

    def _put(self, asked: Request, found: re.Match[str]) -> Json:
        headers = self.containers.setdefault(found["name"], {"X-Storage-Policy": "Policy-0"})
        for name, value in asked.headers.items():
            if name.startswith("X-Container") and value == "":
                headers.pop(name, None)
            elif name.startswith("X-Remove-"):
                headers.pop(name.replace("X-Remove-", "X-"), None)
            elif name.startswith(("X-Container", "X-Versions", "X-History")):
                headers[name] = value
        return {}

    def _head(self, _: Request, found: re.Match[str]) -> Json:
        if found["name"] not in self.containers:
            raise Refused(404, "not found")
        self.cloud.extra_headers = self.containers[found["name"]]
        return {}

    def _delete(self, _: Request, found: re.Match[str]) -> None:
        if found["name"] not in self.containers:
            raise Refused(404, "not found")
        if self.objects.get(found["name"]):
            raise Refused(409, "There was a conflict when trying to complete your request.")
        del self.containers[found["name"]]

    def _drop(self, _: Request, found: re.Match[str]) -> None:
        whole = f"{found['name']}/{found['object']}"
        if self.bodies.pop(whole, None) is not None:
            del self.containers[whole]
        elif found["object"] in self.objects.get(found["name"], []):
            self.objects[found["name"]].remove(found["object"])
        else:
            raise Refused(404, "not found")

    def _store(self, asked: Request, found: re.Match[str]) -> Json:
        """An object's content; what was said of it before is gone."""
        body = asked.raw
        self.bodies[found["name"]] = body
        digest = hashlib.md5(body, usedforsecurity=False).hexdigest()
        about = {"Content-Length": str(len(body)), "ETag": digest}
        self.containers[found["name"]] = {**about, **_said(asked)}
        return {}

    def _say(self, asked: Request, found: re.Match[str]) -> Json:
        """A POST takes the place of all that was said of an object."""
        held = self.containers[found["name"]]
        kept = {name: held[name] for name in ("Content-Length", "ETag", "Content-Type")}
        self.containers[found["name"]] = {**kept, **_said(asked)}
        return {}

    def _put_account(self, asked: Request, _: Any) -> Json:
        held = self.containers.setdefault("", {})
        for name, value in asked.headers.items():
            if name.startswith("X-Account-Meta-"):
                held[name] = value
        self.containers[""] = {name: value for name, value in held.items() if value}
        return {}

    def _head_account(self, *_: Any) -> Json:
        self.cloud.extra_headers = {"X-Account-Object-Count": "0", **self.containers.get("", {})}
        return {}


def _said(asked: Request) -> dict[str, str]:
    """What a request says of an object."""
    names = ("X-Object-", "X-Delete-At", "Content-Type", "Content-Disp", "Content-Enc")
    said = {name: value for name, value in asked.headers.items() if name.startswith(names)}
    return {"Content-Type": "application/octet-stream", **said}


class Keystone:
    """Projects, users, roles and grants."""

    def __init__(self, cloud: FakeCloud) -> None:
        self.projects = _Projects(cloud, f"{KEYSTONE}/projects", "project", verb="PATCH")
        self.users = _Users(cloud, f"{KEYSTONE}/users", "user", verb="PATCH")
        self.roles = _Roles(cloud, f"{KEYSTONE}/roles", "role", verb="PATCH")
        self.grants: set[tuple[str, str, str]] = set()
        grant = rf"{KEYSTONE}/projects/(?P<p>[^/]+)/users/(?P<u>[^/]+)/roles/(?P<r>[^/]+)"
        cloud.on("PUT", grant, lambda _, m: self.grants.add((m["p"], m["u"], m["r"])))
        cloud.on("DELETE", grant, lambda _, m: self.grants.discard((m["p"], m["u"], m["r"])))
        cloud.on("GET", f"{KEYSTONE}/role_assignments", self._assignments)

    def _assignments(self, asked: Request, _: Any) -> Json:
        return {
            "role_assignments": [
                {
                    "scope": {"project": {"id": project}},
                    "user": {"id": user},
                    "role": {"id": role},
                }
                for project, user, role in self.grants
                if project == asked.param("scope.project.id")
            ]
        }


class _Projects(Collection):
    def fill(self, body: Json) -> Json:
        base = {"description": "", "enabled": True, "is_domain": False, "tags": []}
        return {**base, "domain_id": "default", "parent_id": "default", **body}


class _Users(Collection):
    def fill(self, body: Json) -> Json:
        base = {"description": "", "enabled": True, "domain_id": "default", "options": {}}
        return {**base, **{k: v for k, v in body.items() if k != "password"}}

    def put(self, asked: Request, found: re.Match[str]) -> Json:
        body = asked.body["user"]
        body.pop("password", None)
        body["options"] = {**self.need(found["id"])["options"], **body.get("options", {})}
        return super().put(asked, found)


class _Roles(Collection):
    def fill(self, body: Json) -> Json:
        return {"domain_id": None, **body}


def _tagger(collection: Collection) -> Any:
    def answer(asked: Request, found: re.Match[str]) -> Json:
        collection.need(found["id"])["tags"] = asked.body["tags"]
        return {"tags": asked.body["tags"]}

    return answer


def _quota(cloud: FakeCloud, path: str, noun: str, start: Json) -> None:
    held: dict[str, Json] = {}

    def get(_: Request, found: re.Match[str]) -> Json:
        return {noun: held.setdefault(found["id"], dict(start))}

    def put(asked: Request, found: re.Match[str]) -> Json:
        held.setdefault(found["id"], dict(start)).update(asked.body[noun])
        return {noun: held[found["id"]]}

    cloud.on("GET", rf"{path}/(?P<id>[^/]+)", get)
    cloud.on("PUT", rf"{path}/(?P<id>[^/]+)", put)


class World:
    """A whole cloud."""

    def __init__(self) -> None:
        self.http = FakeCloud()
        self.keystone = Keystone(self.http)
        self.neutron = Neutron(self.http)
        self.volumes = Volumes(self.http)
        self.nova = Nova(self.http, self.neutron, self.volumes)
        self.images = Images(self.http)
        self.swift = Swift(self.http)
