"""From level 3: at most a day of data may be lost."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from hoaban.model.types import Text
from stacks.policy.kinds import VOLUME
from stacks.policy.levels import HIGH, level_of
from stacks.policy.rule import StackRule

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from stacks.policy.rule import Seen

LONGEST_HOURS: Final = 24
_RPO: Final = re.compile(r"\brpo (\d+) h\b")


def _check(everything: Iterable[Seen]) -> Iterator[tuple[Seen, str]]:
    found = list(everything)
    if level_of(found) < HIGH:
        return
    for seen in found:
        if seen.type != VOLUME:
            continue
        rpo = _RPO.search(str((seen.inputs.get("metadata") or {}).get("backup", "")))
        if rpo and int(rpo[1]) > LONGEST_HOURS:
            yield seen, f"of the volume {seen.name}, {rpo[1]} hours of data may be lost"


RULE = StackRule(
    id="backups-by-level",
    title=Text(
        vi="Từ cấp độ 3, mất dữ liệu nhiều nhất một ngày",
        en="From level 3 at most a day of data may be lost",
    ),
    reason=Text(
        vi="Hệ thống từ cấp độ 3 phục vụ lợi ích công cộng; khôi phục phải đưa về tình trạng của "
        "hôm trước, không phải tuần trước.",
        en="Systems from level 3 on serve the public. A restore must bring yesterday back, not "
        "last week.",
    ),
    mend="lower `rpo_hours` of the system's backup to 24 or less",
    check=_check,
)
