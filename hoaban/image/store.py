"""Built images: what is there, what is the recipe's, what may go."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from hoaban.errors import HoabanError, Location
from hoaban.image.recipe import DISTRIBUTION, Recipe
from hoaban.workspace import image_dir

if TYPE_CHECKING:
    from pathlib import Path

MANIFEST = "manifest.json"
KERNEL, INITRD, ROOT = "vmlinuz", "initrd", "root.qcow2"
MIN_RAM_MB = 512

_PROPERTIES = {
    "os_type": "linux",
    "os_distro": "debian",
    "os_version": "13",
    "os_admin_user": "hoaban",
    "hw_disk_bus": "virtio",
    "hw_vif_model": "virtio",
    "hw_rng_model": "virtio",
    # No screen: the console is the serial one, which the cloud keeps as the console log.
    "hw_video_model": "none",
}


@dataclass(frozen=True, slots=True)
class BuiltImage:
    """An image on this machine: three files, and what Glance has to be told of them.

    The root is a file system without partitions; the cloud starts ``kernel`` with ``initrd``
    (uploaded as ``aki`` and ``ari``, named by the root image's properties ``kernel_id`` and
    ``ramdisk_id``) and the command line in :attr:`properties`. ``size_bytes`` is that of the
    three files, ``min_disk_gb`` that of the root as the guest sees it.
    """

    name: str
    digest: str
    kernel: Path
    initrd: Path
    root: Path
    size_bytes: int
    min_disk_gb: int
    min_ram_mb: int
    built_at: datetime
    command_line: str
    manifest: dict[str, Any] = field(repr=False)

    disk_format = "qcow2"

    @classmethod
    def read(cls, folder: Path) -> BuiltImage:
        """The image in ``folder``, by its manifest."""
        manifest = _manifest(folder)
        try:
            return cls(
                name=manifest["name"],
                digest=manifest["digest"],
                kernel=folder / KERNEL,
                initrd=folder / INITRD,
                root=folder / ROOT,
                size_bytes=sum(each["size_bytes"] for each in manifest["files"].values()),
                min_disk_gb=manifest["min_disk_gb"],
                min_ram_mb=manifest["min_ram_mb"],
                built_at=datetime.fromisoformat(manifest["built_at"]),
                command_line=manifest["command_line"],
                manifest=manifest,
            )
        except (KeyError, TypeError, ValueError) as error:
            raise _unreadable(folder / MANIFEST, repr(error)) from error

    @property
    def folder(self) -> Path:
        """Folder of the image's files."""
        return self.root.parent

    @property
    def properties(self) -> dict[str, str]:
        """Properties of the root image in Glance, but for ``kernel_id`` and ``ramdisk_id``."""
        return {**_PROPERTIES, "os_command_line": self.command_line}

    @property
    def age_days(self) -> float:
        """Days since the image was built, which is as old as its packages are."""
        return (datetime.now(UTC) - self.built_at).total_seconds() / 86400

    def to_json(self) -> dict[str, Any]:
        """What people and programs ask of an image; the packages are in the manifest."""
        return {
            "name": self.name,
            "digest": self.digest,
            "built_at": self.built_at.isoformat(),
            "kernel": str(self.kernel),
            "initrd": str(self.initrd),
            "root": str(self.root),
            "disk_format": self.disk_format,
            "size_bytes": self.size_bytes,
            "min_disk_gb": self.min_disk_gb,
            "min_ram_mb": self.min_ram_mb,
            "properties": self.properties,
        }


def built(recipe: Recipe | None = None) -> BuiltImage | None:
    """The image of the recipe as it is now, if it has been built."""
    folder = image_dir() / (recipe or Recipe()).name
    return BuiltImage.read(folder) if (folder / MANIFEST).is_file() else None


def images() -> list[BuiltImage]:
    """All images on this machine, the newest first."""
    found = [BuiltImage.read(path.parent) for path in image_dir().glob(f"*/{MANIFEST}")]
    return sorted(found, key=lambda image: image.built_at, reverse=True)


def named(name: str | None) -> BuiltImage:
    """The image of this name; without one, that of the recipe as it is now."""
    found = built() if name is None else next((i for i in images() if i.name == name), None)
    if found is None:
        what = f"image {name} is not on this machine" if name else "the image is not built yet"
        have = ", ".join(image.name for image in images())
        raise HoabanError(
            what,
            where=Location(file=str(image_dir())),
            mend=f"hoaban image build{f' (there are: {have})' if have else ''}",
        )
    return found


def clean(*, everything: bool = False) -> list[str]:
    """Remove the images of earlier recipes, or all of them; returns their names.

    Clouds keep their own copies: servers that run from an image do not miss it here.
    """
    keep = None if everything else Recipe().name
    names = [image.name for image in images() if image.name != keep]
    for name in names:
        # The manifest goes first: an interrupted removal leaves no image that looks whole.
        (image_dir() / name / MANIFEST).unlink(missing_ok=True)
        shutil.rmtree(image_dir() / name)
    for unfinished in image_dir().glob(f"{DISTRIBUTION}-*"):
        if not (unfinished / MANIFEST).is_file():
            shutil.rmtree(unfinished)
    return names


def _manifest(folder: Path) -> dict[str, Any]:
    path = folder / MANIFEST
    try:
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise _unreadable(path, str(error)) from error
    return content


def _unreadable(path: Path, why: str) -> HoabanError:
    return HoabanError(
        "the image's manifest cannot be read",
        where=Location(file=str(path)),
        mend=f"remove {path.parent} and build it again: hoaban image build",
        detail=why,
    )
