"""Dependences that would close a circle, where an operation leaves a part of a state as it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hoaban.errors import HoabanError, Location

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from hoaban.engine.embedded.state import Resource


class Circles:
    """Watches that no resource comes to depend on itself.

    A program cannot say that of itself. But what an operation leaves as it is depends on what the
    state says, and that may be something the program now lets depend on it.
    """

    def __init__(self, live: Mapping[str, Resource]) -> None:
        self._live = live
        self._references: dict[str, Collection[str]] = {}  # of all that is registered
        self._ahead = False  # whether any of them refers to what is not registered yet

    def leave(self, urn: str, old: Resource) -> None:
        """A resource stays as it is."""
        references = old.references()
        self._ahead = self._ahead or not references <= self._references.keys()
        self._references[urn] = references

    def take(self, urn: str, known_as: str, references: Collection[str]) -> None:
        """A resource will be as the program says; ``known_as`` is its URN in the state."""
        if self._ahead and (through := self._way(references, {urn, known_as})):
            raise HoabanError(
                f"it depends on {through}, which this operation leaves as it is, and which depends "
                "on it by what the state says",
                where=Location(urn=urn),
                mend="let the operation touch both, or neither",
            )
        self._references[urn] = references

    def _way(self, references: Collection[str], to: Collection[str]) -> str:
        """The first of ``references`` from which a way leads there, empty when there is none."""
        visited: set[str] = set()
        for first in sorted(references):
            open_ = [first]
            while open_:
                urn = open_.pop()
                if urn in to:
                    return first
                if urn not in visited:
                    visited.add(urn)
                    old = self._live.get(urn)
                    known = self._references.get(urn)
                    open_ += known if known is not None else old.references() if old else ()
        return ""
