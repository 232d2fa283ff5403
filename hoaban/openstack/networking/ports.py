"""Ports: the network cards of servers, with explicit addresses and security groups."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hoaban.openstack import addresses, keys
from hoaban.openstack.batch import Batcher
from hoaban.openstack.cloud import NETWORK as SERVICE
from hoaban.openstack.networking.extensions import has_extension
from hoaban.openstack.networking.networks import ALL_TAGS, DESCRIPTION, NAME, TAGS
from hoaban.openstack.rest import Rest
from hoaban.openstack.schema import (
    REGION,
    VALUE_SPECS,
    Field,
    Kind,
    block,
    boolean,
    integer,
    mapping,
    object_set,
    objects,
    project,
    string_set,
    strings,
    text,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from hoaban.engine.provider import CheckFailure, ResourceState
    from hoaban.engine.values import PropertyMap
    from hoaban.openstack.call import Call

Json = dict[str, Any]

# Either extension says that a new port may come with tags. The second is for clouds with OVN, which
# never tell of the first (neutron/common/ovn/extensions.py), have it or not; where they have not,
# tags are passed over, the answer shows none, and they go in a second call.
_TAGS_AT_CREATE = ("tag-ports-during-bulk-creation", "tag-creation")


def _profile(value: Any) -> Any:
    """A binding profile (JSON text) in a form in which spacing and order do not count."""
    try:
        return json.dumps(json.loads(value), sort_keys=True) if json.loads(value) else None
    except (TypeError, ValueError):
        return value


@dataclass(kw_only=True, eq=False)
class _Port(Rest):
    def validate(self, inputs: PropertyMap) -> Sequence[CheckFailure]:
        failures: list[CheckFailure] = []
        for index, item in enumerate(_items(inputs, "fixedIps")):
            path = f"fixedIps[{index}].ipAddress"
            failures += addresses.check_address(path, item.get("ipAddress"))
        for index, item in enumerate(_items(inputs, "allowedAddressPairs")):
            path = f"allowedAddressPairs[{index}].ipAddress"
            failures += addresses.check_network(path, item.get("ipAddress"))
        return failures

    def clashes(self, changes: Iterable[str]) -> bool:
        """Whether the address (or MAC) stays the same: two ports cannot both have it."""
        return not any(path.startswith(("networkId", "fixedIps")) for path in changes)

    def new_body(self, call: Call, inputs: PropertyMap) -> Json:
        body = super().new_body(call, inputs)
        if inputs.get("noFixedIp"):
            body["fixed_ips"] = []
        if inputs.get("noSecurityGroups"):
            body["security_groups"] = []
        if inputs.get("fixedIps"):
            body["fixed_ips"] = _fixed_ips(inputs)
        body.update(_binding(inputs.get("binding")))
        if any(has_extension(call, alias) for alias in _TAGS_AT_CREATE):
            body["tags"] = sorted({*keys.own(inputs.get("tags")), keys.mark(call.key)})
        return body

    def change_body(
        self, call: Call, state: ResourceState, news: PropertyMap, changed: set[str]
    ) -> Json:
        body = super().change_body(call, state, news, changed)
        if changed & {"noFixedIp", "fixedIps"}:
            body["fixed_ips"] = [] if news.get("noFixedIp") else _fixed_ips(news)
            if not news.get("noFixedIp") and not news.get("fixedIps"):
                del body["fixed_ips"]  # the addresses that the cloud gave stay
        if changed & {"noSecurityGroups", "securityGroupIds"}:
            none = news.get("noSecurityGroups")
            body["security_groups"] = [] if none else news.get("securityGroupIds", [])
        if "extraDhcpOptions" in changed:
            body["extra_dhcp_opts"] = _dhcp_options(state.outputs, news)
        if "binding" in changed:
            body.update(_binding(news.get("binding")))
        return body

    def asked(self, found: Json) -> PropertyMap:
        addresses_ = [
            {"subnetId": one["subnet_id"], "ipAddress": one["ip_address"]}
            for one in found.get("fixed_ips") or []
        ]
        return {**super().asked(found), "fixedIps": addresses_}

    def flatten(self, call: Call, found: Json, outputs: PropertyMap, prior: PropertyMap) -> None:
        fixed = found.get("fixed_ips") or []
        outputs["allFixedIps"] = [item["ip_address"] for item in fixed]
        outputs["allSecurityGroupIds"] = sorted(found.get("security_groups") or [])
        outputs["dnsAssignments"] = [
            {key: str(value) for key, value in item.items()}
            for item in found.get("dns_assignment") or []
        ]
        if prior.get("fixedIps"):
            outputs["fixedIps"] = _told_addresses(prior["fixedIps"], fixed)
        for name, there in (("noFixedIp", fixed), ("noSecurityGroups", found["security_groups"])):
            if prior.get(name):
                outputs[name] = not there
        outputs["binding"] = {
            "hostId": found.get("binding:host_id") or "",
            "profile": json.dumps(found.get("binding:profile") or {}, sort_keys=True),
            "vifType": found.get("binding:vif_type") or "",
            "vnicType": found.get("binding:vnic_type") or "",
            "vifDetails": {
                key: _plain(value)
                for key, value in (found.get("binding:vif_details") or {}).items()
            },
        }
        pairs = outputs.get("allowedAddressPairs")
        for pair in pairs or []:
            if pair.get("macAddress") == found.get("mac_address"):
                pair.pop("macAddress")  # Neutron fills in the port's own


def _items(inputs: PropertyMap, name: str) -> Sequence[PropertyMap]:
    value = inputs.get(name)
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _fixed_ips(inputs: PropertyMap) -> list[Json]:
    names = {"subnetId": "subnet_id", "ipAddress": "ip_address"}
    return [
        {names[name]: value for name, value in item.items() if name in names and value}
        for item in inputs.get("fixedIps") or []
    ]


def _told_addresses(asked: Sequence[PropertyMap], fixed: Sequence[Json]) -> list[PropertyMap]:
    """What was asked, as long as it is so; else the addresses that the port really has."""
    left = [(item["subnet_id"], addresses.address(item["ip_address"])) for item in fixed]
    for item in sorted(asked, key=lambda one: not one.get("ipAddress")):
        wanted = addresses.address(item["ipAddress"]) if item.get("ipAddress") else None
        match = next(
            (
                one
                for one in left
                if one[0] == item.get("subnetId", one[0]) and wanted in (None, one[1])
            ),
            None,
        )
        if match is None:
            return [_told_address(one) for one in fixed]
        left.remove(match)
    return [dict(item) for item in asked]  # more than asked: SLAAC gives addresses by itself


def _told_address(item: Json) -> PropertyMap:
    return {"subnetId": item["subnet_id"], "ipAddress": item["ip_address"]}


def _binding(binding: PropertyMap | None) -> Json:
    if not binding:
        return {}
    body: Json = {"binding:vnic_type": binding.get("vnicType") or "normal"}
    if binding.get("hostId"):
        body["binding:host_id"] = binding["hostId"]
    if binding.get("profile"):
        body["binding:profile"] = json.loads(binding["profile"])
    return body


def _dhcp_options(olds: PropertyMap, news: PropertyMap) -> list[Json]:
    """Options to set, and (with no value) those to take away."""
    wanted = {
        (o["name"], o.get("ipVersion", 4)): o["value"] for o in news.get("extraDhcpOptions", [])
    }
    gone = {(o["name"], o.get("ipVersion", 4)): None for o in olds.get("extraDhcpOptions", [])}
    return [
        {"opt_name": name, "ip_version": version, "opt_value": value}
        for (name, version), value in {**gone, **wanted}.items()
    ]


def _plain(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else json.dumps(value)


def ports_of_servers(call: Call, server_id: str) -> list[Json]:
    """The ports of a server; look-ups made at the same moment are one request."""

    def fetch(ids: Sequence[str]) -> Sequence[list[Json]]:
        found: dict[str, list[Json]] = {id_: [] for id_ in ids}
        params = [("device_id", id_) for id_ in found]
        for port in call.pages(SERVICE, "/ports", "ports", params=params):
            found.setdefault(port["device_id"], []).append(port)
        return [found[id_] for id_ in ids]

    def make() -> Batcher[str, list[Json]]:
        return Batcher(fetch, limit=40)  # a URL bears about 8 kB

    return call.shared.keep(("ports of servers", call.region), make).submit(server_id)


def listed_ports(call: Call, server_id: str) -> list[Json]:
    """The ports of a server among those of the project, from the list of all."""

    def by_server() -> dict[str, Json]:
        found: dict[str, Json] = {}
        for port in PORT.index(call).values():
            found.setdefault(port.get("device_id", ""), {"ports": []})["ports"].append(port)
        return found

    key = (call.cloud.project_id, call.region, "by server")
    ports: list[Json] = call.shared.lists.get(PORT.token, key, by_server).get(
        server_id, {"ports": []}
    )["ports"]
    return ports


PORT = _Port(
    token="openstack:networking/port:Port",
    telling=("dnsName", "qosPolicyId", "securityGroupIds"),
    label="port",
    service=SERVICE,
    path="/ports",
    noun="port",
    list_filter={"project_id": "{project}"},
    by_ids=True,
    tags_after=True,
    bulk=True,
    fields=(
        NAME,
        DESCRIPTION,
        text("networkId", required=True, replaces=True),
        boolean("adminStateUp", computed=True),
        object_set(
            "allowedAddressPairs",
            text("ipAddress", required=True, same=addresses.network),
            text("macAddress", same=addresses.lower),
        ),
        block(
            "binding",
            text("hostId", computed=True),
            text("profile", same=_profile),
            text("vnicType", default="normal"),
            text("vifType", output=True),
            mapping("vifDetails", output=True),
            api=None,
            computed=True,
        ),
        text("deviceId", computed=True, replaces=True),
        text("deviceOwner", computed=True, replaces=True),
        text("dnsName", computed=True, reset=""),
        object_set(
            "extraDhcpOptions",
            text("name", api="opt_name", required=True),
            text("value", api="opt_value", required=True),
            integer("ipVersion", default=4),
            api="extra_dhcp_opts",
        ),
        objects(
            "fixedIps",
            text("subnetId"),
            text("ipAddress", same=addresses.address),
            api=None,
            conflicts=("noFixedIp",),
        ),
        boolean("noFixedIp", api=None, stored=True),
        text("macAddress", computed=True, replaces=True, same=addresses.lower),
        string_set(
            "securityGroupIds",
            api="security_groups",
            managed=True,
            conflicts=("noSecurityGroups",),
        ),
        boolean("noSecurityGroups", api=None, stored=True),
        boolean("portSecurityEnabled", computed=True),
        text("qosPolicyId", computed=True),
        TAGS,
        ALL_TAGS,
        strings("allFixedIps", api=None, output=True, computed=True, follows=("fixedIps",)),
        string_set(
            "allSecurityGroupIds",
            api=None,
            output=True,
            computed=True,
            follows=("securityGroupIds", "noSecurityGroups"),
        ),
        Field(
            name="dnsAssignments",
            kind=Kind.LIST,
            element=Kind.MAP,
            api=None,
            output=True,
            computed=True,
            follows=("dnsName", "fixedIps"),
        ),
        project(),
        REGION,
        VALUE_SPECS,
    ),
)
