"""A look at the cloud before a plan: what was changed by hand, at the cost of one list a type.

A refresh makes the state as the cloud is. A look takes over only what somebody changed, so that
what it reports and what the plan does about it are the same.
"""

from __future__ import annotations

import concurrent.futures
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, cast

from hoaban.engine.drift import Deed, Difference, Drift, Fate, Sight, Unseen
from hoaban.engine.embedded import calls
from hoaban.engine.embedded.choice import Choice
from hoaban.engine.embedded.properties import MASK, mask
from hoaban.engine.embedded.refresh import has_object
from hoaban.engine.embedded.scope import Scope
from hoaban.engine.embedded.state import timestamp
from hoaban.engine.values import Secret
from hoaban.errors import HoabanError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from hoaban.engine.api import Options
    from hoaban.engine.embedded.executor import Executor
    from hoaban.engine.embedded.failures import Failures
    from hoaban.engine.embedded.state import Resource
    from hoaban.engine.provider import Looker, Sighting
    from hoaban.engine.values import PropertyMap

_PARALLEL: Final = 16  # lists under way; a stack has about as many types
_NO_LISTS: Final = "its provider reads one object at a time"


class Look:
    """Compares what a state has of each type with one list of the cloud's."""

    def __init__(self, executor: Executor, failures: Failures, options: Options) -> None:
        self._ledger = executor.ledger
        self._registry = executor.registry
        self._failures = failures
        self._options = options

    def run(self) -> Sight:
        """Take over what was changed by hand; what could not be looked at is told, not raised."""
        groups = self._groups()
        workers = max(1, min(_PARALLEL, len(groups)))
        with concurrent.futures.ThreadPoolExecutor(workers, "look") as pool:
            parts = list(pool.map(self._look, groups))
        drifts = [one for part in parts if not isinstance(part, Unseen) for one in part]
        places = {one.urn: place for place, one in enumerate(self._ledger.olds)}
        unseen = sorted(
            (part for part in parts if isinstance(part, Unseen)), key=lambda one: one.type
        )
        return Sight(
            sorted(drifts, key=lambda one: places[one.urn]),
            unseen,
            sum(map(len, groups)) - sum(one.count for one in unseen),
        )

    def _groups(self) -> list[list[Resource]]:
        """Resources with an object, by provider and type; only what the operation may touch."""
        choice = Choice(Scope.of(self._options))
        found: dict[tuple[str, str], list[Resource]] = {}
        for one in choice.may_read(self._ledger.snapshot().resources):
            if has_object(one) and one.id and not (one.delete or one.external):
                found.setdefault((one.provider, one.type), []).append(one)
        return list(found.values())

    def _look(self, olds: Sequence[Resource]) -> list[Drift] | Unseen:
        first = olds[0]
        if self._failures.stopping:
            return Unseen(first.type, len(olds), "stopped on request")
        known = [(one.urn, calls.told(one)) for one in olds]
        try:
            provider = self._registry.get(first.provider)
            if not hasattr(provider, "look"):
                return Unseen(first.type, len(olds), _NO_LISTS)
            looker = cast("Looker", provider)
            sightings = looker.look(first.type, known, each=self._options.refresh)
        except HoabanError as error:
            return Unseen(first.type, len(olds), error.what)
        pairs = zip(olds, sightings, strict=True)
        return [self._taken(looker, old, seen) for old, seen in pairs if _differs(seen)]

    def _taken(self, looker: Looker, old: Resource, seen: Sighting) -> Drift:
        """What is told of one object that is not as it was; the state is as the cloud from now."""
        deed = _deed(looker, old, seen)
        if seen.state is None:
            self._ledger.drop(old)
            return Drift(old.urn, old.type, old.id, Fate.REMOVED, deed=deed)
        new = calls.seen(old, seen.state)
        self._ledger.change(old, replace(new, modified=timestamp()))
        differences = list(_differences(old.outputs, new.outputs, seen))
        return Drift(old.urn, old.type, old.id, Fate.CHANGED, differences, seen.at, deed)


def _differs(seen: Sighting) -> bool:
    return seen.state is None or bool(seen.changed)


def _deed(looker: Looker, old: Resource, seen: Sighting) -> Deed | None:
    """Who did it, as far as the cloud tells: nothing hangs on its being told."""
    try:
        return looker.deed(old.type, old.id, seen.changed, old.modified or old.created)
    except HoabanError:
        return None


def _differences(olds: PropertyMap, news: PropertyMap, seen: Sighting) -> Iterator[Difference]:
    for name in seen.changed:
        before, after = olds.get(name), news.get(name)
        if name in seen.hidden:
            yield Difference(name, MASK, MASK)
        elif isinstance(before, dict) and isinstance(after, dict):
            yield from _items(name, before, after)
        else:
            yield Difference(name, mask(before), mask(after))


def _items(name: str, before: dict[str, Any], after: dict[str, Any]) -> Iterator[Difference]:
    """What differs in a map, item by item."""
    for key in sorted({*before, *after}):
        old, new = before.get(key), after.get(key)
        if old != new or isinstance(old, Secret):
            yield Difference(f"{name}.{key}", mask(old), mask(new))
