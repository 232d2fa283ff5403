"""Floating IP addresses, and what they lead to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hoaban.engine.provider import CheckFailure
from hoaban.openstack import addresses, errors, keys
from hoaban.openstack.cloud import NETWORK as SERVICE
from hoaban.openstack.errors import CloudError
from hoaban.openstack.networking.networks import (
    COMMON,
    DESCRIPTION,
    Neutron,
    first_with_room,
)
from hoaban.openstack.schema import REGION, strings, text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hoaban.engine.provider import ResourceState
    from hoaban.engine.values import PropertyMap
    from hoaban.openstack.call import Call

Json = dict[str, Any]

_FIXED_IP = text(
    "fixedIp",
    api="fixed_ip_address",
    computed=True,
    same=addresses.address,
    follows=("portId",),
)


def external_network(call: Call, pool: str) -> Json:
    """The external network of this name or id."""
    index = _external_networks(call)
    found = [item for item in index.values() if pool in (item["id"], item["name"])]
    if len(found) != 1:
        count = "no" if not found else str(len(found))
        known = ", ".join(sorted(item["name"] for item in index.values())) or "none"
        raise CloudError(
            f"there is {count} external network called {pool!r} (external networks: {known})",
            mend="give the name of the cloud's external network, or its id where names repeat",
        )
    return found[0]


def _external_networks(call: Call) -> dict[str, Json]:
    """External networks by id; fetched once."""

    def fetch() -> dict[str, Json]:
        params = {"router:external": "true"}
        found = call.pages(SERVICE, "/networks", "networks", params=params)
        return {item["id"]: item for item in found}

    return call.shared.lists.get("external networks", call.region, fetch)


@dataclass(kw_only=True, eq=False)
class _FloatingIp(Neutron):
    def validate(self, inputs: PropertyMap) -> Sequence[CheckFailure]:
        missing = [CheckFailure("pool", "pool is required: the name of an external network")]
        return [
            *(missing if inputs.get("pool") is None else ()),
            *addresses.check_address("address", inputs.get("address")),
            *addresses.check_address("fixedIp", inputs.get("fixedIp")),
        ]

    def new_body(self, call: Call, inputs: PropertyMap) -> Json:
        body = super().new_body(call, inputs)
        body["floating_network_id"] = external_network(call, inputs["pool"])["id"]
        if inputs.get("subnetIds") and not inputs.get("subnetId"):
            body["subnet_id"] = list(inputs["subnetIds"])
        return body

    def post(self, call: Call, body: Json) -> Json:
        subnets = body.get("subnet_id")
        if not isinstance(subnets, list):
            return super().post(call, body)
        post = super().post
        return first_with_room(subnets, lambda one: post(call, {**body, "subnet_id": one}))

    def change_body(
        self, call: Call, state: ResourceState, news: PropertyMap, changed: set[str]
    ) -> Json:
        body = super().change_body(call, state, news, changed)
        if "fixedIp" in changed and "port_id" not in body:
            body["port_id"] = news.get("portId") or state.outputs.get("portId")
        return body

    def find_object(self, call: Call, inputs: PropertyMap) -> Json | None:
        """Only by its mark, or by an address that was asked for: others look all alike."""
        found = super().find_object(call, inputs)
        marked = found is not None and keys.mark(call.key) in (found.get("tags") or [])
        return found if marked or inputs.get("address") else None

    def flatten(self, call: Call, found: Json, outputs: PropertyMap, prior: PropertyMap) -> None:
        pool, network = prior.get("pool"), found["floating_network_id"]
        if not pool:
            known = _external_networks(call).get(network)
            pool = known["name"] if known else network
        outputs["pool"] = pool


FLOATING_IP = _FloatingIp(
    token="openstack:networking/floatingIp:FloatingIp",
    telling=("portId",),
    label="floating IP",
    path="/floatingips",
    noun="floatingip",
    tags_after=True,
    fields=(
        DESCRIPTION,
        text(
            "address",
            api="floating_ip_address",
            computed=True,
            replaces=True,
            same=addresses.address,
        ),
        text("pool", api=None, computed=True, replaces=True),
        text("portId", computed=True),
        _FIXED_IP,
        text("dnsDomain", computed=True, replaces=True),
        text("dnsName", computed=True, replaces=True),
        text("subnetId", stored=True, computed=True),
        strings("subnetIds", api=None, stored=True),
        *COMMON,
    ),
)


@dataclass(kw_only=True, eq=False)
class _FloatingIpAssociate(Neutron):
    """A floating IP of someone else's making, led to a port; its id is the floating IP's."""

    def create(self, call: Call, inputs: PropertyMap) -> ResourceState:
        found = self._floating_ip(call, inputs["floatingIp"])
        return self._lead(call, found["id"], inputs)

    def find(self, call: Call, inputs: PropertyMap) -> ResourceState | None:
        found = self._floating_ip(call, inputs["floatingIp"])
        there = found.get("port_id") == inputs["portId"]
        return self.state(call, found, inputs) if there else None

    def look_up(self, call: Call, id_: str) -> Json | None:
        found = super().look_up(call, id_)
        return found if found and found.get("port_id") else None

    def update(
        self, call: Call, id_: str, state: ResourceState, news: PropertyMap, changed: set[str]
    ) -> ResourceState:
        return self._lead(call, id_, news)

    def remove(self, call: Call, id_: str, state: ResourceState) -> None:
        self.put(call, id_, {"port_id": None})

    def flatten(self, call: Call, found: Json, outputs: PropertyMap, prior: PropertyMap) -> None:
        if prior.get("floatingIp") == found["id"]:
            outputs["floatingIp"] = found["id"]

    def changed(self, call: Call) -> None:
        super().changed(call)
        FLOATING_IP.changed(call)

    def _lead(self, call: Call, id_: str, inputs: PropertyMap) -> ResourceState:
        body = {"port_id": inputs["portId"]}
        if inputs.get("fixedIp"):
            body["fixed_ip_address"] = inputs["fixedIp"]
        found = self.put(call, id_, body)
        self.changed(call)
        return self.state(call, found, inputs)

    def _floating_ip(self, call: Call, wanted: str) -> Json:
        """By address, or by id."""
        by = "floating_ip_address" if addresses.is_address(wanted) else "id"
        found = self.listing(call, {by: wanted})
        if len(found) != 1:
            raise CloudError(
                f"there is no floating IP {wanted}" if not found else f"{wanted} is not unique",
                status=errors.NOT_FOUND,
                mend="give the address of a floating IP of this project",
            )
        return found[0]


FLOATING_IP_ASSOCIATE = _FloatingIpAssociate(
    token="openstack:networking/floatingIpAssociate:FloatingIpAssociate",
    label="floating IP association",
    path="/floatingips",
    noun="floatingip",
    alone=True,
    fields=(
        text("floatingIp", api="floating_ip_address", required=True, replaces=True),
        text("portId", required=True),
        _FIXED_IP,
        REGION,
    ),
)
