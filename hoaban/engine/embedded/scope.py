"""What an operation may touch: targets, exclusions, replacements, protection and who lifts it."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from hoaban.engine.api import ProtectedError
from hoaban.errors import HoabanError, Location, together

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from hoaban.engine.api import Options
    from hoaban.engine.embedded.state import Resource

_NEAREST: Final = 3
_LIKE: Final = 0.5  # from here on a name may be what was meant


class Patterns:
    """URNs chosen by a person. An empty choice holds nothing.

    As with Pulumi, ``*`` stands for anything without a colon, ``**`` for anything.
    """

    def __init__(self, texts: Iterable[str]) -> None:
        self._patterns = {text: re.compile(_expression(text)) for text in texts}
        self.unused = set(self._patterns)

    def __bool__(self) -> bool:
        return bool(self._patterns)

    def __contains__(self, urn: str) -> bool:
        found = [text for text, one in self._patterns.items() if one.fullmatch(urn)]
        self.unused.difference_update(found)
        return bool(found)


def _expression(text: str) -> str:
    return ".*".join("[^:]*".join(map(re.escape, part.split("*"))) for part in text.split("**"))


@dataclass(frozen=True, slots=True)
class Scope:
    """What an operation may touch: ``targets`` only, if there are any; never ``excludes``.

    With ``target_dependents`` and ``exclude_dependents`` what depends on these goes with them.
    ``replace`` are URNs to be made anew. ``released`` are URNs whose protection does not hold. A
    ``trial`` goes on past what is protected, so that people see the whole plan;
    :attr:`Planner.refusals` then says what stops it.
    """

    targets: Sequence[str] = ()
    replace: Sequence[str] = ()
    released: Sequence[str] = ()
    trial: bool = False
    excludes: Sequence[str] = ()
    target_dependents: bool = False
    exclude_dependents: bool = False

    @classmethod
    def of(cls, options: Options, *, trial: bool = False) -> Scope:
        """The scope that an operation's options tell; raises where they contradict each other."""
        if options.targets and options.excludes:
            raise HoabanError(
                "an operation has targets or exclusions, not both",
                mend="leave out --target, or --exclude",
            )
        return cls(
            options.targets,
            options.replace,
            options.released,
            trial,
            options.excludes,
            options.target_dependents,
            options.exclude_dependents,
        )


def unknown(text: str, urns: Iterable[str]) -> HoabanError:
    """The error about a URN that fits nothing; names those that come nearest."""
    near = nearest(text, urns)
    return HoabanError(
        f"no resource fits {text}",
        mend=f"the nearest: {' '.join(near)}"
        if near
        else "take a URN from the plan or the state; ** stands for anything",
    )


def nearest(text: str, urns: Iterable[str]) -> list[str]:
    """URNs like one that was mistyped, the likest first; its name counts most."""
    name = _name(text)
    ranked = []
    for urn in urns:
        likeness = difflib.SequenceMatcher(None, name, _name(urn)).ratio()
        if likeness >= _LIKE:
            whole = difflib.SequenceMatcher(None, text, urn).quick_ratio()
            ranked.append((-likeness, -whole, urn))
    return [urn for _, _, urn in sorted(ranked)[:_NEAREST]]


def _name(urn: str) -> str:
    return urn.rpartition("::")[2].strip("*")


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
    return together(errors)
