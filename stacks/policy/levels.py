"""The security level of a stack, which its project carries as the tag ``level:<n>``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from stacks.policy.kinds import PROJECT

if TYPE_CHECKING:
    from collections.abc import Iterable

    from stacks.policy.rule import Seen

HIGH: Final = 3
"""From here on an incident harms public interest or security (Decree 85/2016/NĐ-CP, article 9)."""
PREFIX: Final = "level:"


def level_of(everything: Iterable[Seen]) -> int:
    """The level of a stack; 0 where no project of it tells one."""
    tags = [tag for seen in everything if seen.type == PROJECT for tag in seen.inputs["tags"]]
    levels = [tag.removeprefix(PREFIX) for tag in tags if tag.startswith(PREFIX)]
    return max((int(level) for level in levels if level.isdigit()), default=0)
