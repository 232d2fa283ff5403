"""What an operation may touch: targets, replacements asked for, protection and who lifts it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hoaban.engine.api import ProtectedError
from hoaban.errors import HoabanError, Location, ManyErrors

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from hoaban.engine.embedded.state import Resource


class Patterns:
    """URNs chosen by a person; ``*`` stands for anything. An empty choice holds nothing."""

    def __init__(self, texts: Iterable[str]) -> None:
        self._patterns = {
            text: re.compile(".*".join(map(re.escape, re.split(r"\*+", text)))) for text in texts
        }
        self.unused = set(self._patterns)

    def __bool__(self) -> bool:
        return bool(self._patterns)

    def __contains__(self, urn: str) -> bool:
        found = [text for text, one in self._patterns.items() if one.fullmatch(urn)]
        self.unused.difference_update(found)
        return bool(found)


@dataclass(frozen=True, slots=True)
class Scope:
    """What an operation may touch: ``targets`` only, if there are any; ``replace`` in any case.

    ``released`` are URNs whose protection does not hold. A ``trial`` goes on past what is
    protected, so that people see the whole plan; :attr:`Planner.refusals` then says what stops it.
    """

    targets: Sequence[str] = ()
    replace: Sequence[str] = ()
    released: Sequence[str] = ()
    trial: bool = False


def protected(resources: Sequence[Resource], done: str, why: str) -> HoabanError:
    """The refusal to touch what is protected; several at once in one error."""
    errors = [
        ProtectedError(
            f"it is protected and would be {done} ({why})",
            where=Location(urn=one.urn),
            mend="if it may go: set protect=False in the program, run up, then do this again",
        )
        for one in resources
    ]
    return errors[0] if len(errors) == 1 else ManyErrors(errors)
