"""Functions of the block storage module."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hoaban.openstack.blockstorage import QUOTA, VOLUME
from hoaban.openstack.cloud import VOLUME as SERVICE
from hoaban.openstack.lookups import Function, Lookup
from hoaban.openstack.quotas import lookup as quota_lookup
from hoaban.openstack.rest import Rest
from hoaban.openstack.schema import boolean, integer, mapping, text
from hoaban.openstack.zones import zones_lookup

if TYPE_CHECKING:
    from hoaban.engine.values import PropertyMap
    from hoaban.openstack.call import Call

Json = dict[str, Any]

GET_AVAILABILITY_ZONES = zones_lookup(
    "openstack:blockstorage/getAvailabilityZonesV3:getAvailabilityZonesV3", SERVICE
)

GET_QUOTA = quota_lookup("openstack:blockstorage/getQuotasetV3:getQuotasetV3", QUOTA)

_SNAPSHOT = Rest(
    token="",  # looked up only: the official provider has no type for it
    label="snapshot",
    service=SERVICE,
    path="/snapshots",
    list_path="/snapshots/detail",
    noun="snapshot",
    fields=(),
)


@dataclass(kw_only=True, eq=False)
class _GetSnapshot(Lookup):
    def choose(self, fitting: list[Json], args: PropertyMap) -> Json:
        if args.get("mostRecent") and fitting:
            return max(fitting, key=lambda item: item["created_at"])
        return super().choose(fitting, args)


GET_SNAPSHOT = _GetSnapshot(
    token="openstack:blockstorage/getSnapshotV3:getSnapshotV3",
    of=_SNAPSHOT,
    filters=(text("name"), text("status"), text("volumeId")),
    compared=(boolean("mostRecent", api=None),),
    told=(
        text("description"),
        mapping("metadata"),
        boolean("mostRecent", api=None),
        text("name"),
        integer("size"),
        text("status"),
        text("volumeId"),
    ),
)


@dataclass(kw_only=True, eq=False)
class _GetVolume(Lookup):
    def fits(self, call: Call, item: Json, args: PropertyMap) -> bool:
        if args.get("host") and item.get("os-vol-host-attr:host") != args["host"]:
            return False
        held = item.get("metadata") or {}
        return all(held.get(name) == value for name, value in args.get("metadata", {}).items())

    def tell(self, call: Call, item: Json, args: PropertyMap) -> PropertyMap:
        told = VOLUME.state(call, item, {}).outputs
        outputs = super().tell(call, item, args)
        return {**outputs, "metadata": told["metadata"], "attachments": told["attachments"]}


GET_VOLUME = _GetVolume(
    token="openstack:blockstorage/getVolumeV3:getVolumeV3",
    of=VOLUME,
    filters=("name", text("status"), text("bootable"), "volumeType"),
    compared=("metadata", text("host", api="os-vol-host-attr:host")),
    told=(
        "attachments",
        text("bootable"),
        text("host", api="os-vol-host-attr:host"),
        "metadata",
        "name",
        "size",
        text("sourceVolumeId", api="source_volid"),
        text("status"),
        "volumeType",
    ),
)

FUNCTIONS: tuple[Function, ...] = (
    GET_AVAILABILITY_ZONES,
    GET_QUOTA,
    GET_SNAPSHOT,
    GET_VOLUME,
)
