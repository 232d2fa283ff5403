"""What must hold for the data volumes of one host."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hoaban.model.faults import fault, repeated, unique

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from hoaban.errors import HoabanError
    from hoaban.model.document import Document, KeyPath
    from hoaban.model.spec import VolumeSpec

MAX_LABEL = 12
"""Characters of an XFS label (mkfs.xfs(8)); ext4 would take 16."""


def check_volumes(
    document: Document, path: KeyPath, volumes: Sequence[VolumeSpec]
) -> Iterator[HoabanError]:
    """Faults of one host's or tier's volumes; ``path`` is their list's place in the file."""
    names = [volume.name for volume in volumes]
    yield from unique(document, path, names, "name", "volume")
    for position, first in repeated(volume.mount for volume in volumes).items():
        yield fault(
            document,
            (*path, position, "mount"),
            f"{volumes[position].mount} is the mount point of `{volumes[first].name}` already",
            "mount each volume of a host at a place of its own",
        )
    for position, volume in enumerate(volumes):
        if len(volume.name) > MAX_LABEL:
            yield fault(
                document,
                (*path, position, "name"),
                f"the name `{volume.name}` is too long for a file system's label",
                f"use at most {MAX_LABEL} characters: a volume is mounted by its label",
            )
        if {".", ".."} & set(volume.mount.split("/")):
            yield fault(
                document,
                (*path, position, "mount"),
                f"{volume.mount} is not a plain path",
                "write the mount point without `.` and `..`",
            )
        outer = next((one for one in volumes if volume.mount.startswith(f"{one.mount}/")), None)
        if outer:
            yield fault(
                document,
                (*path, position, "mount"),
                f"{volume.mount} is inside {outer.mount}, the mount point of `{outer.name}`, and "
                "would be hidden by it",
                "mount volumes side by side, such as /srv/data and /srv/wal",
            )
