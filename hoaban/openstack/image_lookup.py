"""Functions of the images module."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hoaban.openstack.cloud import IMAGE as SERVICE
from hoaban.openstack.images import IMAGE
from hoaban.openstack.list_lookups import ListLookup
from hoaban.openstack.lookups import Function, Lookup
from hoaban.openstack.schema import Field, boolean, integer, text

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from hoaban.engine.values import PropertyMap
    from hoaban.openstack.call import Call

Json = dict[str, Any]

_CHOOSING = (
    boolean("mostRecent", api=None),
    text("nameRegex", api=None),
    text("sort", api=None),
    text("tag", api=None),
)


_FILTERS = (
    "containerFormat",
    "diskFormat",
    "hidden",
    text("memberStatus"),
    "name",
    "owner",
    integer("sizeMax"),
    integer("sizeMin"),
    "visibility",
)


@dataclass(kw_only=True, eq=False)
class _Images(Lookup):
    """Images by what Glance filters by, and by a pattern of their names."""

    def candidates(self, call: Call, args: PropertyMap) -> Iterable[Json]:
        params: list[tuple[str, Any]] = [
            (self.parameters[name], str(value).lower() if isinstance(value, bool) else value)
            for name, value in args.items()
            if name in self.parameters
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


@dataclass(kw_only=True, eq=False)
class _GetImage(_Images):
    def choose(self, fitting: list[Json], args: PropertyMap) -> Json:
        if args.get("mostRecent") and fitting:
            return max(fitting, key=lambda item: item["created_at"])
        return super().choose(fitting, args)

    def tell(self, call: Call, item: Json, args: PropertyMap) -> PropertyMap:
        outputs = super().tell(call, item, args)
        outputs["properties"] = IMAGE.state(call, item, {}).outputs["properties"]
        outputs["metadata"] = {}
        return outputs


GET_IMAGE = _GetImage(
    token="openstack:images/getImage:getImage",
    of=IMAGE,
    mend="name an image that the cloud has, or upload it (the guest image: hoaban image build)",
    filters=_FILTERS,
    compared=(*_CHOOSING, "properties", "tags"),
    told=(
        "checksum",
        "containerFormat",
        "createdAt",
        "diskFormat",
        "file",
        "hidden",
        text("memberStatus", api=None),
        "metadata",
        "minDiskGb",
        "minRamMb",
        "name",
        "owner",
        "properties",
        "protected",
        "schema",
        "sizeBytes",
        integer("sizeMax", api=None),
        integer("sizeMin", api=None),
        "tags",
        "updatedAt",
        "visibility",
        *_CHOOSING,
    ),
)


@dataclass(kw_only=True, eq=False)
class _GetImageIds(_Images, ListLookup):
    told: Sequence[Field | str] = ()


GET_IMAGE_IDS = _GetImageIds(
    token="openstack:images/getImageIds:getImageIds",
    of=IMAGE,
    filters=_FILTERS,
    compared=(*_CHOOSING[1:], "properties", "tags"),
)

FUNCTIONS: tuple[Function, ...] = (GET_IMAGE, GET_IMAGE_IDS)
