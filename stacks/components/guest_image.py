"""The image that servers start from."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pulumi import ComponentResource, Input, InvokeOptions, ResourceOptions
from pulumi_openstack import images

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from stacks.components.labels import Labels


@dataclass(frozen=True, slots=True, kw_only=True)
class GuestImageProps:
    """An image by its files, or, with no ``root``, one that the cloud has under ``name``.

    ``name`` carries a digest of what is in the files. With ``kernel`` and ``initrd`` the root is
    a file system without a boot loader, and the cloud starts the kernel itself.
    """

    name: str
    labels: Labels
    root: Path | None = None
    disk_format: str = "raw"
    kernel: Path | None = None
    initrd: Path | None = None
    properties: Mapping[str, str] = field(default_factory=dict)


class GuestImageComponent(ComponentResource):
    """A guest image in the cloud's image service, for all projects.

    A new image is a new resource, since its name is another; the old one is let go of and stays,
    because the cloud may need it to start or move the servers that were made from it.
    """

    def __init__(self, props: GuestImageProps, opts: ResourceOptions | None = None) -> None:
        super().__init__("hoaban:components:GuestImage", props.name, {}, opts)
        self._props = props
        self.name = props.name
        self.image_id: Input[str]
        if props.root is None:
            found = images.get_image(
                name=props.name, most_recent=True, opts=InvokeOptions(parent=self)
            )
            self.image_id = found.id
        else:
            self.image_id = self._upload(props.root)
        self.register_outputs({"image_id": self.image_id})

    def _upload(self, root: Path) -> Input[str]:
        props = self._props
        properties: dict[str, Input[str]] = dict(props.properties)
        if props.kernel:
            properties["kernel_id"] = self._image("kernel", props.kernel, "aki", "aki").id
        if props.initrd:
            properties["ramdisk_id"] = self._image("initrd", props.initrd, "ari", "ari").id
        return self._image("", root, props.disk_format, "bare", properties).id

    def _image(
        self,
        part: str,
        path: Path,
        disk_format: str,
        container_format: str,
        properties: Mapping[str, Input[str]] | None = None,
    ) -> images.Image:
        name = f"{self._props.name}-{part}" if part else self._props.name
        return images.Image(
            name,
            name=name,
            local_file_path=str(path),
            disk_format=disk_format,
            container_format=container_format,
            properties=properties,
            visibility="public",
            tags=self._props.labels.tags,
            opts=ResourceOptions(
                parent=self,
                retain_on_delete=True,
                # The name tells what is in it; where it lies on this machine is of no interest.
                ignore_changes=["local_file_path"],
            ),
        )
