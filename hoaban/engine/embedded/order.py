"""The order of a state: each resource after all that it refers to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hoaban.engine.embedded.urns import provider_urn

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from hoaban.engine.embedded.state import Resource


def in_order(resources: Sequence[Resource]) -> list[Resource]:
    """The same resources, each after all that it refers to; otherwise in the order there was."""
    if _stand_in_order(resources):
        return list(resources)
    by_urn: dict[str, list[Resource]] = {}
    for one in resources:
        by_urn.setdefault(one.urn, []).append(one)
    placed: dict[int, Resource] = {}
    open_: set[int] = set()

    def needed(one: Resource) -> Iterator[Resource]:
        for urn in sorted(one.references()):
            having = by_urn.get(urn, [])
            exact = [x for x in having if f"{x.urn}::{x.id}" == one.provider]
            live = [x for x in having if not x.delete]
            yield from (exact or live or having)[:1]

    def place(root: Resource) -> None:
        waiting = [(root, needed(root))]
        open_.add(id(root))
        while waiting:
            one, rest = waiting[-1]
            following = next((x for x in rest if id(x) not in placed and id(x) not in open_), None)
            if following is not None:
                open_.add(id(following))
                waiting.append((following, needed(following)))
                continue
            waiting.pop()
            placed[id(one)] = one

    for one in resources:
        if id(one) not in placed:
            place(one)
    return list(placed.values())


def _stand_in_order(resources: Sequence[Resource]) -> bool:
    seen: set[str] = set()
    providers: set[str] = set()
    for one in resources:
        own = provider_urn(one.provider)
        if not one.references() - {own} <= seen or (own and one.provider not in providers):
            return False
        seen.add(one.urn)
        providers.add(f"{one.urn}::{one.id}")
    return True
