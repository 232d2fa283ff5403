"""Trunks: several networks over one port of a server, told apart by VLAN."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hoaban.openstack.cloud import NETWORK as SERVICE
from hoaban.openstack.convert import object_to_api
from hoaban.openstack.networking.networks import ALL_TAGS, DESCRIPTION, NAME, TAGS, Neutron
from hoaban.openstack.schema import REGION, boolean, integer, object_set, project, text
from hoaban.openstack.settling import Settling

if TYPE_CHECKING:
    from hoaban.engine.provider import ResourceState
    from hoaban.engine.values import PropertyMap
    from hoaban.openstack.call import Call

Json = dict[str, Any]

SUB_PORT = (
    text("portId", required=True),
    integer("segmentationId", required=True),
    text("segmentationType", required=True),
)


@dataclass(kw_only=True, eq=False)
class _Trunk(Neutron, Settling):
    def change_body(
        self, call: Call, state: ResourceState, news: PropertyMap, changed: set[str]
    ) -> Json:
        return super().change_body(call, state, news, changed - {"subPorts"})

    def after_update(
        self, call: Call, id_: str, state: ResourceState, news: PropertyMap, changed: set[str]
    ) -> Json | None:
        """Take away and add only what differs: the other networks stay connected."""
        if "subPorts" in changed:
            old, new = state.outputs.get("subPorts", []), news.get("subPorts", [])
            gone = [{"port_id": item["portId"]} for item in old if item not in new]
            added = [object_to_api(SUB_PORT, item) for item in new if item not in old]
            for verb, ports in (("remove_subports", gone), ("add_subports", added)):
                if ports:
                    path = f"{self.path}/{id_}/{verb}"
                    call.json(SERVICE, "PUT", path, {"sub_ports": ports})
        return super().after_update(call, id_, state, news, changed)


TRUNK = _Trunk(
    token="openstack:networking/trunk:Trunk",
    label="trunk",
    path="/trunks",
    noun="trunk",
    tags_after=True,
    alone=True,
    ready=("ACTIVE", "DOWN"),
    natural=("portId",),
    fields=(
        NAME,
        DESCRIPTION,
        text("portId", required=True, replaces=True),
        boolean("adminStateUp", computed=True),
        object_set("subPorts", *SUB_PORT),
        TAGS,
        ALL_TAGS,
        project(),
        REGION,
    ),
)
