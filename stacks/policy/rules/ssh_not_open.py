"""No SSH from the world."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hoaban.model.types import Text
from stacks.policy.flows import from_the_world, opened
from stacks.policy.rule import ResourceRule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stacks.policy.rule import Seen


def _check(seen: Seen) -> Iterator[str]:
    if opened(seen, [22], ["tcp"]) and from_the_world(seen):
        yield f"{seen.name} opens SSH (22/tcp) to the world"


RULE = ResourceRule(
    id="ssh-not-open",
    title=Text(vi="SSH không mở ra Internet", en="SSH is not open to the world"),
    reason=Text(
        vi="Cổng SSH mở cho mọi địa chỉ bị dò mật khẩu và khai thác lỗ hổng trong vòng vài phút; "
        "quản trị đi qua máy chủ trung gian, từ các mạng quản trị đã khai báo.",
        en="An SSH port that every address reaches is tried within minutes. Administration goes "
        "through the bastion, from the networks that are named for it.",
    ),
    mend="in province.yml name the networks of administrators under `admin_networks`, and in an "
    "agency's file leave SSH out of a tier's ports",
    check=_check,
)
