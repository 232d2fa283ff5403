"""Paths to properties, as resource options have them: ``rules[0].port``, ``tags["a.b"]``."""

from __future__ import annotations

import copy
import re
from typing import TYPE_CHECKING, Any, Final

from hoaban.errors import HoabanError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hoaban.engine.values import PropertyMap

Path = tuple[str | int, ...]
ANY: Final = "*"
_TOKEN: Final = re.compile(r"""\.?([^.\["\]]+)|\[(\d+)\]|\[(\*)\]|\["((?:[^"\\]|\\.)*)"\]""")
_ABSENT: Final = object()


def parse(text: str) -> Path:
    """A path's parts; ``*`` stands for every key or index."""
    parts: list[str | int] = []
    position = 0
    while position < len(text):
        found = _TOKEN.match(text, position)
        if not found:
            raise HoabanError(
                f"not a property path: {text!r}",
                mend='write it like rules[0].port or tags["a.b"], in a resource option',
            )
        name, index, _star, quoted = found.groups()
        if name is not None:
            parts.append(name)
        elif index is not None:
            parts.append(int(index))
        else:
            parts.append(ANY if quoted is None else quoted.replace('\\"', '"'))
        position = found.end()
    return tuple(parts)


def covers(pattern: Path, path: Path) -> bool:
    """Whether a change at ``path`` lies at or below ``pattern``."""
    if len(pattern) > len(path):
        return False
    return all(want in (ANY, have) for want, have in zip(pattern, path, strict=False))


def _matches(pattern: Path, holder: Any) -> list[str | int]:
    """The keys of ``holder`` that the first part of ``pattern`` names."""
    want = pattern[0]
    if isinstance(holder, dict):
        return list(holder) if want == ANY else [str(want)]
    if isinstance(holder, list):
        if want == ANY:
            return list(range(len(holder)))
        return [want] if isinstance(want, int) and want < len(holder) else []
    return []


def _get(holder: Any, key: str | int) -> Any:
    if isinstance(holder, dict):
        return holder.get(str(key), _ABSENT)
    if isinstance(holder, list) and isinstance(key, int) and key < len(holder):
        return holder[key]
    return _ABSENT


def restore(news: PropertyMap, olds: PropertyMap, ignored: Iterable[str]) -> PropertyMap:
    """New inputs in which the ignored properties have their old values, absent ones included."""
    patterns = [parse(text) for text in ignored]
    if not patterns:
        return news
    result = copy.deepcopy(news)
    for pattern in patterns:
        if pattern:
            _restore(result, olds, pattern)
    return result


def _restore(news: Any, olds: Any, pattern: Path) -> None:
    keys = {*_matches(pattern, news), *_matches(pattern, olds)}
    for key in keys:
        old, new = _get(olds, key), _get(news, key)
        if len(pattern) > 1:
            if old is not _ABSENT and new is not _ABSENT:
                _restore(new, old, pattern[1:])
        elif isinstance(news, dict):
            if old is _ABSENT:
                news.pop(key, None)
            else:
                news[key] = copy.deepcopy(old)
        elif old is not _ABSENT and new is not _ABSENT:
            news[key] = copy.deepcopy(old)
