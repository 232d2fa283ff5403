"""From level 3: an agency's servers take SSH from single hosts alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hoaban.model.types import Text
from stacks.policy.flows import from_one_address, opened
from stacks.policy.levels import HIGH, level_of
from stacks.policy.rule import StackRule

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from stacks.policy.rule import Seen


def _check(everything: Iterable[Seen]) -> Iterator[tuple[Seen, str]]:
    found = list(everything)
    if level_of(found) < HIGH:
        return
    for seen in found:
        inside = seen.project == "agency" and opened(seen, [22], ["tcp"])
        if inside and not from_one_address(seen):
            yield seen, f"{seen.name} takes SSH from a whole network"


RULE = StackRule(
    id="administration-through-bastion",
    title=Text(
        vi="Từ cấp độ 3, quản trị chỉ qua máy chủ trung gian",
        en="From level 3 administration goes through the bastion alone",
    ),
    reason=Text(
        vi="Ai quản trị máy chủ phải đi qua một cửa được ghi nhật ký. Quy tắc cho cả một mạng vào "
        "SSH là cửa thứ hai không ai canh.",
        en="Whoever administers a server comes through one door, where it is logged. A rule that "
        "lets a whole network in by SSH is a second one that nobody watches.",
    ),
    mend="let SSH in from the bastion's address only",
    check=_check,
)
