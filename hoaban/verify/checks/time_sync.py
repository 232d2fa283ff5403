"""Clocks follow the province's time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from hoaban.model.spec import ProvinceService
from hoaban.verify.checks.base import Check, both, judged

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hoaban.inventory.fleet import ManagedHost
    from hoaban.verify.facts import Facts
    from hoaban.verify.model import Finding
    from hoaban.verify.scene import Scene

MOST_SECONDS: Final = 1.0
FIELDS: Final = 14
SOURCE, STRATUM, OFFSET, LEAP = 1, 2, 4, 13
"""Columns of ``chronyc -c tracking`` (chronyc(1))."""
UNSYNCHRONISED: Final = 16


class TimeSync(Check):
    """Reads chrony's own judgement, and sees whom it follows."""

    id = "time"
    title = both("Đồng bộ thời gian", "Time in sync")
    proves = both(
        "Đồng hồ mỗi máy chủ theo máy chủ thời gian của tỉnh, lệch dưới một giây.",
        "Each host's clock follows the province's time hosts, less than a second away.",
    )
    how = both(
        "Hỏi chrony (chronyc tracking): nguồn, tầng, độ lệch, trạng thái giây nhuận; so thêm với "
        "đồng hồ của máy kiểm tra.",
        "Chrony is asked (chronyc tracking) for source, stratum, offset and leap status; compared "
        "with the clock of the machine that checks.",
    )

    def examine(self, scene: Scene) -> Iterable[Finding]:
        """One finding a host."""
        return scene.each(lambda host, facts: [self._judge(scene, host, facts)])

    def _judge(self, scene: Scene, host: ManagedHost, facts: Facts) -> Finding:
        tracking = facts.clock.tracking
        fields = tracking.out.strip().split(",")
        if tracking.status != 0 or len(fields) != FIELDS:
            words = (tracking.err or tracking.out).strip() or f"status {tracking.status}"
            problem = both(f"chrony không trả lời: {words}", f"chrony gives no answer: {words}")
            return judged(host.name, [problem], both("không có số đo", "nothing was measured"))
        name, stratum = fields[SOURCE], int(fields[STRATUM])
        offset, leap = float(fields[OFFSET]), fields[LEAP]
        problems = []
        if leap != "Normal" or not 0 < stratum < UNSYNCHRONISED:
            problems.append(both(f"chưa đồng bộ ({leap}, tầng {stratum})", f"not in sync ({leap})"))
        if abs(offset) >= MOST_SECONDS:
            problems.append(both(f"lệch {offset:.3f} s", f"{offset:.3f} s away"))
        wanted = {str(server) for server in scene.settings.ntp_servers} if scene.settings else set()
        serves = ProvinceService.TIME in host.plan.services
        if not serves and wanted and name not in wanted:
            problems.append(
                both(
                    f"theo {name or 'không nguồn nào'}, không phải {', '.join(sorted(wanted))}",
                    f"follows {name or 'no source'}, not {', '.join(sorted(wanted))}",
                )
            )
        own = not name or name.startswith("127.127.")
        vi, en = ("đồng hồ của chính mình", "its own clock") if own else (name, name)
        seen = scene.clock.get(host.name)
        tail = ("", "") if seen is None else (
            f", lệch {seen.seconds:+.2f} ± {seen.error:.2f} s so với máy kiểm tra",
            f", {seen.seconds:+.2f} ± {seen.error:.2f} s from the checking machine",
        )  # fmt: skip
        measured = both(
            f"nguồn {vi}, tầng {stratum}, lệch {offset * 1000:+.3f} ms{tail[0]}",
            f"source {en}, stratum {stratum}, offset {offset * 1000:+.3f} ms{tail[1]}",
        )
        return judged(host.name, problems, measured)
