"""Cinder's volume types, who may use them, and what quality they promise."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hoaban.openstack.cloud import VOLUME as SERVICE
from hoaban.openstack.relation import ProjectAccess, Relation
from hoaban.openstack.rest import Rest
from hoaban.openstack.schema import REGION, boolean, mapping, text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from hoaban.engine.provider import ResourceState
    from hoaban.engine.values import PropertyMap
    from hoaban.openstack.call import Call
    from hoaban.openstack.resource import Resource

Json = dict[str, Any]


@dataclass(kw_only=True, eq=False)
class _VolumeType(Rest):
    def listing(self, call: Call, params: Mapping[str, Any]) -> Sequence[Json]:
        """Those that are not public, too."""
        return super().listing(call, {"is_public": "None", **params})

    def new_body(self, call: Call, inputs: PropertyMap) -> Json:
        body = super().new_body(call, inputs)
        if "is_public" in body:
            body["os-volume-type-access:is_public"] = body.pop("is_public")
        return body

    def change_body(
        self, call: Call, state: ResourceState, news: PropertyMap, changed: set[str]
    ) -> Json:
        return super().change_body(call, state, news, changed - {"extraSpecs"})

    def after_update(
        self, call: Call, id_: str, state: ResourceState, news: PropertyMap, changed: set[str]
    ) -> Json | None:
        if "extraSpecs" in changed:
            old, new = state.outputs.get("extraSpecs", {}), news.get("extraSpecs", {})
            path = f"{self.path}/{id_}/extra_specs"
            for name in sorted(old.keys() - new.keys()):
                call.request(SERVICE, "DELETE", f"{path}/{name}")
            if new:
                call.json(SERVICE, "POST", path, {"extra_specs": dict(new)})
        return None


VOLUME_TYPE = _VolumeType(
    token="openstack:blockstorage/volumeTypeV3:VolumeTypeV3",
    telling=("description", "extraSpecs", "isPublic"),
    label="volume type",
    service=SERVICE,
    path="/types",
    noun="volume_type",
    alone=True,
    fields=(
        text("name", computed=True, reset=""),
        text("description", computed=True, reset=""),
        boolean("isPublic", computed=True),
        mapping("extraSpecs", computed=True),
        REGION,
    ),
)


VOLUME_TYPE_ACCESS = ProjectAccess(
    token="openstack:blockstorage/volumeTypeAccessV3:VolumeTypeAccessV3",
    label="volume type access",
    pair=("volumeTypeId", "projectId"),
    service=SERVICE,
    path="/types",
    argument="project",
    listing="os-volume-type-access",
    collection="volume_type_access",
    fields=(
        text("projectId", required=True, replaces=True),
        text("volumeTypeId", required=True, replaces=True),
        REGION,
    ),
)


@dataclass(kw_only=True, eq=False)
class _Qos(Rest):
    """Specifications of quality: the API takes them beside the name, and tells them apart."""

    def new_body(self, call: Call, inputs: PropertyMap) -> Json:
        return {**inputs.get("specs", {}), **super().new_body(call, inputs)}

    def change_body(
        self, call: Call, state: ResourceState, news: PropertyMap, changed: set[str]
    ) -> Json:
        body = super().change_body(call, state, news, changed - {"specs"})
        return {**news.get("specs", {}), **body} if "specs" in changed else body

    def put(self, call: Call, id_: str, body: Json) -> Json:
        """The answer tells only what was set."""
        super().put(call, id_, body)
        return self.need(call, id_)

    def after_update(
        self, call: Call, id_: str, state: ResourceState, news: PropertyMap, changed: set[str]
    ) -> Json | None:
        gone = state.outputs.get("specs", {}).keys() - news.get("specs", {}).keys()
        if not gone:
            return None
        body = {"keys": sorted(gone)}
        call.request(SERVICE, "PUT", f"{self.path}/{id_}/delete_keys", body)
        return self.need(call, id_)

    def flatten(self, call: Call, found: Json, outputs: PropertyMap, prior: PropertyMap) -> None:
        specs = found.get("specs") or {}
        if specs or prior.get("specs"):
            outputs["specs"] = {name: str(value) for name, value in specs.items()}


QOS = _Qos(
    token="openstack:blockstorage/qosV3:QosV3",
    label="volume QoS",
    service=SERVICE,
    path="/qos-specs",
    noun="qos_specs",
    collection="qos_specs",
    alone=True,
    fields=(
        text("name", computed=True, replaces=True),
        text("consumer", computed=True, choices=("front-end", "back-end", "both")),
        mapping("specs", api=None),
        REGION,
    ),
)


@dataclass(kw_only=True, eq=False)
class _QosAssociation(Relation):
    def add(self, call: Call, one: str, other: str) -> None:
        self._ask(call, one, "associate", other)

    def take_away(self, call: Call, one: str, other: str) -> None:
        self._ask(call, one, "disassociate", other)

    def is_so(self, call: Call, one: str, other: str) -> bool:
        found = call.find(SERVICE, f"/qos-specs/{one}/associations") or {}
        return any(item["id"] == other for item in found.get("qos_associations", []))

    def _ask(self, call: Call, qos: str, verb: str, type_: str) -> None:
        params = {"vol_type_id": type_}
        call.request(SERVICE, "GET", f"/qos-specs/{qos}/{verb}", params=params)


QOS_ASSOCIATION = _QosAssociation(
    token="openstack:blockstorage/qosAssociationV3:QosAssociationV3",
    label="QoS of a volume type",
    pair=("qosId", "volumeTypeId"),
    fields=(
        text("qosId", required=True, replaces=True),
        text("volumeTypeId", required=True, replaces=True),
        REGION,
    ),
)

RESOURCES: tuple[Resource, ...] = (VOLUME_TYPE, VOLUME_TYPE_ACCESS, QOS, QOS_ASSOCIATION)
