"""Errors at keys of files, for the checks between the parts of an inventory."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hoaban.errors import HoabanError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from hoaban.model.document import Document, KeyPath


def fault(document: Document, path: KeyPath, what: str, mend: str) -> HoabanError:
    """An error at a key of a file."""
    return HoabanError(what, where=document.at(*path), mend=mend)


def repeated(values: Iterable[object]) -> dict[int, int]:
    """Positions of values that were there before, with the position of the first."""
    first: dict[object, int] = {}
    again: dict[int, int] = {}
    for position, value in enumerate(values):
        if value in first:
            again[position] = first[value]
        first.setdefault(value, position)
    return again


def unique(
    document: Document, path: KeyPath, values: Sequence[object], key: str, noun: str
) -> Iterator[HoabanError]:
    """A fault for each member of a list whose key another member has."""
    for position in repeated(values):
        yield fault(
            document,
            (*path, position, key),
            f"the {noun} `{values[position]}` is there twice",
            f"give each {noun} a name of its own",
        )
