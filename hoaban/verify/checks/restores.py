"""Backups can be restored: a drill has shown it, lately."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hoaban.backup.clients import client_of
from hoaban.verify.checks.base import Check, both, joined, judged
from hoaban.verify.model import Finding, Status

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hoaban.backup.clients import Client
    from hoaban.backup.watch import Proof
    from hoaban.model.types import Text
    from hoaban.verify.scene import Scene


class Restores(Check):
    """Looks into the journal of drills, whose chain must hold."""

    id = "restores"
    title = both("Diễn tập khôi phục", "Restore drills")
    proves = both(
        "Bản sao lưu của mỗi máy chủ đã cam kết được khôi phục thử lên một máy chủ mới, đúng từng "
        "tệp, trong RPO và RTO, không quá số ngày mà chính sách cho phép.",
        "The backup of each host that was promised one has been restored to a fresh server, file "
        "by file as it was, within RPO and RTO, not longer ago than the policy allows.",
    )
    how = both(
        "Đọc sổ diễn tập (hoaban backup drill), các mục nối nhau bằng SHA-256; một mục bị sửa thì "
        "cả sổ không còn giá trị chứng minh.",
        "The journal of drills (hoaban backup drill) is read, whose entries are chained by "
        "SHA-256; with an entry changed the journal proves nothing.",
    )

    def examine(self, scene: Scene) -> Iterable[Finding]:
        """One finding a client; nothing to prove where no backup was promised."""
        found = [client for host in scene.hosts if (client := client_of(host)) is not None]
        if not found:
            none = both("Không có sao lưu nào được cam kết", "No backup was promised")
            return [Finding(status=Status.NONE, evidence=none)]
        if scene.backups.fault:
            words = scene.backups.fault
            broken = both(f"sổ diễn tập bị thay đổi: {words}", f"the journal was changed: {words}")
            return [Finding(status=Status.FAIL, evidence=broken)]
        return [
            Finding(host=one.name, status=Status.SKIP, evidence=scene.silent[one.name])
            if one.name in scene.silent
            else self._judge(one, scene.backups.proofs.get(one.name))
            for one in found
        ]

    @staticmethod
    def _judge(client: Client, proof: Proof | None) -> Finding:
        command = f"hoaban backup drill {client.agency} --host {client.name}"
        if proof is None:
            never = both(
                f"chưa diễn tập khôi phục lần nào: {command}", f"never tried yet: {command}"
            )
            return Finding(host=client.name, status=Status.SKIP, evidence=never)
        problems = []
        if proof.last.broken:
            number, words = proof.last_entry.number, "; ".join(proof.last.broken)
            problems.append(
                both(f"lần cuối (mục {number}): {words}", f"the last (entry {number}): {words}")
            )
        elif proof.age is not None and proof.age > client.interval:
            days, allowed = proof.age.days, client.policy.drill_days
            problems.append(
                both(
                    f"lần cuối cách đây {days} ngày, chính sách {allowed} ngày: {command}",
                    f"the last was {days} days ago, the policy says {allowed}: {command}",
                )
            )
        return judged(client.name, problems, joined(_measured(proof)))


def _measured(proof: Proof) -> list[Text]:
    done, entry = proof.proved, proof.proved_entry
    if done is None or entry is None:
        return [both("chưa lần nào chứng minh được", "never proved")]
    files = done.files.same if done.files else 0
    rows = sum(one.rows for one in done.databases)
    rpo, rto = done.rpo_seconds / 3600, done.rto_seconds / 3600
    age = (done.age.total_seconds() if done.age is not None else 0) / 3600
    took = (done.took_seconds or 0) / 3600
    words = [
        both(
            f"{entry.time:%d/%m/%Y}: {files} tệp đúng như khi sao lưu, RPO {age:.1f}/{rpo:g} giờ, "
            f"RTO {took:.2f}/{rto:g} giờ",
            f"{entry.time:%Y-%m-%d}: {files} files as they were, RPO {age:.1f} of {rpo:g} h, "
            f"RTO {took:.2f} of {rto:g} h",
        )
    ]
    if done.databases:
        names = ", ".join(one.name for one in done.databases)
        words.append(both(f"cơ sở dữ liệu {names}: {rows} dòng", f"databases {names}: {rows} rows"))
    digest = entry.digest[:16]
    words.append(
        both(
            f"mục {entry.number} của sổ, {digest}", f"entry {entry.number} of the journal, {digest}"
        )
    )
    return words
