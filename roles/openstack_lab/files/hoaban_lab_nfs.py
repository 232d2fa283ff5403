"""Cinder's NFS driver, with growth of volumes that a server holds.

The driver refuses to extend an attached volume, since the file is open in the emulator and
``qemu-img resize`` must not touch it. Nova needs no help with that: for a volume of this kind it
asks libvirt to grow the file and the disk in one step (``virDomainBlockResize``) when cinder tells
it that a volume was extended. So for an attached volume there is only the room to check.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cinder import exception
from cinder.volume.drivers import nfs

if TYPE_CHECKING:
    from cinder import objects


class OnlineNfsDriver(nfs.NfsDriver):  # type: ignore[misc]
    """The NFS driver, extending attached volumes through the hypervisor."""

    def extend_volume(self, volume: objects.Volume, new_size: int) -> None:
        """Make ``volume`` ``new_size`` GiB large."""
        if not self._is_volume_attached(volume):
            super().extend_volume(volume, new_size)
            return
        if not self._is_share_eligible(volume.provider_location, new_size - volume.size):
            raise exception.ExtendVolumeError(
                reason=f"no room to extend volume {volume.id} to {new_size} GiB"
            )
