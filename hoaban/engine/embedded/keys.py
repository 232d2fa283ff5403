"""The key that a provider leaves on what it makes, so that it can be found again."""

from __future__ import annotations

import hashlib
from typing import Final

PREFIX: Final = "hoaban:"
_DIGITS: Final = 32


def resource_key(stack: str, urn: str, *, replaces: str = "") -> str:
    """The key of one resource of one stack: ``hoaban:`` and 32 hexadecimal digits.

    ``stack`` is the full name (``organization/project/stack``). It depends on nothing else, so that
    it is the same after a crash. ``replaces`` is the id of the object that the new one takes the
    place of, for as long as both exist they share a URN and must not share a key.
    """
    text = f"{stack}|{urn}|{replaces}" if replaces else f"{stack}|{urn}"
    return PREFIX + hashlib.sha256(text.encode()).hexdigest()[:_DIGITS]
