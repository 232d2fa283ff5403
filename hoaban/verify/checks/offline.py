"""Third copies of backups, on volumes that are attached only while they are written."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hoaban.verify.checks.base import both, judged
from hoaban.verify.checks.kept import untold
from hoaban.verify.model import Finding, Status

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import timedelta

    from hoaban.backup.journal import Entry
    from hoaban.backup.offline_evidence import OfflineCopy
    from hoaban.inventory.fleet import ManagedHost
    from hoaban.model.types import Text
    from hoaban.verify.scene import Scene

DAY = 86400.0


def offline(scene: Scene, host: ManagedHost) -> Finding:
    """How old the newest copy of a host is, and whether all its volumes are detached now."""
    command = f"hoaban backup offline {host.name}"
    if scene.backups.fault:
        words = scene.backups.fault
        broken = both(f"sổ diễn tập bị thay đổi: {words}", f"the journal was changed: {words}")
        return Finding(host=host.name, status=Status.FAIL, evidence=broken)
    problems = list(_attached(scene, host))
    made = [one for one in scene.backups.offline_copies if one[1].host == host.name]
    good = [one for one in made if not one[1].broken]
    if made and made[-1][1].broken:
        number, words = made[-1][0].number, "; ".join(made[-1][1].broken)
        problems.append(
            both(
                f"lần chép ngoại tuyến cuối (mục {number}): {words}",
                f"the last offline copy (entry {number}): {words}",
            )
        )
    if not good:
        never = both(
            f"chưa có bản sao ngoại tuyến nào: {command}", f"no offline copy yet: {command}"
        )
        if problems:
            return judged(host.name, problems, never)
        return Finding(host=host.name, status=Status.SKIP, evidence=never)
    entry, copy = good[-1]
    age = scene.backups.now - entry.time
    allowed = host.plan.offline.days if host.plan.offline else 0
    if age.total_seconds() > allowed * DAY:
        problems.append(
            both(
                f"bản sao ngoại tuyến {age.days} ngày tuổi, cho phép {allowed} ngày: {command}",
                f"the offline copy is {age.days} days old, allowed are {allowed}: {command}",
            )
        )
    unknown = _unknown(scene, host)
    if unknown is not None and not problems:
        return unknown
    return judged(host.name, problems, _measured(entry, copy, age, len(made)))


def _attached(scene: Scene, host: ManagedHost) -> Iterator[Text]:
    told = scene.backups.offline.get(host.name)
    for name, identifier in host.output.offline_ids.items():
        servers = scene.backups.attached.get(identifier) or ()
        if servers:
            yield both(
                f"{name} đang gắn vào máy {', '.join(servers)}: "
                f"hoaban backup offline {host.name} --detach",
                f"{name} is attached to server {', '.join(servers)}: "
                f"hoaban backup offline {host.name} --detach",
            )
        elif told is not None and identifier in told.present:
            yield both(
                f"{host.name} vẫn thấy đĩa của {name}", f"{host.name} still has the disk of {name}"
            )


def _unknown(scene: Scene, host: ManagedHost) -> Finding | None:
    """That nobody tells whether the volumes are detached."""
    words = scene.backups.unasked
    if words:
        told = both(
            f"không hỏi được đám mây các đĩa ngoại tuyến đã tháo chưa: {words}",
            f"the cloud could not be asked whether the offline volumes are detached: {words}",
        )
        return Finding(host=host.name, status=Status.SKIP, evidence=told)
    if host.name not in scene.backups.offline:
        return untold(scene, host.name, host.name)
    return None


def _measured(entry: Entry, copy: OfflineCopy, age: timedelta, count: int) -> Text:
    days, clients = age.total_seconds() / DAY, len(copy.clients)
    digest = entry.digest[:16]
    return both(
        f"{copy.volume}: bản sao ngoại tuyến của {clients} máy chủ, {days:.1f} ngày tuổi, đã đọc "
        f"lại và tháo ra; mục {entry.number} của sổ ({digest}), {count} lần chép",
        f"{copy.volume}: offline copy of {clients} clients, {days:.1f} days old, read again and "
        f"detached; entry {entry.number} of the journal ({digest}), {count} runs",
    )
