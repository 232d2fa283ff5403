"""Changes to a state that a person asks for, not a program: a snapshot in, another out.

Nothing here talks to a cloud or a file. Semantics are those of ``pulumi state`` and ``pulumi stack
rename`` (pkg/resource/edit).
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from hoaban.engine.embedded.state import PendingOperation
from hoaban.engine.embedded.urns import STACK_TYPE, Urn
from hoaban.errors import HoabanError, Location, together

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from hoaban.engine.embedded.state import Resource, Snapshot

_NAME: Final = re.compile(r"\S+")


def chosen(snapshot: Snapshot, urn: str, id_: str = "") -> Resource:
    """The one resource of a URN; ``id_`` tells which, where a replaced one is still there too."""
    of_urn = [one for one in snapshot.resources if one.urn == urn]
    found = [one for one in of_urn if id_ in ("", one.id)]
    if len(found) == 1:
        return found[0]
    if not of_urn:
        raise HoabanError(
            "the state has no such resource",
            where=Location(urn=urn),
            mend="hoaban stack export AGENCY lists what it has, by urn",
        )
    ids = ", ".join(one.id + (" (to be deleted)" if one.delete else "") for one in of_urn)
    what = "the state has several objects of it" if not found else "several fit"
    raise HoabanError(f"{what}: {ids}", where=Location(urn=urn), mend="say which: --id ID")


def dependents(snapshot: Snapshot, roots: Collection[Resource]) -> list[Resource]:
    """All that refers to one of ``roots``, through however many steps, in the state's order."""
    gone = set(map(id, roots))
    found: list[Resource] = []
    while True:
        # A URN that another object still bears, as one that waits to be deleted, stays referred to.
        left = {one.urn for one in snapshot.resources if id(one) not in gone}
        more = [
            one
            for one in snapshot.resources
            if id(one) not in gone and not one.references() <= left
        ]
        if not more:
            order = {id(one): place for place, one in enumerate(snapshot.resources)}
            return sorted(found, key=lambda one: order[id(one)])
        gone |= set(map(id, more))
        found += more


def without(
    snapshot: Snapshot,
    resources: Sequence[Resource],
    *,
    with_dependents: bool = False,
    unprotect: bool = False,
) -> tuple[Snapshot, list[Resource]]:
    """A snapshot without some resources, and what left it.

    Refuses what others depend on, unless these go too, and what is protected.
    """
    followers = dependents(snapshot, resources)
    if followers and not with_dependents:
        told = "\n".join(one.urn for one in followers)
        raise HoabanError(
            f"{len(followers)} resources depend on it",
            where=Location(urn=resources[0].urn),
            mend="take these out first, or all together: --target-dependents",
            detail=told,
        )
    gone = [*resources, *followers]
    guarded = [one for one in gone if one.protect and not unprotect]
    if guarded:
        raise _all_of([
            HoabanError(
                "it is protected", where=Location(urn=one.urn),
                mend=f"hoaban state unprotect '{one.urn}', or --force",
            )
            for one in guarded
        ])  # fmt: skip
    known = set(map(id, gone))
    left = [one for one in snapshot.resources if id(one) not in known]
    return replace(snapshot, resources=left), gone


def unprotected(
    snapshot: Snapshot, urns: Collection[str] | None
) -> tuple[Snapshot, list[Resource]]:
    """A snapshot in which these are not protected (all when None), and which were."""
    present = {one.urn for one in snapshot.resources}
    missing = sorted(set(urns or ()) - present)
    if missing:
        chosen(snapshot, missing[0])
    lifted = [one for one in snapshot.resources if one.protect and (not urns or one.urn in urns)]
    known = set(map(id, lifted))
    resources = [
        replace(one, protect=False) if id(one) in known else one for one in snapshot.resources
    ]
    return replace(snapshot, resources=resources), lifted


def renamed(snapshot: Snapshot, urn: str, name: str) -> tuple[Snapshot, str]:
    """A snapshot in which a resource has another name, everywhere; and its new URN."""
    chosen(snapshot, urn)
    old = Urn.parse(urn)
    if old.type == STACK_TYPE:
        raise HoabanError(
            "the stack's own resource has the stack's name",
            where=Location(urn=urn),
            mend="rename the stack: hoaban stack rename",
        )
    if not _NAME.fullmatch(name):
        raise HoabanError(f"not a name: {name!r}", mend="a name has no spaces")
    new = str(replace(old, name=name))
    if any(one.urn == new for one in snapshot.resources):
        raise HoabanError("there is one of that name already", where=Location(urn=new))
    _refuse_pending(snapshot, {urn})
    return _rewritten(snapshot, lambda one: new if one == urn else one), new


def moved(snapshot: Snapshot, project: str, old: str, new: str) -> Snapshot:
    """A snapshot as that of the stack ``new`` of the project, which was called ``old``."""

    def change(text: str) -> str:
        urn = Urn.parse(text)
        if (urn.project, urn.stack) != (project, old):
            return text
        own = urn.type == STACK_TYPE and urn.name == f"{project}-{old}"
        return str(replace(urn, stack=new, name=f"{project}-{new}" if own else urn.name))

    _refuse_pending(snapshot, None)
    return _rewritten(snapshot, change, aliases=True)


def _refuse_pending(snapshot: Snapshot, urns: Collection[str] | None) -> None:
    """The key by which an interrupted create is found again is made of stack and URN."""
    for one in snapshot.pending:
        if urns is None or one.resource.urn in urns:
            raise HoabanError(
                f"an interrupted run was {one.type} it, and nobody knows yet how that ended",
                where=Location(urn=one.resource.urn),
                mend="hoaban refresh AGENCY finds out; rename after that",
            )


def _rewritten(
    snapshot: Snapshot, change: Callable[[str], str], *, aliases: bool = False
) -> Snapshot:
    def each(one: Resource) -> Resource:
        return _with_urns(one, change, aliases=aliases)

    return replace(
        snapshot,
        resources=[each(one) for one in snapshot.resources],
        pending=[PendingOperation(each(one.resource), one.type) for one in snapshot.pending],
    )


def _with_urns(one: Resource, change: Callable[[str], str], *, aliases: bool) -> Resource:
    provider, _, id_ = one.provider.rpartition("::")
    by_property = one.property_dependencies
    return replace(
        one,
        urn=change(one.urn),
        parent=change(one.parent) if one.parent else "",
        deleted_with=change(one.deleted_with) if one.deleted_with else "",
        replace_with=tuple(map(change, one.replace_with)),
        dependencies=tuple(map(change, one.dependencies)),
        property_dependencies={key: list(map(change, by_property[key])) for key in by_property},
        provider=f"{change(provider)}::{id_}" if provider else "",
        aliases=tuple(map(change, one.aliases)) if aliases else one.aliases,
    )


def _all_of(errors: Sequence[HoabanError]) -> HoabanError:
    return together(errors)
