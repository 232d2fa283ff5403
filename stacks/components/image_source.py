"""Which guest image a province starts its servers from."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

from hoaban.errors import HoabanError, Location
from hoaban.image import built
from stacks.components.guest_image import GuestImageProps

if TYPE_CHECKING:
    from pulumi import Config

    from stacks.components.labels import Labels

DIGEST_LENGTH = 12  # hex digits in a name: as many as git shows, and plenty for a handful of images


def image_source(config: Config, labels: Labels) -> GuestImageProps:
    """The image that the stack's configuration names.

    ``image`` names one that the cloud has, ``imageFile`` a file on this machine; with neither it is
    the image that ``hoaban image build`` has made.
    """
    name, file = config.get("image"), config.get("imageFile")
    if name and file:
        raise HoabanError(
            "both `image` and `imageFile` are set",
            where=Location(key="province:image"),
            mend="unset one: pulumi config rm imageFile",
        )
    if name:
        return GuestImageProps(name=name, labels=labels)
    if file:
        return single_file(Path(file), labels)
    image = built()
    if image is None:
        raise HoabanError(
            "no guest image is named, and none has been built from the recipe as it is now",
            where=Location(key="province:image"),
            mend="hoaban image build; or set `image` to the name of one that the cloud has",
        )
    return GuestImageProps(
        name=image.name,
        labels=labels,
        root=image.root,
        disk_format=image.disk_format,
        kernel=image.kernel,
        initrd=image.initrd,
        properties=image.properties,
    )


def single_file(path: Path, labels: Labels) -> GuestImageProps:
    """An image of one file, named after it and its content."""
    if not path.is_file():
        raise HoabanError(
            f"there is no file {path}",
            where=Location(key="province:imageFile"),
            mend="give the path of a qcow2 or raw image",
        )
    with path.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    return GuestImageProps(
        name=f"{path.stem}-{digest[:DIGEST_LENGTH]}",
        labels=labels,
        root=path.resolve(),
        disk_format="qcow2" if path.suffix == ".qcow2" else "raw",
    )
