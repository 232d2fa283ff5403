"""Journals reach the log host, and stay there for as long as the law asks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from hoaban.model.types import Text
from hoaban.verify.checks.base import Check, both, judged
from hoaban.verify.journals import log_host
from hoaban.verify.model import Finding, Status

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from hoaban.inventory.fleet import ManagedHost
    from hoaban.verify.journals import Journals
    from hoaban.verify.scene import Scene

MOST_MINUTES: Final = 10
DAY: Final = 86400
LEAST_DAYS: Final = 365
"""Twelve months (Decree 53/2022/NĐ-CP)."""
GIB: Final = 1 << 30


class Logs(Check):
    """Asks the log host for the newest entry of each host."""

    id = "logs"
    title = both("Nhật ký tập trung", "Journals at the log host")
    proves = both(
        "Nhật ký của mỗi máy chủ tới máy chủ nhật ký của tỉnh trong vòng "
        f"{MOST_MINUTES} phút, và được lưu ở đó ít nhất mười hai tháng.",
        f"Each host's journal reaches the province's log host within {MOST_MINUTES} minutes, and "
        "is kept there for twelve months at least.",
    )
    how = both(
        "Đọc trên máy chủ nhật ký bản ghi mới nhất trong tệp riêng của từng máy chủ (tệp mang tên "
        "trong chứng thư của máy chủ đó); bản thân việc kiểm tra vừa sinh ra bản ghi trên mọi máy "
        "chủ. Đọc thời hạn lưu đã cấu hình (tmpfiles.d).",
        "On the log host, the newest entry in each host's own file is read (the file has the name "
        "in that host's certificate); the checks themselves have just made entries on every host. "
        "The configured retention is read (tmpfiles.d).",
    )

    def examine(self, scene: Scene) -> Iterable[Finding]:
        """One finding a host, one for the log host; nothing to prove where there is none."""
        if log_host(scene.fleet) is None:
            none = both("Tỉnh chưa có máy chủ nhật ký", "The province has no log host")
            return [Finding(status=Status.NONE, evidence=none)]
        told = scene.journals
        if told is None or isinstance(told, Text):
            words = told or both("Máy chủ nhật ký chưa được hỏi", "The log host was not asked")
            return [Finding(status=Status.SKIP, evidence=words)]
        return [*scene.each(lambda host, _: self._of(host, told)), self._kept(told)]

    @staticmethod
    def _of(host: ManagedHost, told: Journals) -> Iterator[Finding]:
        newest = told.newest.get(host.name)
        if newest is None:
            problem = both("chưa có bản ghi nào tới nơi", "no entry of it has come")
            yield judged(host.name, [problem], both(f"xem {told.folder}", f"in {told.folder}"))
            return
        minutes = (told.now - newest) / 60
        measured = both(
            f"bản ghi mới nhất cách đây {minutes:.1f} phút",
            f"its newest entry is {minutes:.1f} minutes old",
        )
        late = both(f"quá {MOST_MINUTES} phút", f"more than {MOST_MINUTES} minutes")
        yield judged(host.name, [] if minutes <= MOST_MINUTES else [late], measured)

    @staticmethod
    def _kept(told: Journals) -> Finding:
        days = told.kept_seconds / DAY
        measured = both(
            f"lưu {days:.0f} ngày trong {told.folder}, còn trống {told.free_bytes / GIB:.1f} GiB",
            f"kept for {days:.0f} days in {told.folder}, {told.free_bytes / GIB:.1f} GiB free",
        )
        short = both(f"ít hơn {LEAST_DAYS} ngày", f"less than {LEAST_DAYS} days")
        return judged(None, [] if days >= LEAST_DAYS else [short], measured)
