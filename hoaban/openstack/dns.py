"""Designate: zones, record sets, and zones that change hands."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from hoaban.engine.provider import CheckFailure
from hoaban.openstack import addresses
from hoaban.openstack.cloud import DNS as SERVICE
from hoaban.openstack.nested import Nested
from hoaban.openstack.quotas import Quota, limits
from hoaban.openstack.schema import (
    REGION,
    VALUE_SPECS,
    boolean,
    integer,
    mapping,
    string_set,
    text,
)
from hoaban.openstack.settling import Settling

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hoaban.engine.provider import ResourceState
    from hoaban.engine.values import PropertyMap
    from hoaban.openstack.call import Call
    from hoaban.openstack.resource import Resource

Json = dict[str, Any]

SUDO = "X-Auth-Sudo-Project-ID"
NAME = text("name", computed=True, replaces=True)
DESCRIPTION = text("description", reset="")
PROJECT = text("projectId", api=None, computed=True, replaces=True)
_UNWATCHED = boolean("disableStatusCheck", api=None, stored=True)
_ZONE = text("zoneId", api=None, required=True, replaces=True)


@dataclass(kw_only=True, eq=False)
class Designate(Settling):
    """A type of Designate, whose objects are not wrapped.

    An administrator may act in another project's name: ``projectId`` is sent along then.
    """

    service: str = SERVICE
    wrapped: bool = False
    update_verb: str = "PATCH"
    unwatched: str = "disableStatusCheck"

    def create(self, call: Call, inputs: PropertyMap) -> ResourceState:
        """Ask for the object in its project's name."""
        return super().create(_for(call, inputs), inputs)

    def find(self, call: Call, inputs: PropertyMap) -> ResourceState | None:
        """What an interrupted create left in the project."""
        return super().find(_for(call, inputs), inputs)

    def read(self, call: Call, id_: str, state: ResourceState | None) -> ResourceState | None:
        """The object as its project sees it."""
        return super().read(_for(call, state.outputs if state else {}), id_, state)

    def update(
        self, call: Call, id_: str, state: ResourceState, news: PropertyMap, changed: set[str]
    ) -> ResourceState:
        """Change the object in its project's name."""
        return super().update(_for(call, state.outputs), id_, state, news, changed)

    def delete(self, call: Call, id_: str, state: ResourceState) -> None:
        """Remove the object in its project's name."""
        super().delete(_for(call, state.outputs), id_, state)

    def look_up(self, call: Call, id_: str) -> Json | None:
        """From a list, which is of one project."""
        if not call.headers or call.sought is not None:
            return super().look_up(call, id_)
        found = self.get(call, id_)
        return None if self.is_gone(found) else found

    def flatten(self, call: Call, found: Json, outputs: PropertyMap, prior: PropertyMap) -> None:
        """Whose it is."""
        if any(spec.name == "projectId" for spec in self.fields):
            outputs["projectId"] = found.get("project_id") or prior.get("projectId") or ""


def _for(call: Call, props: PropertyMap) -> Call:
    """The call in the name of the project that ``props`` tell, if it is another one."""
    project = props.get("projectId")
    if not project or call.headers or project == call.cloud.project_id:
        return call
    return replace(call, headers={SUDO: str(project)})


@dataclass(kw_only=True, eq=False)
class _Zone(Designate):
    def validate(self, inputs: PropertyMap) -> Sequence[CheckFailure]:
        name = inputs.get("name")
        if isinstance(name, str) and "name" not in inputs.get("__defaults", []):
            return _absolute(name)
        return ()


def _absolute(name: str) -> Sequence[CheckFailure]:
    return () if name.endswith(".") else (CheckFailure("name", f"{name} must end with a dot"),)


ZONE = _Zone(
    token="openstack:dns/zone:Zone",
    telling=("ttl", "type"),
    label="zone",
    path="/zones",
    noun="zone",
    alone=True,
    fields=(
        NAME,
        DESCRIPTION,
        mapping("attributes", replaces=True),
        _UNWATCHED,
        text("email"),
        string_set("masters"),
        PROJECT,
        integer("ttl", computed=True),
        text("type", computed=True, replaces=True, choices=("PRIMARY", "SECONDARY", "CATALOG")),
        REGION,
        VALUE_SPECS,
    ),
)


