"""Glance: images, uploaded from a file or fetched from an address."""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hoaban.engine.provider import CheckFailure, DiffKind, ProviderError, ResourceState
from hoaban.errors import Location
from hoaban.openstack import image_content, keys
from hoaban.openstack.cloud import IMAGE as SERVICE
from hoaban.openstack.errors import CloudError
from hoaban.openstack.patience import unless_gone
from hoaban.openstack.rest import Rest
from hoaban.openstack.schema import (
    REGION,
    boolean,
    integer,
    mapping,
    string_set,
    text,
)
from hoaban.openstack.twins import called

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hoaban.engine.values import PropertyMap
    from hoaban.openstack.call import Call
    from hoaban.openstack.diff import Changes
    from hoaban.openstack.resource import Resource

Json = dict[str, Any]

_DISK_FORMATS = ("ami", "ari", "aki", "iso", "ploop", "qcow2", "raw", "vdi", "vhd", "vhdx", "vmdk")
_EMPTY = frozenset({"queued", "saving", "uploading", "importing", "killed"})
_POLL = 1.0
_PATCH = "application/openstack-images-v2.1-json-patch"
# What Glance and its stores add of their own: not for people to set, and no difference.
_OWN_PREFIXES = ("os_", "stores", "direct_url", "locations", "owner_specified.")
_ATTRIBUTES = frozenset(
    {
        "id", "name", "status", "visibility", "protected", "checksum", "owner", "size", "tags",
        "virtual_size", "min_ram", "min_disk", "created_at", "updated_at", "self", "file",
        "schema", "container_format", "disk_format", "os_hidden", "locations", "direct_url",
    }
)  # fmt: skip


@dataclass(kw_only=True, eq=False)
class _Image(Rest):
    def validate(self, inputs: PropertyMap) -> Sequence[CheckFailure]:
        path, url = inputs.get("localFilePath"), inputs.get("imageSourceUrl")
        if path is None and url is None:
            why = "one of localFilePath and imageSourceUrl is required"
            return [CheckFailure("localFilePath", why)]
        if inputs.get("webDownload") and url is None:
            return [CheckFailure("imageSourceUrl", "webDownload needs imageSourceUrl")]
        return ()

    def amend(self, changes: Changes, state: ResourceState, news: PropertyMap) -> None:
        if state.outputs.get("status") in _EMPTY:
            changes["status"] = DiffKind.UPDATE_REPLACE  # nothing can fill it any more

    def new_body(self, call: Call, inputs: PropertyMap) -> Json:
        body = super().new_body(call, inputs)
        for name, value in inputs.get("properties", {}).items():
            body[name] = value
        return body

    def create(self, call: Call, inputs: PropertyMap) -> ResourceState:
        path = inputs.get("localFilePath")
        if path and not Path(path).is_file():
            raise ProviderError(
                "the image's file is not there",
                where=Location(file=str(path)),
                mend="build or fetch it first (for the guest image: hoaban image build)",
            )
        return super().create(call, inputs)

    def post(self, call: Call, body: Json) -> Json:
        return call.json(SERVICE, "POST", self.path, body)

    def settle(self, call: Call, made: Json, inputs: PropertyMap) -> Json:
        """Bring the content there; an image without it is taken away again."""
        try:
            checksum = self._fill(call, made["id"], inputs)
            found = self._await_active(call, made["id"])
            if checksum and inputs.get("verifyChecksum", True):
                image_content.verify(found, checksum)
        except BaseException:
            with suppress(ProviderError):  # what broke the upload is to be told, not this
                self._take_away(call, made["id"])
            raise
        return found

    def partly(
        self, call: Call, error: ProviderError, made: Json, inputs: PropertyMap
    ) -> ProviderError:
        """Nothing is left of an image whose content did not arrive, unless it cannot be deleted."""
        try:
            now = self.get(call, made["id"])
        except ProviderError:
            now = made
        return error if now is None else super().partly(call, error, now, inputs)

    def find(self, call: Call, inputs: PropertyMap) -> ResourceState | None:
        found = self.find_object(call, inputs)
        if found is None:
            return None
        if found["status"] != "active":  # its content never came
            self._take_away(call, found["id"])
            return None
        return self.state(call, found, inputs)

    def listing(self, call: Call, params: Any) -> Sequence[Json]:
        wanted = {("tag" if name == "tags" else name): value for name, value in params.items()}
        return super().listing(call, wanted)

    def unwrap(self, answer: Json) -> Json:
        return answer

    def update(
        self, call: Call, id_: str, state: ResourceState, news: PropertyMap, changed: set[str]
    ) -> ResourceState:
        found = self.need(call, id_)
        operations = _operations(self, found, state, news, changed)
        if operations:
            path, kind = f"{self.path}/{id_}", {"Content-Type": _PATCH}
            found = call.json(SERVICE, "PATCH", path, operations, headers=kind)
        self.changed(call)
        return self.state(call, found, news)

    def remove(self, call: Call, id_: str, state: ResourceState) -> None:
        call.request(SERVICE, "DELETE", f"{self.path}/{id_}")

    def flatten(self, call: Call, found: Json, outputs: PropertyMap, prior: PropertyMap) -> None:
        outputs["imageId"] = found["id"]
        outputs["metadata"] = {}
        asked = prior.get("properties") or {}
        outputs["properties"] = {
            name: str(value)
            for name, value in found.items()
            if name not in _ATTRIBUTES and value is not None
            if name in asked or not name.startswith(_OWN_PREFIXES)
        }

    def _fill(self, call: Call, id_: str, inputs: PropertyMap) -> str | None:
        """Upload the content, or have Glance fetch it; returns its MD5 when it went through us."""
        if inputs.get("webDownload"):
            method = {"name": "web-download", "uri": inputs["imageSourceUrl"]}
            call.request(SERVICE, "POST", f"{self.path}/{id_}/import", {"method": method})
            return None
        with image_content.stream(inputs) as body:
            headers = {"Content-Type": "application/octet-stream"}
            call.request(SERVICE, "PUT", f"{self.path}/{id_}/file", data=body, headers=headers)
        return body.checksum

    def _await_active(self, call: Call, id_: str) -> Json:
        while True:
            found = self.need(call, id_)
            if found["status"] == "active":
                return found
            if found["status"] in ("killed", "deleted", "pending_delete"):
                raise CloudError(
                    f"the image went into the state {found['status']}",
                    mend="see the log of the image service (often: its store is full)",
                )
            if time.monotonic() >= call.deadline:
                raise call.timed_out(f"image {id_} did not become active")
            call.cloud.pause(_POLL)

    def _take_away(self, call: Call, id_: str) -> None:
        with unless_gone():
            call.request(SERVICE, "DELETE", f"{self.path}/{id_}")
        self.changed(call)


