"""No service of a host has failed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hoaban.verify.checks.base import Check, both, judged

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hoaban.inventory.fleet import ManagedHost
    from hoaban.verify.facts import Facts
    from hoaban.verify.model import Finding
    from hoaban.verify.scene import Scene


class Units(Check):
    """Asks systemd."""

    id = "units"
    title = both("Không dịch vụ nào lỗi", "No failed unit")
    proves = both(
        "Không dịch vụ hệ thống nào trên máy chủ ở trạng thái lỗi.",
        "No unit of systemd has failed on any host.",
    )
    how = both(
        "systemctl list-units --failed và systemctl is-system-running.",
        "systemctl list-units --failed, and systemctl is-system-running.",
    )

    def examine(self, scene: Scene) -> Iterable[Finding]:
        """One finding a host."""
        return scene.each(lambda host, facts: [self._judge(host, facts)])

    @staticmethod
    def _judge(host: ManagedHost, facts: Facts) -> Finding:
        failed = [str(unit.get("unit") or unit) for unit in facts.units or []]
        problems = [both(f"{unit} lỗi", f"{unit} has failed") for unit in failed]
        if facts.units is None:
            problems.append(
                both(
                    "không đọc được danh sách dịch vụ lỗi",
                    "the list of failed units could not be read",
                )
            )
        # A system is degraded by units that are named: without a name there is no telling by what.
        if facts.state not in ("running", "starting", *(["degraded"] if failed else [])):
            problems.append(
                both(f"trạng thái hệ thống: {facts.state}", f"the system's state: {facts.state}")
            )
        if facts.units is None:
            return judged(host.name, problems, both("không có số đo", "nothing was counted"))
        measured = both(
            f"hệ thống: {facts.state or 'không rõ'}, {len(failed)} dịch vụ lỗi",
            f"system {facts.state or 'unknown'}, {len(failed)} failed units",
        )
        return judged(host.name, problems, measured)