@dataclass(kw_only=True, eq=False)
class _InZone(Nested, Designate):
    """Something in a zone: a nested type, told again that it is Designate's."""

    service: str = SERVICE
    wrapped: bool = False
    parent: str = "zoneId"
    alone: bool = True


@dataclass(kw_only=True, eq=False)
class _RecordSet(_InZone):
    def validate(self, inputs: PropertyMap) -> Sequence[CheckFailure]:
        name = inputs.get("name")
        given = isinstance(name, str) and "name" not in inputs.get("__defaults", [])
        return _absolute(str(name)) if given else ()

    def new_body(self, call: Call, inputs: PropertyMap) -> Json:
        body = super().new_body(call, inputs)
        return {"type": "A", **body}


RECORD_SET = _RecordSet(
    token="openstack:dns/recordSet:RecordSet",
    telling=("ttl", "type"),
    label="record set",
    path="/zones/{parent}/recordsets",
    noun="recordset",
    natural=("name", "type"),
    fields=(
        NAME,
        DESCRIPTION,
        _UNWATCHED,
        PROJECT,
        string_set("records", required=True, same=addresses.address_of_text),
        integer("ttl", computed=True),
        text("type", computed=True, replaces=True),
        _ZONE,
        REGION,
        VALUE_SPECS,
    ),
)


ZONE_SHARE = _InZone(
    token="openstack:dns/zoneShareV2:ZoneShareV2",
    label="zone share",
    path="/zones/{parent}/shares",
    noun="share",
    collection="shared_zones",
    unwatched="",
    natural=("targetProjectId",),
    fields=(
        PROJECT,
        text("targetProjectId", required=True, replaces=True),
        _ZONE,
        REGION,
    ),
)


@dataclass(kw_only=True, eq=False)
class _TransferRequest(Designate):
    """An offer of a zone to another project; asked for under the zone, kept elsewhere."""

    def new_body(self, call: Call, inputs: PropertyMap) -> Json:
        return {**super().new_body(call, inputs), "zone_id": inputs["zoneId"]}

    def post(self, call: Call, body: Json) -> Json:
        zone = body.pop("zone_id")
        path = f"/zones/{zone}/tasks/transfer_requests"
        return self.unwrap(call.json(SERVICE, "POST", path, body))


TRANSFER_REQUEST = _TransferRequest(
    token="openstack:dns/transferRequest:TransferRequest",
    label="zone transfer request",
    path="/zones/tasks/transfer_requests",
    noun="transfer_request",
    alone=True,
    ready=("ACTIVE", "COMPLETE"),
    natural=("zoneId",),
    fields=(
        DESCRIPTION,
        _UNWATCHED,
        text("key", computed=True, replaces=True, hidden=True),
        text("targetProjectId", computed=True, replaces=True),
        text("zoneId", required=True, replaces=True),
        REGION,
        VALUE_SPECS,
    ),
)


@dataclass(kw_only=True, eq=False)
class _TransferAccept(Designate):
    def remove(self, call: Call, id_: str, state: ResourceState) -> None:
        """A zone that has changed hands stays where it is."""


TRANSFER_ACCEPT = _TransferAccept(
    token="openstack:dns/transferAccept:TransferAccept",
    label="zone transfer",
    path="/zones/tasks/transfer_accepts",
    noun="transfer_accept",
    alone=True,
    ready=("ACTIVE", "COMPLETE"),
    natural=("zoneTransferRequestId",),
    fields=(
        boolean("disableStatusCheck", api=None, stored=True, replaces=True),
        text("key", required=True, replaces=True, stored=True, hidden=True),
        text("zoneTransferRequestId", required=True, replaces=True),
        REGION,
        VALUE_SPECS,
    ),
)

QUOTA = Quota(
    token="openstack:dns/quotaV2:QuotaV2",
    label="DNS quota",
    service=SERVICE,
    path="/quotas",
    noun="quota",
    wrapped=False,
    verb="PATCH",
    headers={"X-Auth-All-Projects": "true"},
    fields=limits("apiExportSize", "recordsetRecords", "zoneRecords", "zoneRecordsets", "zones"),
)

RESOURCES: tuple[Resource, ...] = (
    ZONE,
    RECORD_SET,
    ZONE_SHARE,
    TRANSFER_REQUEST,
    TRANSFER_ACCEPT,
    QUOTA,
)
