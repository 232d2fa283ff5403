"""Which resources a person has chosen for an operation, or kept out of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hoaban.engine.embedded.defaults import is_default
from hoaban.engine.embedded.scope import Patterns, Scope, unknown
from hoaban.engine.embedded.urns import STACK_TYPE, is_provider
from hoaban.errors import HoabanError, Location

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from hoaban.engine.api import Options
    from hoaban.engine.embedded.state import Resource
    from hoaban.engine.embedded.steps import Goal


class Choice:
    """Answers for one operation; used by one thread at a time.

    Goals are asked for in the order in which a program registers them, so what something depends
    on was asked for before it.
    """

    def __init__(self, scope: Scope) -> None:
        self._targets = Patterns(scope.targets)
        self._excludes = Patterns(scope.excludes)
        self._named = self._excludes or self._targets
        self._follows = scope.exclude_dependents if self._excludes else scope.target_dependents
        self._reached: set[str] = set()  # what is named and, where asked, all that depends on it

    def __bool__(self) -> bool:
        return bool(self._named)

    @property
    def targets(self) -> bool:
        """Whether only what is named may be touched."""
        return bool(self._targets)

    def takes(self, goal: Goal) -> bool:
        """Whether what the program states here may be done.

        Of targets what costs nothing is made in any case. What all else stands on is never left
        out: the stack itself, and providers that nobody declared.
        """
        if not self._named:
            return True
        reached = self._reaches(goal.urn, goal.resource({}).references(), self._reached)
        if self._excludes:
            return not reached or _carries_all(goal)
        return not self._targets or reached or not goal.custom or is_provider(goal.type)

    def reaches(self, olds: Iterable[Resource]) -> set[int]:
        """Those resources of a state, by identity, that are named or go with what is."""
        reached: set[str] = set()
        return {id(one) for one in olds if self._reaches(one.urn, one.references(), reached)}

    def may_read(self, olds: Sequence[Resource]) -> list[Resource]:
        """Those resources of a state that may be read again."""
        reached = self.reaches(olds)
        if self._excludes:
            return [one for one in olds if id(one) not in reached]
        return [one for one in olds if not self._targets or id(one) in reached]

    def may_delete(self, olds: Sequence[Resource], left: Collection[int] = ()) -> set[int]:
        """Those resources of a state, by identity, that may be deleted.

        ``left`` are those that this operation leaves as they are. What is kept out keeps what it
        refers to.
        """
        reached = self.reaches(olds)
        if not self._excludes:
            return {id(one) for one in olds if not self._targets or id(one) in reached}
        found: set[int] = set()
        needed: set[str] = set()
        for one in reversed(olds):
            if id(one) in reached or id(one) in left or (one.urn in needed and not one.delete):
                needed |= one.references()
            else:
                found.add(id(one))
        return found

    def refuse_replaced(self, goal: Goal) -> None:
        """Raise: somebody wants it made anew and also left as it is."""
        raise HoabanError(
            "it is to be replaced, and is also excluded",
            where=Location(urn=goal.urn),
            mend="leave out --replace, or --exclude",
        )

    def refuse_missing(self, goal: Goal, needs: str) -> None:
        """Raise: what a goal needs does not exist, and this operation may not make it."""
        if self._excludes:
            raise HoabanError(
                f"it needs {needs}, which does not exist yet and is excluded",
                where=Location(urn=goal.urn),
                mend="leave out that --exclude, or exclude this too: --exclude-dependents",
            )
        raise HoabanError(
            f"it needs {needs}, which does not exist yet and is not targeted",
            where=Location(urn=goal.urn),
            mend=f"target that too: --target '{needs}'",
        )

    def refuse_condemned(
        self, root: str, condemned: Sequence[Resource], olds: Iterable[Resource]
    ) -> None:
        """Raise when something must be deleted for another's sake, and may not be touched."""
        if self._named and not (self._targets and self._follows):
            reached = self.reaches(olds)
            for one in condemned:
                if (id(one) in reached) is bool(self._excludes):
                    kept = "excluded" if self._excludes else "not targeted"
                    raise HoabanError(
                        f"replacing {root} takes it along, and it is {kept}",
                        where=Location(urn=one.urn),
                        mend="leave out that --exclude"
                        if self._excludes
                        else "target it too, or all of its kind: --target-dependents",
                    )

    def unused(self, urns: Iterable[str]) -> set[str]:
        """What a person named that fits none of these, nor anything that was asked for before."""
        for urn in urns:
            _ = urn in self._named
        return self._named.unused

    def _reaches(self, urn: str, references: Collection[str], reached: set[str]) -> bool:
        if urn in self._named or (self._follows and not reached.isdisjoint(references)):
            reached.add(urn)
            return True
        return False


def _carries_all(goal: Goal) -> bool:
    return goal.type == STACK_TYPE or (is_provider(goal.type) and is_default(goal.urn))


def destroyed(olds: Sequence[Resource], options: Options) -> list[Resource]:
    """What a destroy would take of a state; raises when a name fits nothing in it."""
    choice = Choice(Scope.of(options))
    going = choice.may_delete(olds)
    urns = [one.urn for one in olds]
    for text in sorted(choice.unused(urns)):
        raise unknown(text, urns)
    return [one for one in olds if id(one) in going]
