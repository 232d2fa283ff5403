"""Hosts exist, answer with their pinned key, and finished their first boot."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from hoaban.verify.checks.base import Check, both, judged
from hoaban.verify.model import Finding, Status

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hoaban.inventory.fleet import ManagedHost
    from hoaban.verify.facts import Facts
    from hoaban.verify.scene import Scene


LEAST_MEMORY: Final = 0.75
"""Share of its memory that a host sees; the kernel and the firmware keep the rest."""


class Answers(Check):
    """Fails for a host that was promised and is not there, or does not let us in."""

    id = "answers"
    title = both("Máy chủ hoạt động", "Hosts are up")
    proves = both(
        "Mọi máy chủ đã cam kết đều tồn tại, khởi tạo xong không lỗi và trả lời đúng khóa máy chủ "
        "đã ghim.",
        "Every promised host exists, finished its first boot without an error, and answers with "
        "its pinned key.",
    )
    how = both(
        "Đăng nhập SSH qua máy chủ trung gian với khóa đã ghim; đọc kết quả của cloud-init.",
        "SSH through the bastion with pinned keys; cloud-init's own result is read.",
    )

    def examine(self, scene: Scene) -> Iterable[Finding]:
        """One finding a promised host."""
        for name in scene.unbuilt:
            missing = both("Chưa được tạo trên đám mây", "Not built in the cloud")
            yield Finding(host=name, status=Status.FAIL, evidence=missing)
        for host in scene.hosts:
            if host.name in scene.silent:
                reason = scene.silent[host.name]
                yield Finding(host=host.name, status=Status.FAIL, evidence=reason)
            else:
                yield self._judge(host, scene.facts[host.name])

    def _judge(self, host: ManagedHost, facts: Facts) -> Finding:
        system = facts.system
        problems = []
        if not system.cloud_init_done:
            problems.append(both("cloud-init chưa chạy xong", "cloud-init has not finished"))
        problems += [
            both(f"cloud-init báo lỗi: {error}", f"cloud-init says: {error}")
            for error in system.cloud_init_errors
        ]
        size = host.plan.size
        share = system.memory_mb / size.ram_mb
        if not LEAST_MEMORY <= share <= 1 or system.cpus != size.vcpus:
            problems.append(
                both(
                    f"cỡ máy khác cam kết ({size.vcpus} CPU, {size.ram_mb} MiB)",
                    f"not the promised size ({size.vcpus} CPUs, {size.ram_mb} MiB)",
                )
            )
        minutes = system.uptime_seconds / 60
        measured = both(
            f"{system.os}, nhân {system.kernel}, {system.cpus} CPU, {system.memory_mb} MiB, "
            f"chạy được {minutes:.0f} phút",
            f"{system.os}, kernel {system.kernel}, {system.cpus} CPUs, {system.memory_mb} MiB, "
            f"up for {minutes:.0f} min",
        )
        return judged(host.name, problems, measured)
