"""Backups are made in time, reach the backup host, and are kept whole there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hoaban.backup.clients import client_of
from hoaban.backup.show import sized
from hoaban.model.spec import ProvinceService
from hoaban.verify.checks.base import Check, both, judged
from hoaban.verify.checks.copies import copied
from hoaban.verify.checks.kept import HOUR, kept_measured, kept_problems, late, untold
from hoaban.verify.checks.offline import offline
from hoaban.verify.model import Finding, Status

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from hoaban.backup.clients import Client
    from hoaban.backup.watch import ClientState, StoreState
    from hoaban.inventory.fleet import ManagedHost
    from hoaban.model.types import Text
    from hoaban.verify.scene import Scene


class Backups(Check):
    """Asks the clients for their newest snapshot, and their keeper for what it found of it."""

    id = "backups"
    title = both("Sao lưu", "Backups")
    proves = both(
        "Mỗi máy chủ đã cam kết sao lưu có bản sao lưu mới hơn RPO, tới được máy chủ sao lưu bằng "
        "đúng chứng thư đã ghim; máy chủ sao lưu vừa bảo trì, kiểm tra kho của máy đó và không "
        "thấy hỏng; bản sao thứ hai ở máy dự phòng và bản sao ngoại tuyến, nếu có, không cũ quá "
        "hạn, và đĩa của bản sao ngoại tuyến đã được tháo ra.",
        "Each host whose backup was promised has a snapshot younger than its RPO and reaches the "
        "backup host under its pinned certificate; the backup host has lately maintained and "
        "checked that host's repository, and found nothing damaged; the second copy at the "
        "standby and the offline copy, where there are such, are not too old, and the volumes of "
        "the offline copy are detached.",
    )
    how = both(
        "Đọc trạng thái lần sao lưu cuối và bộ hẹn giờ trên máy chủ, mở kết nối TLS tới máy chủ "
        "sao lưu; đọc kết quả bảo trì, kiểm tra (restic check) và sao chép trên máy chủ sao lưu; "
        "đọc sổ các lần chép ngoại tuyến, hỏi đám mây và máy chủ sao lưu đĩa nào đang gắn.",
        "The state of the last backup and the timer are read on the host, and a TLS connection to "
        "the backup host is opened; the outcomes of maintenance, of restic's check and of copying "
        "are read on the backup host; the journal of offline copies is read, and cloud and backup "
        "host are asked which volumes are attached.",
    )

    def examine(self, scene: Scene) -> Iterable[Finding]:
        """Two findings a client and one a copy of it, one a backup host and one its offline copy.

        There is nothing to prove where no backup was promised.
        """
        findings = list(self._findings(scene))
        if findings:
            return findings
        none = both("Không có sao lưu nào được cam kết", "No backup was promised")
        return [Finding(status=Status.NONE, evidence=none)]

    def _findings(self, scene: Scene) -> Iterator[Finding]:
        for host in scene.hosts:
            client = client_of(host)
            if client is not None and client.name in scene.silent:
                reason = scene.silent[client.name]
                yield Finding(host=client.name, status=Status.SKIP, evidence=reason)
            elif client is not None:
                yield self._made(scene, client)
                yield self._kept(scene, client)
                yield from copied(scene, client)
            if ProvinceService.BACKUP_HOST in host.plan.services:
                yield self._store(scene, host)
            if host.plan.offline is not None:
                yield offline(scene, host)

    @staticmethod
    def _made(scene: Scene, client: Client) -> Finding:
        state = scene.backups.clients.get(client.name)
        if state is None:
            return untold(scene, client.name, client.name)
        problems = list(_problems(client, state))
        young = state.since_age is not None and state.since_age <= client.rpo.total_seconds()
        if not problems and state.snapshot_age is None and young:
            waiting = both(
                "máy chủ mới, bản sao lưu đầu tiên chưa tới hạn",
                "a new host, whose first backup is not due yet",
            )
            return Finding(host=client.name, status=Status.SKIP, evidence=waiting)
        if state.snapshot_age is None:
            problems.append(both("chưa có bản sao lưu nào", "there is no backup yet"))
        return judged(client.name, problems, _measured(client, state))

    @staticmethod
    def _kept(scene: Scene, client: Client) -> Finding:
        kept = scene.backups.kept.get(client.name)
        if kept is None:
            keepers = [
                host.name
                for host in scene.fleet.hosts.values()
                if ProvinceService.BACKUP_HOST in host.plan.services
            ]
            return untold(scene, client.name, *keepers)
        if kept.state is None or kept.age is None:
            waiting = both(
                "máy chủ sao lưu chưa bảo trì kho của máy này lần nào",
                "the backup host has not maintained this host's repository yet",
            )
            return Finding(host=client.name, status=Status.SKIP, evidence=waiting)
        return judged(client.name, list(kept_problems(kept)), kept_measured(kept))

    @staticmethod
    def _store(scene: Scene, host: ManagedHost) -> Finding:
        store = scene.backups.store.get(host.name)
        if store is None:
            return untold(scene, host.name, host.name)
        if store.state is None or store.age is None:
            waiting = both("chưa bảo trì lần nào", "no maintenance has run yet")
            return Finding(host=host.name, status=Status.SKIP, evidence=waiting)
        return judged(host.name, list(_store_problems(store)), _store_measured(store))


def _problems(client: Client, state: ClientState) -> Iterator[Text]:
    if not state.configured:
        yield both("chưa cấu hình sao lưu", "backups are not configured")
        return
    words = [state.timer.get("UnitFileState") or "-", state.timer.get("ActiveState") or "-"]
    if words != ["enabled", "active"]:
        told = f"hoaban-backup.timer: {', '.join(words)}"
        yield both(told, told)
    if state.server:
        yield both(
            f"máy chủ sao lưu không trả lời đúng: {state.server}",
            f"the backup host does not answer as it should: {state.server}",
        )
    last = state.state.last if state.state else None
    if last is not None and last.outcome == "failed":
        yield both(f"lần cuối thất bại: {last.error}", f"the last run failed: {last.error}")
    rpo = client.rpo.total_seconds()
    if state.snapshot_age is not None and not -HOUR <= state.snapshot_age <= rpo:
        yield both(
            f"bản mới nhất {state.snapshot_age / HOUR:.1f} giờ tuổi, cam kết "
            f"{client.policy.rpo_hours} giờ",
            f"the newest is {state.snapshot_age / HOUR:.1f} h old, promised were "
            f"{client.policy.rpo_hours} h",
        )


def _measured(client: Client, state: ClientState) -> Text:
    made = state.state.snapshot if state.state else None
    if made is None or state.snapshot_age is None:
        return both(f"RPO {client.policy.rpo_hours} giờ", f"RPO {client.policy.rpo_hours} h")
    hours, size = state.snapshot_age / HOUR, sized(made.bytes)
    rpo = client.policy.rpo_hours
    return both(
        f"bản {made.id[:8]}, {hours:.1f} giờ tuổi (RPO {rpo} giờ), {made.files} tệp, {size}",
        f"snapshot {made.id[:8]}, {hours:.1f} h old (RPO {rpo} h), {made.files} files, {size}",
    )


def _store_problems(store: StoreState) -> Iterator[Text]:
    if store.state is None or store.age is None:
        return
    if store.state.failed:
        names = ", ".join(store.state.failed)
        yield both(f"bảo trì thất bại với: {names}", f"maintenance failed for: {names}")
    elif store.state.outcome != "done":
        yield both("bảo trì thất bại", "maintenance failed")
    yield from late(store.age)


def _store_measured(store: StoreState) -> Text:
    state = store.state
    clients = state.clients if state else None
    free = sized(state.free_bytes if state else None)
    size = sized(state.size_bytes if state else None)
    return both(
        f"{clients} máy chủ gửi sao lưu, còn trống {free} trên {size}",
        f"{clients} clients, {free} free of {size}",
    )
