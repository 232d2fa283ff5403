"""Security groups of a port that someone else made."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hoaban.openstack.networking.networks import Neutron
from hoaban.openstack.networking.ports import PORT
from hoaban.openstack.schema import REGION, boolean, string_set, text

if TYPE_CHECKING:
    from hoaban.engine.provider import ResourceState
    from hoaban.engine.values import PropertyMap
    from hoaban.openstack.call import Call

Json = dict[str, Any]


@dataclass(kw_only=True, eq=False)
class _PortGroups(Neutron):
    """Groups given to a port, beside those it has or, with ``enforce``, in their place.

    Its id is the port's.
    """

    def create(self, call: Call, inputs: PropertyMap) -> ResourceState:
        return self._give(call, inputs["portId"], set(), inputs)

    def find(self, call: Call, inputs: PropertyMap) -> ResourceState | None:
        found = self.get(call, inputs["portId"])
        there = found and set(inputs["securityGroupIds"]) <= set(found["security_groups"])
        return self.state(call, found, inputs) if found and there else None

    def look_up(self, call: Call, id_: str) -> Json | None:
        return PORT.look_up(call, id_)

    def update(
        self, call: Call, id_: str, state: ResourceState, news: PropertyMap, changed: set[str]
    ) -> ResourceState:
        return self._give(call, id_, set(state.outputs.get("securityGroupIds", [])), news)

    def remove(self, call: Call, id_: str, state: ResourceState) -> None:
        given = set(state.outputs.get("securityGroupIds", []))
        with call.shared.lock("groups of port", id_):
            held = set(self.need(call, id_)["security_groups"])
            left = set() if state.outputs.get("enforce") else held - given
            if left != held:
                self.put(call, id_, {"security_groups": sorted(left)})

    def _give(self, call: Call, id_: str, before: set[str], inputs: PropertyMap) -> ResourceState:
        """Neutron takes all groups of a port at once: one change at a time."""
        wanted = set(inputs["securityGroupIds"])
        with call.shared.lock("groups of port", id_):
            found = self.need(call, id_)
            held = set(found["security_groups"])
            after = wanted if inputs.get("enforce") else held - before | wanted
            if after != held:
                found = self.put(call, id_, {"security_groups": sorted(after)})
        self.changed(call)
        return self.state(call, found, inputs)

    def changed(self, call: Call) -> None:
        super().changed(call)
        PORT.changed(call)

    def flatten(self, call: Call, found: Json, outputs: PropertyMap, prior: PropertyMap) -> None:
        """What was given and is still there; with ``enforce`` whatever is there."""
        held = found.get("security_groups") or []
        given = prior.get("securityGroupIds") or []
        shown = held if prior.get("enforce") else [one for one in given if one in held]
        outputs["securityGroupIds"] = list(shown)
        outputs["portId"] = found["id"]


PORT_SEC_GROUP_ASSOCIATE = _PortGroups(
    token="openstack:networking/portSecGroupAssociate:PortSecGroupAssociate",
    label="port's security groups",
    path="/ports",
    noun="port",
    alone=True,
    fields=(
        text("portId", api=None, required=True, replaces=True),
        string_set("securityGroupIds", api=None, required=True),
        boolean("enforce", stored=True),
        string_set(
            "allSecurityGroupIds",
            api="security_groups",
            output=True,
            computed=True,
            follows=("securityGroupIds", "enforce"),
        ),
        REGION,
    ),
)
