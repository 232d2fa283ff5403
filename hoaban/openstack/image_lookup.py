"""Functions of the images module."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hoaban.openstack import keys
from hoaban.openstack.cloud import IMAGE as SERVICE
from hoaban.openstack.images import IMAGE
from hoaban.openstack.lookups import Function, Lookup
from hoaban.openstack.schema import (
    REGION,
    boolean,
    integer,
    mapping,
    string_set,
    strings,
    text,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hoaban.engine.values import PropertyMap
    from hoaban.openstack.call import Call

Json = dict[str, Any]

_FILTERS = {
    "containerFormat": "container_format",
    "diskFormat": "disk_format",
    "memberStatus": "member_status",
    "name": "name",
    "owner": "owner",
    "sizeMax": "size_max",
    "sizeMin": "size_min",
    "visibility": "visibility",
    "hidden": "os_hidden",
}


@dataclass(kw_only=True, eq=False)
class _GetImage(Lookup):
    def candidates(self, call: Call, args: PropertyMap) -> Iterable[Json]:
        params: list[tuple[str, Any]] = [
            (self.filters[name], str(value).lower() if isinstance(value, bool) else value)
            for name, value in args.items()
            if name in self.filters
        ]
        tags = {*args.get("tags", []), *([args["tag"]] if args.get("tag") else [])}
        params += [("tag", tag) for tag in sorted(tags)]
        params += list(args.get("properties", {}).items())
        params.append(("sort", args.get("sort") or "name:asc"))
        return call.pages(SERVICE, "/images", "images", params=params)

    def fits(self, call: Call, item: Json, args: PropertyMap) -> bool:
        pattern = args.get("nameRegex")
        if pattern and not re.search(pattern, item.get("name") or ""):
            return False
        return all(str(item.get(key)) == value for key, value in args.get("properties", {}).items())

    def choose(self, fitting: list[Json], args: PropertyMap) -> Json:
        if args.get("mostRecent") and fitting:
            return max(fitting, key=lambda item: item["created_at"])
        return super().choose(fitting, args)

    def tell(self, call: Call, item: Json, args: PropertyMap) -> PropertyMap:
        outputs = super().tell(call, item, args)
        outputs["tags"] = keys.own(item.get("tags"))
        outputs["properties"] = IMAGE.state(call, item, {}).outputs["properties"]
        outputs["metadata"] = {}
        return outputs


GET_IMAGE = _GetImage(
    token="openstack:images/getImage:getImage",
    label="image",
    service=SERVICE,
    path="/images",
    collection="images",
    noun="image",
    filters=_FILTERS,
    mend="name an image that the cloud has, or upload it (the guest image: hoaban image build)",
    inputs=(
        text("containerFormat"),
        text("diskFormat"),
        boolean("hidden"),
        text("memberStatus"),
        boolean("mostRecent"),
        text("name"),
        text("nameRegex"),
        text("owner"),
        mapping("properties"),
        integer("sizeMax"),
        integer("sizeMin"),
        text("sort"),
        text("tag"),
        string_set("tags"),
        text("visibility"),
        REGION,
    ),
    outputs=(
        text("id", output=True),
        text("checksum", computed=True),
        text("containerFormat", computed=True),
        text("createdAt", computed=True),
        text("diskFormat", computed=True),
        text("file", computed=True),
        boolean("hidden", api="os_hidden", computed=True),
        text("memberStatus", api=None),
        mapping("metadata", api=None),
        integer("minDiskGb", api="min_disk", computed=True),
        integer("minRamMb", api="min_ram", computed=True),
        boolean("mostRecent", api=None),
        text("name", computed=True),
        text("nameRegex", api=None),
        text("owner", computed=True),
        mapping("properties", api=None),
        boolean("protected", computed=True),
        text("schema", computed=True),
        integer("sizeBytes", api="size", computed=True),
        integer("sizeMax", api=None),
        integer("sizeMin", api=None),
        text("sort", api=None),
        text("tag", api=None),
        strings("tags", api=None),
        text("updatedAt", computed=True),
        text("visibility", computed=True),
        REGION,
    ),
)

FUNCTIONS: tuple[Function, ...] = (GET_IMAGE,)