_PATCHED = {"name", "visibility", "hidden", "protected", "minDiskGb", "minRamMb"}


def _operations(
    kind: _Image, found: Json, state: ResourceState, news: PropertyMap, changed: set[str]
) -> list[Json]:
    """A JSON patch (RFC 6902, as Glance takes it) from the image as it is to what is asked."""
    operations = []
    for spec in kind.fields:
        if spec.name in changed & _PATCHED:
            value = news.get(spec.name, spec.default if spec.default is not None else spec.zero)
            operations.append({"op": "replace", "path": f"/{spec.attribute}", "value": value})
    if "tags" in changed:
        tags = sorted({*keys.marks(found.get("tags")), *news.get("tags", [])})
        operations.append({"op": "replace", "path": "/tags", "value": tags})
    if "properties" in changed:
        old, new = state.outputs.get("properties", {}), news.get("properties", {})
        operations += [
            {"op": "remove", "path": f"/{name}"}
            for name in old.keys() - new.keys()
            if name in found and not name.startswith(_OWN_PREFIXES)
        ]
        for name, value in new.items():
            if found.get(name) != value:
                verb = "replace" if name in found else "add"
                operations.append({"op": verb, "path": f"/{name}", "value": value})
    return operations


IMAGE = _Image(
    token="openstack:images/image:Image",
    label="image",
    service=SERVICE,
    path="/images",
    noun="image",
    list_filter={"owner": "{project}"},
    tags_in=True,
    all_tags=True,
    timeout=1800.0,
    fields=(
        text("name", computed=True),
        text(
            "containerFormat",
            required=True,
            replaces=True,
            choices=("ami", "ari", "aki", "bare", "ovf", "ova", "docker", "compressed"),
        ),
        text(
            "diskFormat",
            required=True,
            replaces=True,
            choices=_DISK_FORMATS,
        ),
        text("visibility", default="private", choices=("public", "private", "shared", "community")),
        boolean("protected"),
        boolean("hidden", api="os_hidden"),
        integer("minDiskGb", api="min_disk"),
        integer("minRamMb", api="min_ram"),
        string_set("tags"),
        mapping("properties", api=None, computed=True),
        text("imageId", api="id", computed=True, replaces=True),
        text("localFilePath", api=None, stored=True, replaces=True, conflicts=("imageSourceUrl",)),
        text("imageSourceUrl", api=None, stored=True, replaces=True),
        text("imageSourceUsername", api=None, stored=True),
        text("imageSourcePassword", api=None, stored=True, secret=True),
        text("imageCachePath", api=None, stored=True, computed=True),
        boolean("decompress", api=None, stored=True, replaces=True),
        boolean("verifyChecksum", api=None, stored=True, conflicts=("webDownload",)),
        boolean("webDownload", api=None, stored=True, conflicts=("localFilePath",)),
        text("checksum", output=True, computed=True),
        text("createdAt", output=True, computed=True),
        text("updatedAt", output=True, computed=True),
        text("file", output=True, computed=True),
        mapping("metadata", api=None, output=True, computed=True),
        text("owner", output=True, computed=True),
        text("schema", output=True, computed=True),
        integer("sizeBytes", api="size", output=True, computed=True),
        text("status", output=True, computed=True),
        REGION,
    ),
)


def image_named(call: Call, name: str) -> Json:
    """The image of this name."""
    return called(call, IMAGE, name, mend="give the image's id instead of its name, or upload it")


RESOURCES: tuple[Resource, ...] = (IMAGE,)
