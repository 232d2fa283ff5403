"""From level 3: no server of an agency has a public address of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hoaban.model.types import Text
from stacks.policy.kinds import FLOATING_IP
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
        if seen.type == FLOATING_IP and seen.project == "agency":
            yield seen, f"{seen.name} has a public address of its own"


RULE = StackRule(
    id="no-public-servers",
    title=Text(
        vi="Từ cấp độ 3, máy chủ của cơ quan không có địa chỉ công khai riêng",
        en="From level 3 no server of an agency has a public address of its own",
    ),
    reason=Text(
        vi="Máy chủ có địa chỉ công khai riêng đứng ngoài các vùng mạng và các cửa của tỉnh.",
        en="A server with a public address of its own stands outside of the province's segments "
        "and doors.",
    ),
    mend="let it be reached by the province's router, and say who may in the system's exposure",
    check=_check,
)
