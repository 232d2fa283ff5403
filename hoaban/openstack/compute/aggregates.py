"""Host aggregates: hypervisors that have something in common."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hoaban.openstack.cloud import COMPUTE as SERVICE
from hoaban.openstack.patience import unless_gone
from hoaban.openstack.rest import Rest
from hoaban.openstack.schema import REGION, mapping, string_set, text

if TYPE_CHECKING:
    from hoaban.engine.provider import ResourceState
    from hoaban.engine.values import PropertyMap
    from hoaban.openstack.call import Call

Json = dict[str, Any]

_ZONE = "availability_zone"  # Nova keeps it among the metadata, too


@dataclass(kw_only=True, eq=False)
class _Aggregate(Rest):
    def new_body(self, call: Call, inputs: PropertyMap) -> Json:
        body = super().new_body(call, inputs)
        return {name: value for name, value in body.items() if name in ("name", _ZONE)}

    def settle(self, call: Call, made: Json, inputs: PropertyMap) -> Json:
        return self._apply(call, made, inputs)

    def find(self, call: Call, inputs: PropertyMap) -> ResourceState | None:
        found = self.find_object(call, inputs)
        return None if found is None else self.state(call, self._apply(call, found, inputs), inputs)

    def change_body(
        self, call: Call, state: ResourceState, news: PropertyMap, changed: set[str]
    ) -> Json:
        return super().change_body(call, state, news, changed & {"name", "zone"})

    def after_update(
        self, call: Call, id_: str, state: ResourceState, news: PropertyMap, changed: set[str]
    ) -> Json | None:
        return self._apply(call, self.need(call, id_), news)

    def remove(self, call: Call, id_: str, state: ResourceState) -> None:
        """Nova removes only an aggregate without hosts."""
        self._apply(call, self.need(call, id_), {"metadata": state.outputs.get("metadata", {})})
        super().remove(call, id_, state)

    def _apply(self, call: Call, found: Json, wanted: PropertyMap) -> Json:
        """Make hosts and metadata what is wanted; returns the aggregate as it is then."""
        id_ = self.id_of(found)
        held, hosts = _metadata(found), set(wanted.get("hosts", []))
        asked = wanted.get("metadata", {})
        metadata = {**dict.fromkeys(held.keys() - asked.keys()), **asked}
        if asked != held:
            found = self._act(call, id_, "set_metadata", {"metadata": metadata})
        for host in sorted(set(found.get("hosts") or []) - hosts):
            with unless_gone():
                found = self._act(call, id_, "remove_host", {"host": host})
        for host in sorted(hosts - set(found.get("hosts") or [])):
            found = self._act(call, id_, "add_host", {"host": host})
        return found

    def _act(self, call: Call, id_: str, action: str, body: Json) -> Json:
        path = f"{self.path}/{id_}/action"
        return self.unwrap(call.json(SERVICE, "POST", path, {action: body}))

    def flatten(self, call: Call, found: Json, outputs: PropertyMap, prior: PropertyMap) -> None:
        outputs.pop("metadata", None)
        if (held := _metadata(found)) or prior.get("metadata"):
            outputs["metadata"] = held


def _metadata(found: Json) -> dict[str, str]:
    held = found.get("metadata") or {}
    return {name: str(value) for name, value in held.items() if name != _ZONE}


AGGREGATE = _Aggregate(
    token="openstack:compute/aggregateV2:AggregateV2",
    label="host aggregate",
    service=SERVICE,
    path="/os-aggregates",
    noun="aggregate",
    alone=True,
    natural=("name",),
    fields=(
        text("name", computed=True),
        string_set("hosts"),
        mapping("metadata"),
        text("zone", api=_ZONE),
        REGION,
    ),
)
