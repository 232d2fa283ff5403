"""Security updates come by themselves."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from hoaban.verify.checks.base import Check, both, judged

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hoaban.inventory.fleet import ManagedHost
    from hoaban.verify.facts import Facts
    from hoaban.verify.model import Finding
    from hoaban.verify.scene import Scene

SWITCHES = ("APT::Periodic::Update-Package-Lists", "APT::Periodic::Unattended-Upgrade")


class Updates(Check):
    """Looks at units, at apt's effective settings, and at a dry run."""

    id = "updates"
    title = both("Tự động cập nhật an ninh", "Security updates on")
    proves = both(
        "Bản vá an ninh của Debian được tự động tải và cài hằng ngày.",
        "Debian's security updates are fetched and installed by themselves every day.",
    )
    how = both(
        "Trạng thái unattended-upgrades và bộ hẹn giờ của apt, cấu hình apt hiệu lực, và một lần "
        "chạy thử (unattended-upgrade --dry-run).",
        "State of unattended-upgrades and of apt's timers, apt's effective settings, and a dry run "
        "(unattended-upgrade --dry-run).",
    )

    def examine(self, scene: Scene) -> Iterable[Finding]:
        """One finding a host."""
        return scene.each(lambda host, facts: [self._judge(host, facts)])

    @staticmethod
    def _judge(host: ManagedHost, facts: Facts) -> Finding:
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
        if not any("Debian-Security" in pattern for pattern in patterns):
            problems.append(
                both("không theo kho an ninh của Debian", "does not follow Debian's security")
            )
        dry = updates.dry_run
        if dry.status != 0:
            words = (dry.err.strip() or dry.out.strip()).splitlines()[-1:] or [str(dry.status)]
            problems.append(both(f"chạy thử lỗi: {words[0]}", f"the dry run fails: {words[0]}"))
        pending = re.search(r"^Packages that will be upgraded: (.*)$", dry.out, re.MULTILINE)
        names = pending.group(1).split() if pending else []
        reboot_vi = ", cần khởi động lại" if facts.system.reboot_required else ""
        reboot_en = ", a reboot is due" if facts.system.reboot_required else ""
        measured = both(
            f"bộ hẹn giờ đang chạy, chạy thử xong, {len(names)} bản vá đang chờ{reboot_vi}",
            f"timers active, dry run done, {len(names)} updates waiting{reboot_en}",
        )
        return judged(host.name, problems, measured if not problems else both(
            f"{len(names)} bản vá đang chờ", f"{len(names)} updates waiting"
        ))  # fmt: skip


def _setting(dump: str, name: str) -> str:
    """Value of a setting in the output of ``apt-config dump``."""
    found = re.search(rf'^{re.escape(name)} "([^"]*)";$', dump, re.MULTILINE)
    return found.group(1) if found else ""
