"""One object out of a list of many: which list, and what when it is not in it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping, Sequence

    from hoaban.openstack.call import Call
    from hoaban.openstack.rest import Rest

Json = dict[str, Any]

_IDS: Final = 100  # in one request: a URL bears about 8 kB


def look_up(kind: Rest, call: Call, id_: str) -> Json | None:
    """One object: from a list that others use too, or by itself when it is not in it."""
    listed = {} if kind.elsewhere and call.sought else index(kind, call)
    if id_ in listed:
        return listed[id_]
    return kind.get(call, id_) if call.sought is None else _seek(kind, call, id_, listed)


def index(kind: Rest, call: Call) -> Mapping[str, Json]:
    """The project's objects by id, from a list that others use too."""

    def fetch() -> dict[str, Json]:
        fill = {"project": call.cloud.project_id}
        params = {key: value.format(**fill) for key, value in kind.list_filter.items()}
        return {kind.id_of(item): item for item in kind.listing(call, params)}

    return call.shared.lists.get(kind.token, _place(kind, call), fetch)


def _place(kind: Rest, call: Call, *more: Hashable) -> tuple[Hashable, ...]:
    acting_for = tuple(sorted(call.headers.items()))
    return (call.cloud.project_id, acting_for, call.region, kind.path, *more)


def _seek(kind: Rest, call: Call, id_: str, listed: Mapping[str, Json]) -> Json | None:
    """One of the objects that a look is about and the list lacks; each is asked for once."""
    sought = call.sought or frozenset()
    if kind.by_ids and id_ in sought:
        missing = sorted(sought - listed.keys())
        key = _place(kind, call, sought)
        found = call.shared.lists.get(kind.token, key, lambda: _by_ids(kind, call, missing))
        return found.get(id_)

    def alone() -> dict[str, Json]:
        one = kind.get(call, id_)
        return {} if one is None else {id_: one}

    return call.shared.lists.get(kind.token, _place(kind, call, id_), alone).get(id_)


def _by_ids(kind: Rest, call: Call, ids: Sequence[str]) -> dict[str, Json]:
    pages = (ids[start : start + _IDS] for start in range(0, len(ids), _IDS))
    found = (kind.listing(call, {"id": list(page)}) for page in pages)
    return {kind.id_of(item): item for page in found for item in page}
