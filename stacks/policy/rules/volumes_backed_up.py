"""Every data volume has a backup policy."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hoaban.model.types import Text
from stacks.policy.kinds import VOLUME
from stacks.policy.rule import ResourceRule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stacks.policy.rule import Seen


def _check(seen: Seen) -> Iterator[str]:
    if seen.type == VOLUME and not (seen.inputs.get("metadata") or {}).get("backup"):
        yield f"the volume {seen.name} has no backup policy"


RULE = ResourceRule(
    id="volumes-backed-up",
    title=Text(
        vi="Mỗi ổ dữ liệu có chính sách sao lưu", en="Every data volume has a backup policy"
    ),
    reason=Text(
        vi="Ổ dữ liệu không được sao lưu là dữ liệu sẽ mất vào một ngày nào đó. Chính sách ghi ở "
        "siêu dữ liệu `backup` của ổ: khoảng mất dữ liệu cho phép và số bản được giữ. Ổ của máy "
        "chủ sao lưu chứa chính các bản sao lưu và tự nói điều đó.",
        en="A volume that nobody backs up is data that will be lost one day. The policy stands in "
        "the volume's metadata `backup`: how much may be lost, and how many copies are kept. The "
        "volumes of backup hosts hold the backups, and say so.",
    ),
    mend="give the system a `backup:` in the agency's file (`backup: {}` is the usual one)",
    check=_check,
)
