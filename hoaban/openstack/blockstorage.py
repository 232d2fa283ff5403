"""Cinder: volumes and their quotas."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hoaban.engine.provider import CheckFailure, ProviderError, ResourceState
from hoaban.openstack import errors, keys
from hoaban.openstack.cloud import COMPUTE
from hoaban.openstack.cloud import VOLUME as SERVICE
from hoaban.openstack.convert import object_to_api
from hoaban.openstack.errors import CloudError
from hoaban.openstack.quotas import Quota, limits
from hoaban.openstack.schema import (
    REGION,
    boolean,
    integer,
    mapping,
    object_set,
    strings,
    text,
)
from hoaban.openstack.watch import Watched

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hoaban.engine.values import PropertyMap
    from hoaban.openstack.call import Call
    from hoaban.openstack.resource import Resource

Json = dict[str, Any]

_FROM_BACKUP = {"microversion": "3.47"}
_EXTEND_IN_USE = {"microversion": "3.42"}
_HINTS = "OS-SCH-HNT:scheduler_hints"
_READY = ("available", "in-use")


@dataclass(kw_only=True, eq=False)
class _Volume(Watched):
    def validate(self, inputs: PropertyMap) -> Sequence[CheckFailure]:
        size = inputs.get("size")
        if isinstance(size, int) and size < 1:
            return [CheckFailure("size", "a volume has at least 1 GiB")]
        return ()

    def new_body(self, call: Call, inputs: PropertyMap) -> Json:
        body = super().new_body(call, inputs)
        body["metadata"] = {**inputs.get("metadata", {}), keys.METADATA_KEY: keys.mark(call.key)}
        for hints in inputs.get("schedulerHints", []):
            more = hints.get("additionalProperties", {})
            body[_HINTS] = {**object_to_api(_HINT_FIELDS, hints), **more}
        return body

    def post(self, call: Call, body: Json) -> Json:
        message: Json = {_HINTS: body.pop(_HINTS)} if _HINTS in body else {}
        message["volume"] = body
        version = _FROM_BACKUP if "backup_id" in body else {}
        return self.unwrap(call.json(SERVICE, "POST", self.path, message, **version))

    def settle(self, call: Call, made: Json, inputs: PropertyMap) -> Json:
        return self.await_status(call, made["id"], ("available", "in-use"))

    def partly(
        self, call: Call, error: ProviderError, made: Json, inputs: PropertyMap
    ) -> ProviderError:
        """A volume in error is of no use and holds nothing: it goes, and nothing was made."""
        if not isinstance(error, VolumeFailed):
            return super().partly(call, error, made, inputs)
        try:
            call.request(SERVICE, "DELETE", f"{self.path}/{made['id']}")
        except CloudError:
            return super().partly(call, error, made, inputs)
        return error

    def find_object(self, call: Call, inputs: PropertyMap) -> Json | None:
        mark = keys.mark(call.key)
        for item in self.listing(call, {"name": inputs["name"]}):
            if item.get("metadata", {}).get(keys.METADATA_KEY) == mark:
                return item
        return None

    @property
    def marked(self) -> bool:
        return True

    def marks_of(self, item: Json) -> list[str]:
        return keys.marks([item.get("metadata", {}).get(keys.METADATA_KEY, "")])

    def find(self, call: Call, inputs: PropertyMap) -> ResourceState | None:
        found = self.find_object(call, inputs)
        if found is None or found["status"].startswith("error"):
            if found is not None:
                self.delete(call, found["id"], self.state(call, found, inputs))
            return None
        if found["status"] not in _READY:
            found = self.await_status(call, found["id"], _READY)
        return self.state(call, found, inputs)

    def change_body(
        self, call: Call, state: ResourceState, news: PropertyMap, changed: set[str]
    ) -> Json:
        body = super().change_body(call, state, news, changed & {"name", "description"})
        if "metadata" in changed:
            wanted = dict(news.get("metadata", {}))
            found = self.need(call, state.id).get("metadata", {})
            if keys.METADATA_KEY in found:
                wanted[keys.METADATA_KEY] = found[keys.METADATA_KEY]
            body["metadata"] = wanted
        return body

    def after_update(
        self, call: Call, id_: str, state: ResourceState, news: PropertyMap, changed: set[str]
    ) -> Json | None:
        if "size" in changed:
            self._extend(call, id_, state, news)
        if "volumeType" in changed:
            policy = news.get("volumeRetypePolicy", "never")
            retype = {"new_type": news["volumeType"], "migration_policy": policy}
            self._act(call, id_, {"os-retype": retype})
            return self.await_status(call, id_, _READY)
        if "size" in changed:
            return self.await_status(call, id_, _READY)
        if not changed:
            return self.await_status(call, id_, _READY)
        return None

    def remove(self, call: Call, id_: str, state: ResourceState) -> None:
        found = self.need(call, id_)
        for attachment in found.get("attachments") or []:
            server = attachment["server_id"]
            path = f"/servers/{server}/os-volume_attachments/{id_}"
            try:
                call.request(COMPUTE, "DELETE", path)
            except CloudError as error:
                if error.status not in (errors.NOT_FOUND, errors.CONFLICT):
                    raise
        if found.get("attachments"):
            self.await_status(call, id_, ("available", "error"))
        if found["status"] != "deleting":
            call.request(SERVICE, "DELETE", f"{self.path}/{id_}")
        self.watch(call, id_, _gone, f"volume {id_} was not deleted")

    def flatten(self, call: Call, found: Json, outputs: PropertyMap, prior: PropertyMap) -> None:
        outputs["metadata"] = {
            key: value
            for key, value in outputs.get("metadata", {}).items()
            if key != keys.METADATA_KEY
        }
        outputs["attachments"] = [
            {
                "id": item.get("attachment_id") or item.get("id") or "",
                "instanceId": item.get("server_id") or "",
                "device": item.get("device") or "",
            }
            for item in found.get("attachments") or []
        ]

    def await_status(self, call: Call, id_: str, wanted: Sequence[str]) -> Json:
        """Wait until the volume has one of the ``wanted`` states."""

        def done(found: Json | None) -> bool:
            if found is None:
                raise CloudError(f"volume {id_} is gone", status=errors.NOT_FOUND)
            status = found["status"]
            if status.startswith("error") and status not in wanted:
                raise VolumeFailed(
                    f"the volume went into the state {status}",
                    detail=self._why(call, id_),
                    mend="see the log of the block-storage service (often: no back-end has room)",
                )
            return status in wanted

        return self.watch(call, id_, done, f"volume {id_} did not become {wanted[0]}") or {}

    def _extend(self, call: Call, id_: str, state: ResourceState, news: PropertyMap) -> None:
        old, new = int(state.outputs.get("size") or 0), news["size"]
        if new < old:
            raise ProviderError(
                f"a volume cannot shrink (it has {old} GiB, {new} are asked for)",
                mend="make a new volume and copy what it holds, or ask for the old size",
            )
        found = self.need(call, id_)
        if found["status"] == "in-use" and not news.get("enableOnlineResize"):
            raise ProviderError(
                "the volume is attached, and growing an attached volume is not allowed for it",
                mend="set enableOnlineResize, or detach it first",
            )
        self._act(call, id_, {"os-extend": {"new_size": new}})

    def _act(self, call: Call, id_: str, action: Json) -> None:
        call.request(SERVICE, "POST", f"{self.path}/{id_}/action", action, **_EXTEND_IN_USE)

    def _why(self, call: Call, id_: str) -> str | None:
        """What Cinder tells people of the failure (its messages, API 3.3)."""
        params = {"resource_uuid": id_}
        try:
            told = call.json(SERVICE, "GET", "/messages", params=params, microversion="3.5")
        except CloudError:
            return None
        return "; ".join(item["user_message"] for item in told.get("messages", [])) or None


class VolumeFailed(CloudError):
    """Cinder could not make the volume what it was asked to be."""


def _gone(found: Json | None) -> bool:
    if found is not None and found["status"].startswith("error_"):
        raise VolumeFailed(
            f"the volume went into the state {found['status']}",
            mend="see the log of the block-storage service; a snapshot may hold the volume",
        )
    return found is None or found["status"] == "deleted"


_HINT_FIELDS = (
    strings("differentHosts", api="different_host", replaces=True),
    strings("sameHosts", api="same_host", replaces=True),
    text("query", replaces=True),
    text("localToInstance", replaces=True),
    mapping("additionalProperties", api=None, replaces=True),
)

VOLUME = _Volume(
    token="openstack:blockstorage/volume:Volume",
    telling=("metadata", "volumeType"),
    label="volume",
    service=SERVICE,
    path="/volumes",
    list_path="/volumes/detail",
    everyone={"all_tenants": "1"},
    noun="volume",
    fields=(
        text("name", computed=True, reset=""),
        text("description", reset=""),
        integer("size", required=True),
        boolean("enableOnlineResize", api=None, stored=True),
        text("availabilityZone", computed=True, replaces=True),
        mapping("metadata", computed=True),
        text("volumeType", computed=True),
        text(
            "volumeRetypePolicy",
            api=None,
            stored=True,
            default="never",
            choices=("never", "on-demand"),
        ),
        text("snapshotId", replaces=True, conflicts=("sourceVolId", "imageId", "backupId")),
        text("sourceVolId", api="source_volid", replaces=True),
        text("imageId", api="imageRef", stored=True, replaces=True),
        text("backupId", stored=True, replaces=True),
        text("consistencyGroupId", api="consistencygroup_id", stored=True, replaces=True),
        text("sourceReplica", stored=True, replaces=True),
        object_set("schedulerHints", *_HINT_FIELDS, api=None, stored=True),
        object_set(
            "attachments",
            text("id"),
            text("instanceId"),
            text("device"),
            api=None,
            output=True,
            computed=True,
        ),
        REGION,
    ),
)

QUOTA = Quota(
    token="openstack:blockstorage/quoteSetV3:QuoteSetV3",
    label="block-storage quota",
    service=SERVICE,
    path="/os-quota-sets",
    noun="quota_set",
    extra="volumeTypeQuota",
    fields=(
        *limits(
            "backupGigabytes",
            "backups",
            "gigabytes",
            "groups",
            "perVolumeGigabytes",
            "snapshots",
            "volumes",
        ),
        mapping("volumeTypeQuota", api=None),
    ),
)

RESOURCES: tuple[Resource, ...] = (VOLUME, QUOTA)
