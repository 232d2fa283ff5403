"""Words of errors about inventory files: suggestions, and many errors told as one."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING

from hoaban.errors import HoabanError, ManyErrors

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


def raise_all(errors: Sequence[HoabanError]) -> None:
    """Raise what was found: nothing, the one error, or all of them together in order of place."""
    if not errors:
        return
    flat = [
        inner
        for error in errors
        for inner in (error.errors if isinstance(error, ManyErrors) else [error])
    ]
    if len(flat) == 1:
        raise flat[0]
    raise ManyErrors(sorted(flat, key=_place))


def _place(error: HoabanError) -> tuple[str, int]:
    where = error.where
    return ((where.file or "") if where else "", (where.line or 0) if where else 0)


def near(word: str, words: Iterable[str], *, limit: int = 3) -> str:
    """Words like a mistyped one, as the end of a sentence: " did you mean `web`?" or nothing."""
    found = get_close_matches(word, sorted(words), n=limit, cutoff=0.6)
    if not found:
        return ""
    return f"did you mean {' or '.join(f'`{one}`' for one in found)}?"


def listed(words: Iterable[str], *, limit: int = 12) -> str:
    """Words for a sentence, in order, cut when there are many."""
    names = sorted(words)
    shown = ", ".join(f"`{name}`" for name in names[:limit])
    return shown + (f" and {len(names) - limit} more" if len(names) > limit else "")
