"""What the hosts that keep backups tell of them, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from hoaban.verify.checks.base import both
from hoaban.verify.model import Finding, Status

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hoaban.backup.watch import KeptState
    from hoaban.model.types import Text
    from hoaban.verify.scene import Scene

HOUR: Final = 3600.0
MOST_MAINTENANCE_HOURS: Final = 48
"""It runs daily; one that was missed may be made up for."""


def untold(scene: Scene, host: str, *asked: str) -> Finding:
    """Nothing is known, because nobody told it; with the reason, where there is one."""
    silent = [scene.silent[name] for name in asked if name in scene.silent]
    if silent:
        return Finding(host=host, status=Status.SKIP, evidence=silent[0])
    reasons = [scene.backups.silent[name] for name in asked if name in scene.backups.silent]
    words = reasons[0] if reasons else "-"
    evidence = both(f"không đọc được trạng thái: {words}", f"the state could not be read: {words}")
    return Finding(host=host, status=Status.SKIP, evidence=evidence)


def late(age: float) -> Iterator[Text]:
    """Whether the maintenance was missed."""
    if not age <= MOST_MAINTENANCE_HOURS * HOUR:
        yield both(
            f"bảo trì lần cuối cách đây {age / HOUR:.0f} giờ",
            f"the last maintenance was {age / HOUR:.0f} h ago",
        )


def kept_problems(kept: KeptState) -> Iterator[Text]:
    """What a keeper found wrong with a client's repository."""
    if kept.state is None or kept.age is None:
        return
    state = kept.state
    if state.outcome != "done":
        yield both(f"bảo trì thất bại: {state.error}", f"maintenance failed: {state.error}")
    yield from late(kept.age)
    if state.check.damaged or state.check.outcome == "failed":
        parts = ", ".join(map(str, state.check.damaged)) or "-"
        yield both(
            f"kiểm tra thấy dữ liệu hỏng (phần {parts})",
            f"the check found damaged data (parts {parts})",
        )
    if state.over_quota:
        yield both("hết hạn mức dung lượng", "its quota is used up")


def kept_measured(kept: KeptState) -> Text:
    """What a keeper has of a client."""
    state = kept.state
    count = state.snapshots if state else None
    since = state.check.all_read if state else None
    read_vi = f", đọc lại toàn bộ xong lúc {since}" if since else ", chưa đọc lại hết một vòng"
    read_en = f", all data read again by {since}" if since else ", not all data read again yet"
    hours = (kept.age or 0) / HOUR
    return both(
        f"{count} bản trên máy chủ sao lưu, bảo trì cách đây {hours:.1f} giờ{read_vi}",
        f"{count} snapshots at the backup host, maintained {hours:.1f} h ago{read_en}",
    )
