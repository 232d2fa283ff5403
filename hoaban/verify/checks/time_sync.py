"""Clocks follow the province's time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from hoaban.model.spec import ProvinceService
from hoaban.verify.checks.base import Check, both, judged
from hoaban.verify.model import Finding, Status

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hoaban.inventory.fleet import ManagedHost
    from hoaban.model.types import Text
    from hoaban.verify.facts import Facts
    from hoaban.verify.scene import Ahead, Scene

MOST_SECONDS: Final = 1.0
MOST_FROM_HERE: Final = 5.0
"""Seconds: hosts that are emulated can be a second or two late with their answer under load."""
FIELDS: Final = 14
SOURCE, STRATUM, OFFSET, LEAP = 1, 2, 4, 13
"""Columns of ``chronyc -c tracking`` (chronyc(1))."""
UNSYNCHRONISED: Final = 16


class TimeSync(Check):
    """Reads chrony's own judgement, and sees whom it follows."""

    id = "time"
    title = both("Đồng bộ thời gian", "Time in sync")
    proves = both(
        "Đồng hồ mỗi máy chủ theo máy chủ thời gian của tỉnh, lệch dưới một giây, và lệch không "
        f"quá {MOST_FROM_HERE:.0f} giây so với đồng hồ của máy kiểm tra.",
        "Each host's clock follows the province's time hosts, less than a second away, and is at "
        f"most {MOST_FROM_HERE:.0f} seconds away from the clock of the machine that checks.",
    )
    how = both(
        "Hỏi chrony (chronyc tracking): nguồn, tầng, độ lệch, trạng thái giây nhuận; so với đồng "
        "hồ của máy kiểm tra, trừ sai số của phép đo. Máy chủ thời gian phải theo nguồn bên ngoài "
        "nếu tỉnh đã chỉ định nguồn.",
        "Chrony is asked (chronyc tracking) for source, stratum, offset and leap status; compared "
        "with the clock of the machine that checks, less the error of that measurement. A time "
        "host must follow a source outside if the province names one.",
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
        try:
            name, stratum = fields[SOURCE], int(fields[STRATUM])
            offset, leap = float(fields[OFFSET]), fields[LEAP]
        except ValueError:
            problem = both("số đo của chrony không đọc được", "chrony's figures are not numbers")
            return judged(host.name, [problem], both("không có số đo", "nothing was measured"))
        problems = []
        if leap != "Normal" or not 0 < stratum < UNSYNCHRONISED:
            problems.append(both(f"chưa đồng bộ ({leap}, tầng {stratum})", f"not in sync ({leap})"))
        if not abs(offset) < MOST_SECONDS:  # no number at all is not less either
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
        upstream = scene.settings.ntp_upstream if scene.settings else []
        if serves and own and upstream:
            problems.append(
                both(
                    f"theo đồng hồ của chính mình, không theo {', '.join(upstream)}",
                    f"follows its own clock, not {', '.join(upstream)}",
                )
            )
        vi, en = name, name
        if own:
            vi, en = "đồng hồ của chính mình", "its own clock"
        if own and serves and not upstream:
            vi = "đồng hồ riêng của tỉnh (chưa chỉ định nguồn bên ngoài)"
            en = "the province's own clock (no source outside is named)"
        seen = scene.clock.get(host.name)
        problems += _too_far(seen)
        tail = _from_here(seen)
        measured = both(
            f"nguồn {vi}, tầng {stratum}, lệch {offset * 1000:+.3f} ms{tail.vi}",
            f"source {en}, stratum {stratum}, offset {offset * 1000:+.3f} ms{tail.en}",
        )
        # A comparison that may be wrong by more than the limit has compared nothing.
        if (seen is None or seen.error > MOST_FROM_HERE) and not problems:
            return Finding(host=host.name, status=Status.SKIP, evidence=measured)
        return judged(host.name, problems, measured)


def _too_far(seen: Ahead | None) -> list[Text]:
    """Whether a clock is away from the one here by more than the measurement may be wrong."""
    if seen is None or abs(seen.seconds) - seen.error <= MOST_FROM_HERE:
        return []
    return [
        both(
            f"lệch quá {MOST_FROM_HERE:.0f} s so với máy kiểm tra",
            f"more than {MOST_FROM_HERE:.0f} s away from the checking machine",
        )
    ]


def _from_here(seen: Ahead | None) -> Text:
    if seen is None:
        return both(", chưa so với máy kiểm tra", ", not compared with the checking machine")
    return both(
        f", lệch {seen.seconds:+.2f} ± {seen.error:.2f} s so với máy kiểm tra",
        f", {seen.seconds:+.2f} ± {seen.error:.2f} s from the checking machine",
    )
