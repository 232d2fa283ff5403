"""Security updates come by themselves."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from hoaban.verify.checks.base import Check, both, joined, judged
from hoaban.verify.model import Finding, Status

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hoaban.inventory.fleet import ManagedHost
    from hoaban.verify.facts import Facts
    from hoaban.verify.scene import Scene

SWITCHES: Final = ("APT::Periodic::Update-Package-Lists", "APT::Periodic::Unattended-Upgrade")
SECURITY: Final = "Debian-Security"
"""Label of the archive of security updates."""
DAY: Final = 86400
MOST_DAYS: Final = 7
"""Debian dates its security archive anew more often: a Release file is valid for a week."""
NO_MIRROR: Final = both(
    "Tỉnh chưa chỉ định kho gói (services.mirror): không luồng nào ra kho được mở, nên chưa thể "
    "tải bản vá nào",
    "The province has named no mirror (services.mirror): no flow to one is open, so no update can "
    "be fetched yet",
)


class Updates(Check):
    """Looks at units, at apt's effective settings, and at a dry run."""

    id = "updates"
    title = both("Tự động cập nhật an ninh", "Security updates on")
    proves = both(
        "Mỗi máy chủ được đặt để hằng ngày tự tải và cài bản vá an ninh của Debian. Nếu tỉnh đã "
        f"chỉ định kho gói, danh mục bản vá trên máy chủ không cũ quá {MOST_DAYS} ngày.",
        "Each host is set to fetch and install Debian's security updates by itself every day. "
        "Where the province has named a mirror, the host's lists of them are at most "
        f"{MOST_DAYS} days old.",
    )
    how = both(
        "Trạng thái bộ hẹn giờ của apt, cấu hình apt hiệu lực, một lần chạy thử "
        "(unattended-upgrade --dry-run), và ngày ghi trong danh mục gói đã tải. Không có kho gói "
        "thì không tải được gì: phần này bị bỏ qua, kèm lý do.",
        "State of apt's timers, apt's effective settings, a dry run (unattended-upgrade "
        "--dry-run), and the date within the lists that were fetched. Without a mirror nothing "
        "can be fetched: that part is skipped, with the reason.",
    )

    def examine(self, scene: Scene) -> Iterable[Finding]:
        """Two findings a host: whether it is set to do it, and whether it could."""
        mirror = scene.settings.mirror if scene.settings else None
        return scene.each(
            lambda host, facts: [self._settings(host, facts), self._lists(host, facts, mirror)]
        )

    @staticmethod
    def _lists(host: ManagedHost, facts: Facts, mirror: str | None) -> Finding:
        if mirror is None:
            return Finding(host=host.name, status=Status.SKIP, evidence=NO_MIRROR)
        dry = facts.updates.dry_run
        pending = re.search(r"^Packages that will be upgraded: (.*)$", dry.out, re.MULTILINE)
        names = pending.group(1).split() if pending else []
        waiting = both(f"{len(names)} bản vá đang chờ", f"{len(names)} updates waiting")
        ages = [one.age_seconds for one in facts.updates.lists if one.label == SECURITY]
        if not ages:
            problem = both(
                f"chưa tải được danh mục bản vá an ninh từ {mirror}",
                f"no lists of security updates have been fetched from {mirror}",
            )
            return judged(host.name, [problem], waiting)
        days = min(ages) / DAY
        old = both(f"danh mục bản vá đã {days:.1f} ngày", f"lists are {days:.1f} days old")
        if not days <= MOST_DAYS:
            return judged(host.name, [old], waiting)
        return judged(host.name, [], joined([old, waiting]))

    @staticmethod
    def _settings(host: ManagedHost, facts: Facts) -> Finding:
        updates = facts.updates
        problems = []
        for unit, state in updates.units.items():
            words = [state.get("UnitFileState") or "absent", state.get("ActiveState") or "absent"]
            if words != ["enabled", "active"]:
                problems.append(both(f"{unit}: {', '.join(words)}", f"{unit}: {', '.join(words)}"))
        problems += [
            both(f"{name} đang tắt", f"{name} is off")
            for name in SWITCHES
            if _setting(updates.settings, name) in ("", "0")
        ]
        patterns = re.findall(
            r'^Unattended-Upgrade::Origins-Pattern:: "([^"]*)";$', updates.settings, re.MULTILINE
        )
        if not any(SECURITY in pattern for pattern in patterns):
            problems.append(
                both("không theo kho an ninh của Debian", "does not follow Debian's security")
            )
        dry = updates.dry_run
        if dry.status != 0:
            words = (dry.err.strip() or dry.out.strip()).splitlines()[-1:] or [str(dry.status)]
            problems.append(both(f"chạy thử lỗi: {words[0]}", f"the dry run fails: {words[0]}"))
        reboot_vi = ", cần khởi động lại" if facts.system.reboot_required else ""
        reboot_en = ", a reboot is due" if facts.system.reboot_required else ""
        measured = both(
            f"bộ hẹn giờ đang chạy, chạy thử xong{reboot_vi}",
            f"timers active, dry run done{reboot_en}",
        )
        if problems:
            measured = both("đã xem bộ hẹn giờ, cấu hình, chạy thử", "timers, settings, dry run")
        return judged(host.name, problems, measured)


def _setting(dump: str, name: str) -> str:
    """Value of a setting in the output of ``apt-config dump``."""
    found = re.search(rf'^{re.escape(name)} "([^"]*)";$', dump, re.MULTILINE)
    return found.group(1) if found else ""
