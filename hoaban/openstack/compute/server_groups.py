"""Server groups: servers that shall run apart, or together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hoaban.openstack.cloud import COMPUTE as SERVICE
from hoaban.openstack.rest import Rest
from hoaban.openstack.schema import REGION, VALUE_SPECS, block, integer, strings, text

if TYPE_CHECKING:
    from hoaban.engine.provider import ResourceState
    from hoaban.engine.values import PropertyMap
    from hoaban.openstack.call import Call

Json = dict[str, Any]


@dataclass(kw_only=True, eq=False)
class _ServerGroup(Rest):
    def new_body(self, call: Call, inputs: PropertyMap) -> Json:
        body = super().new_body(call, inputs)
        if (inputs.get("rules") or {}).get("maxServerPerHost"):
            body["rules"] = {"max_server_per_host": inputs["rules"]["maxServerPerHost"]}
        return body

    def find_object(self, call: Call, inputs: PropertyMap) -> Json | None:
        """The only one of this name and policy with no members: it bears no mark."""
        found = [
            item
            for item in self.listing(call, {})
            if item["name"] == inputs["name"] and not item.get("members")
            if not inputs.get("policies") or item.get("policy") == inputs["policies"]
        ]
        return found[0] if len(found) == 1 else None

    def update(
        self, call: Call, id_: str, state: ResourceState, news: PropertyMap, changed: set[str]
    ) -> ResourceState:
        return self.state(call, self.need(call, id_), news)

    def flatten(self, call: Call, found: Json, outputs: PropertyMap, prior: PropertyMap) -> None:
        most = (found.get("rules") or {}).get("max_server_per_host")
        outputs["rules"] = {"maxServerPerHost": int(most)} if most else {}
        outputs["members"] = list(found.get("members") or [])


SERVER_GROUP = _ServerGroup(
    token="openstack:compute/serverGroup:ServerGroup",
    label="server group",
    service=SERVICE,
    path="/os-server-groups",
    noun="server_group",
    microversion="2.64",
    fields=(
        text("name", computed=True, replaces=True),
        text("policies", api="policy", replaces=True),
        block(
            "rules",
            integer("maxServerPerHost", computed=True, replaces=True),
            api=None,
            computed=True,
            replaces=True,
        ),
        strings("members", api=None, output=True, computed=True),
        REGION,
        VALUE_SPECS,
    ),
)
