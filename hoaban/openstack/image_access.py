"""Images shared with single projects: who shares, and who accepts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hoaban.openstack.cloud import IMAGE as SERVICE
from hoaban.openstack.nested import Nested
from hoaban.openstack.schema import REGION, text

if TYPE_CHECKING:
    from hoaban.engine.provider import ResourceState
    from hoaban.engine.values import PropertyMap
    from hoaban.openstack.call import Call
    from hoaban.openstack.resource import Resource

Json = dict[str, Any]

_STATUS = ("accepted", "pending", "rejected")
_TOLD = (
    text("createdAt", output=True, computed=True),
    text("schema", output=True, computed=True),
    text("updatedAt", output=True, computed=True),
)


@dataclass(kw_only=True, eq=False)
class _Member(Nested):
    """A project among those that see an image; the resource's id is ``image/project``."""

    service: str = SERVICE
    parent: str = "imageId"
    wrapped: bool = False
    path: str = "/images/{parent}/members"
    noun: str = "member"
    alone: bool = True

    def id_of(self, found: Json) -> str:
        return str(found["member_id"])


@dataclass(kw_only=True, eq=False)
class _ImageAccess(_Member):
    def new_body(self, call: Call, inputs: PropertyMap) -> Json:
        return {"member": inputs["memberId"]}

    def settle(self, call: Call, made: Json, inputs: PropertyMap) -> Json:
        wanted = inputs.get("status")
        if wanted and made.get("status") != wanted:
            return self.put(call, self.id_of(made), {"status": wanted})
        return made

    def find_object(self, call: Call, inputs: PropertyMap) -> Json | None:
        return self.get(call, inputs["memberId"])


IMAGE_ACCESS = _ImageAccess(
    token="openstack:images/imageAccess:ImageAccess",
    label="image access",
    fields=(
        text("imageId", required=True, replaces=True),
        text("memberId", required=True, replaces=True),
        text("status", computed=True, choices=_STATUS),
        *_TOLD,
        REGION,
    ),
)


@dataclass(kw_only=True, eq=False)
class _ImageAccessAccept(_Member):
    """The answer of the project that an image is shared with; taken back, it is pending again."""

    def create(self, call: Call, inputs: PropertyMap) -> ResourceState:
        if not self.owner:
            return super().create(call, inputs)
        member = inputs.get("memberId") or call.cloud.project_id
        found = self.put(call, member, {"status": inputs["status"]})
        self.changed(call)
        return self.state(call, found, inputs)

    def find_object(self, call: Call, inputs: PropertyMap) -> Json | None:
        found = self.get(call, inputs.get("memberId") or call.cloud.project_id)
        return found if found and found.get("status") == inputs["status"] else None

    def remove(self, call: Call, id_: str, state: ResourceState) -> None:
        self.put(call, id_, {"status": "pending"})


IMAGE_ACCESS_ACCEPT = _ImageAccessAccept(
    token="openstack:images/imageAccessAccept:ImageAccessAccept",
    label="image access's answer",
    fields=(
        text("imageId", required=True, replaces=True),
        text("memberId", computed=True, replaces=True),
        text("status", required=True, choices=_STATUS),
        *_TOLD,
        REGION,
    ),
)

RESOURCES: tuple[Resource, ...] = (IMAGE_ACCESS, IMAGE_ACCESS_ACCEPT)
