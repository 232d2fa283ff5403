"""New objects that are asked for as one list."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hoaban.openstack.call import Call
    from hoaban.openstack.rest import Rest

Json = dict[str, Any]


def post_all(call: Call, kind: Rest, bodies: Sequence[Json]) -> Sequence[Json]:
    """Ask for objects of one type in one request; returns them in the order of ``bodies``."""
    if len(bodies) == 1:
        answer = call.json(kind.service, "POST", kind.path, {kind.noun: bodies[0]})
        return [kind.unwrap(answer)]
    answer = call.json(kind.service, "POST", kind.path, {kind.collection: list(bodies)})
    return in_order(bodies, answer.get(kind.collection, []))


def in_order(bodies: Sequence[Json], made: Sequence[Json]) -> Sequence[Json]:
    """The objects ``made`` in the order of the ``bodies`` that asked for them.

    Services answer in that order; it is made sure of, because a mix-up would give each resource
    another's object.
    """
    if len(made) != len(bodies) or all(map(_fits, bodies, made)):
        return made
    left = list(made)
    ordered = []
    for body in bodies:
        match = next((item for item in left if _fits(body, item)), None)
        if match is None:
            return made
        left.remove(match)
        ordered.append(match)
    return ordered


def _fits(body: Json, item: Json) -> bool:
    """Whether ``item`` has the plain attributes of ``body``, as far as it shows them."""
    return all(
        name not in item or str(item[name]).lower() == str(value).lower()
        for name, value in body.items()
        if isinstance(value, (str, int)) and not isinstance(value, bool)
    )
