"""Flavors: the sizes of servers, and who may use those that are not public."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hoaban.engine.provider import CheckFailure, ResourceState
from hoaban.openstack import errors
from hoaban.openstack.cloud import COMPUTE as SERVICE
from hoaban.openstack.errors import CloudError
from hoaban.openstack.relation import ProjectAccess
from hoaban.openstack.rest import Rest
from hoaban.openstack.schema import REGION, boolean, integer, mapping, number, text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hoaban.engine.values import PropertyMap
    from hoaban.openstack.call import Call

Json = dict[str, Any]

_FAMILY = "flavors"


@dataclass(kw_only=True, eq=False)
class _Flavor(Rest):
    def validate(self, inputs: PropertyMap) -> Sequence[CheckFailure]:
        return [
            CheckFailure(name, f"{name} must be at least {least}")
            for name, least in (("ram", 1), ("vcpus", 1), ("disk", 0))
            if isinstance(inputs.get(name), int) and inputs[name] < least
        ]

    def new_body(self, call: Call, inputs: PropertyMap) -> Json:
        """As the official provider: not public unless told, which is not Nova's own default."""
        body = super().new_body(call, inputs)
        body.setdefault("os-flavor-access:is_public", False)
        return body

    def settle(self, call: Call, made: Json, inputs: PropertyMap) -> Json:
        specs = inputs.get("extraSpecs")
        if specs:
            self._set_specs(call, made["id"], specs)
        return {**made, "extra_specs": dict(specs or {})}

    def find_object(self, call: Call, inputs: PropertyMap) -> Json | None:
        """Names of flavors are unique in a cloud."""
        for item in self.listing(call, {"is_public": "none"}):
            if item["name"] == inputs["name"]:
                alike = all(item[name] == inputs[name] for name in ("ram", "vcpus", "disk"))
                return item if alike else None
        return None

    def after_update(
        self, call: Call, id_: str, state: ResourceState, news: PropertyMap, changed: set[str]
    ) -> Json | None:
        old, new = state.outputs.get("extraSpecs", {}), news.get("extraSpecs", {})
        if "extraSpecs" in changed:
            for name in old.keys() - new.keys():
                path = f"{self.path}/{id_}/os-extra_specs/{name}"
                call.request(SERVICE, "DELETE", path)
        if new and ("extraSpecs" in changed or not changed):
            self._set_specs(call, id_, new)
        return None

    def change_body(
        self, call: Call, state: ResourceState, news: PropertyMap, changed: set[str]
    ) -> Json:
        return super().change_body(call, state, news, changed & {"description"})

    def _set_specs(self, call: Call, id_: str, specs: PropertyMap) -> None:
        path = f"{self.path}/{id_}/os-extra_specs"
        call.json(SERVICE, "POST", path, {"extra_specs": dict(specs)})

    def changed(self, call: Call) -> None:
        super().changed(call)
        call.shared.lists.forget(_FAMILY)

    def flatten(self, call: Call, found: Json, outputs: PropertyMap, prior: PropertyMap) -> None:
        outputs["extraSpecs"] = {
            name: str(value) for name, value in (found.get("extra_specs") or {}).items()
        }


FLAVOR = _Flavor(
    token="openstack:compute/flavor:Flavor",
    telling=("extraSpecs",),
    label="flavor",
    service=SERVICE,
    path="/flavors",
    list_path="/flavors/detail",
    list_filter={"is_public": "none"},
    noun="flavor",
    microversion="2.61",
    fields=(
        text("name", computed=True, replaces=True),
        text("description"),
        integer("ram", required=True, replaces=True),
        integer("vcpus", required=True, replaces=True),
        integer("disk", required=True, replaces=True),
        integer("ephemeral", api="OS-FLV-EXT-DATA:ephemeral", replaces=True),
        integer("swap", replaces=True),
        number("rxTxFactor", api="rxtx_factor", default=1, replaces=True),
        boolean("isPublic", api="os-flavor-access:is_public", replaces=True),
        text("flavorId", api="id", computed=True, replaces=True),
        mapping("extraSpecs", api=None, computed=True),
        REGION,
    ),
)


FLAVOR_ACCESS = ProjectAccess(
    token="openstack:compute/flavorAccess:FlavorAccess",
    label="flavor access",
    pair=("flavorId", "tenantId"),
    service=SERVICE,
    path="/flavors",
    argument="tenant",
    listing="os-flavor-access",
    collection="flavor_access",
    fields=(
        text("flavorId", required=True, replaces=True),
        text("tenantId", required=True, replaces=True),
        REGION,
    ),
)


def flavors(call: Call) -> dict[str, Json]:
    """All flavors that the project may use, by id; fetched once."""

    def fetch() -> dict[str, Json]:
        found = call.pages(SERVICE, "/flavors/detail", "flavors", microversion=FLAVOR.microversion)
        return {item["id"]: item for item in found}

    return call.shared.lists.get(_FAMILY, call.region, fetch)


def flavor_named(call: Call, name: str) -> Json:
    """The flavor of this name."""
    for item in flavors(call).values():
        if item["name"] == name:
            return item
    known = ", ".join(sorted(item["name"] for item in flavors(call).values())) or "none"
    raise CloudError(
        f"the cloud has no flavor {name!r} (it has: {known})",
        status=errors.NOT_FOUND,
        mend="name one of these, or make it (the province's stack does that for its sizes)",
    )
