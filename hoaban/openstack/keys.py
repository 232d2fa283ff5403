"""The mark by which an object is found again after an interrupted create.

The engine gives each create a key of its own; the provider leaves it on the object as a tag (or a
metadata item, where there are no tags) and hides it from the properties that people see.
"""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

PREFIX = "hoaban:"
METADATA_KEY = "hoaban_key"
"""Name of the metadata item on volumes (and, in Swift's spelling, on containers)."""

_MARK = re.compile(r"^hoaban:[0-9a-f]{32}$")


def mark(key: str) -> str:
    """``key`` as a tag: legal for Neutron, Nova (60 characters, no ``/`` or ``,``) and Keystone."""
    bare = key.removeprefix(PREFIX)
    if not _MARK.match(PREFIX + bare):
        bare = hashlib.sha256(key.encode()).hexdigest()[:32]
    return PREFIX + bare


def is_mark(tag: str) -> bool:
    """Whether a tag is a mark of ours rather than someone's own."""
    return bool(_MARK.match(tag))


def own(tags: Iterable[str] | None) -> list[str]:
    """The tags that people gave, sorted."""
    return sorted(tag for tag in tags or () if not is_mark(tag))


def marks(tags: Iterable[str] | None) -> list[str]:
    """The marks among ``tags``."""
    return sorted(tag for tag in tags or () if is_mark(tag))
