"""What holds data stays protected."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hoaban.model.types import Text
from stacks.policy.kinds import CONTAINER, VOLUME
from stacks.policy.rule import ResourceRule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stacks.policy.rule import Seen


def _check(seen: Seen) -> Iterator[str]:
    if seen.type in (VOLUME, CONTAINER) and not seen.protect:
        yield f"{seen.name} holds data and is not protected"


RULE = ResourceRule(
    id="data-protected",
    title=Text(vi="Nơi chứa dữ liệu luôn được bảo vệ", en="What holds data stays protected"),
    reason=Text(
        vi="Tài nguyên được bảo vệ không bị xóa hay thay thế khi ai đó sửa tệp khai báo; muốn xóa "
        "phải đồng ý rõ ràng.",
        en="An edit of a file deletes or replaces nothing that is protected; somebody has to agree "
        "to that loss in so many words.",
    ),
    mend="make it with ResourceOptions(protect=True); to let data go: hoaban destroy, or up with "
    "--delete-data",
    check=_check,
)
