"""Data volumes are there, of their size, mounted for good, and keep what is written."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from hoaban.verify.checks.base import Check, both, judged
from hoaban.verify.model import Finding, Status

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from hoaban.inventory.fleet import ManagedHost
    from hoaban.model.environment import VolumePlan
    from hoaban.model.types import Text
    from hoaban.verify.facts import Facts, Volume
    from hoaban.verify.scene import Scene

GIB: Final = 1 << 30
SERIAL_LENGTH: Final = 20
"""Virtio disks carry the first 20 characters of the volume's identifier as their serial number."""
LEAST_SHARE: Final = 0.85
"""Share of the volume that the file system must offer; the rest is its own tables and journal."""


class Volumes(Check):
    """Follows each promised volume from the cloud's identifier to the bytes on it."""

    id = "volumes"
    title = both("Ổ dữ liệu", "Data volumes")
    proves = both(
        "Mỗi ổ dữ liệu đúng là ổ đã tạo, đúng dung lượng, gắn đúng chỗ theo nhãn (kể cả sau khi "
        "khởi động lại) và ghi đọc được.",
        "Each data volume is the one that was made, of its size, mounted at its place by label "
        "(also after a reboot), and keeps what is written.",
    )
    how = both(
        "Đối chiếu số sê-ri đĩa với mã ổ trên đám mây, dung lượng, nhãn và /etc/fstab; ghi 64 KiB "
        "ngẫu nhiên, đẩy xuống đĩa (fsync), đọc lại, xóa.",
        "The disk's serial number is compared with the cloud's identifier, then size, label and "
        "/etc/fstab; 64 KiB of random data are written, flushed (fsync), read back, removed.",
    )

    def examine(self, scene: Scene) -> Iterable[Finding]:
        """One finding a volume; nothing to prove where there is none."""
        if not any(host.plan.volumes for host in scene.hosts):
            none = both("Không có ổ dữ liệu nào được cam kết", "No data volume was promised")
            return [Finding(status=Status.NONE, evidence=none)]
        return [
            finding
            for finding in scene.each(self._judge)
            if scene.fleet.host(str(finding.host)).plan.volumes
        ]

    def _judge(self, host: ManagedHost, facts: Facts) -> Iterator[Finding]:
        for volume in host.plan.volumes:
            identifier = host.output.volume_ids.get(volume.name, "")
            problems = list(self._problems(volume, identifier, facts))
            found = next((one for one in facts.volumes if one.mount == volume.mount), None)
            yield judged(host.name, problems, _measured(volume, found))

    @staticmethod
    def _problems(volume: VolumePlan, identifier: str, facts: Facts) -> Iterator[Text]:
        found = next((one for one in facts.volumes if one.mount == volume.mount), None)
        if found is None or not found.device:
            yield both(f"{volume.mount} không được gắn", f"{volume.mount} is not mounted")
            return
        if found.filesystem != volume.filesystem:
            yield both(
                f"là {found.filesystem}, không phải {volume.filesystem}",
                f"is {found.filesystem}, not {volume.filesystem}",
            )
        if not found.written:
            words = found.write_error or "?"
            yield both(f"không ghi đọc được: {words}", f"does not keep what is written: {words}")
        if not _in_fstab(facts.fstab, volume):
            yield both(
                f"/etc/fstab không gắn nhãn {volume.label} vào {volume.mount}",
                f"/etc/fstab does not mount label {volume.label} at {volume.mount}",
            )
        disks = facts.disk(found.device)
        if disks is None:
            yield both(f"không thấy đĩa {found.device}", f"there is no disk {found.device}")
            return
        part, whole = disks
        if part.label != volume.label:
            yield both(f"nhãn là {part.label}", f"its label is {part.label}")
        if whole.size != volume.size_gb * GIB:
            yield both(
                f"đĩa {whole.size / GIB:.1f} GiB, cam kết {volume.size_gb}",
                f"the disk has {whole.size / GIB:.1f} GiB of {volume.size_gb}",
            )
        if found.filesystem_bytes < LEAST_SHARE * volume.size_gb * GIB:
            yield both(
                f"hệ thống tệp chỉ {found.filesystem_bytes / GIB:.1f} GiB",
                f"the file system has {found.filesystem_bytes / GIB:.1f} GiB only",
            )
        if not identifier or (whole.serial or "") != identifier[:SERIAL_LENGTH]:
            yield both(
                f"số sê-ri {whole.serial} không phải của ổ {identifier}",
                f"serial number {whole.serial} is not of volume {identifier}",
            )


def _measured(plan: VolumePlan, volume: Volume | None) -> Text:
    words = f"{plan.filesystem}, {plan.size_gb} GiB"
    if volume is None or not volume.device:
        return both(f"ổ {words}", f"volume {words}")
    size, free = volume.filesystem_bytes / GIB, volume.free_bytes / GIB
    milliseconds = volume.write_milliseconds
    return both(
        f"{plan.mount} ({plan.filesystem}, nhãn {plan.label}): {size:.1f} GiB, còn {free:.1f} GiB, "
        f"ghi và đọc lại trong {milliseconds} ms",
        f"{plan.mount} ({plan.filesystem}, label {plan.label}): {size:.1f} GiB, {free:.1f} GiB "
        f"free, written and read back in {milliseconds} ms",
    )


def _in_fstab(fstab: str, volume: VolumePlan) -> bool:
    for line in fstab.splitlines():
        words = line.split()
        if len(words) > 1 and not words[0].startswith("#") and words[1] == volume.mount:
            return words[0] in (f"LABEL={volume.label}", f"/dev/disk/by-label/{volume.label}")
    return False
