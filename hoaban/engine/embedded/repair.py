"""Putting a state right that is not valid, as far as that needs no guess."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from hoaban.engine.embedded.contents import put_right
from hoaban.engine.embedded.order import in_order
from hoaban.engine.embedded.urns import is_provider, provider_urn
from hoaban.engine.embedded.verify import problems

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hoaban.engine.embedded.state import Resource


@dataclass(slots=True)
class Repair:
    """Resources put right, what was done to them in words, and what is still wrong."""

    resources: list[Resource]
    done: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)


def repaired(resources: Sequence[Resource]) -> Repair:
    """Drop doubles and what has no id, mend references to providers, drop dangling ones, reorder.

    What would need a guess (a provider that is nowhere, two live objects of one URN) is left and
    told. A resource whose parent is gone keeps its URN: the program still calls it so.
    """
    repair = Repair(list(resources))
    _drop_empty(repair)
    _drop_doubles(repair)
    _mend_providers(repair)
    _drop_dangling(repair)
    _reorder(repair)
    repair.left = problems(repair.resources)
    return repair


def _drop_empty(repair: Repair) -> None:
    kept = []
    for one in repair.resources:
        if one.custom and not one.id and not one.pending_replacement:
            repair.done.append(f"{one.urn} had no id, so stood for nothing: taken out")
        else:
            kept.append(one)
    repair.resources = kept


def _drop_doubles(repair: Repair) -> None:
    kept: list[Resource] = []
    seen: set[tuple[str, str, bool]] = set()
    for one in repair.resources:
        what = (one.urn, one.id, one.delete)
        if what in seen:
            repair.done.append(f"{one.urn} ({one.id or 'no id'}) was there twice: once now")
            continue
        seen.add(what)
        kept.append(one)
    repair.resources = kept


def _mend_providers(repair: Repair) -> None:
    ids: dict[str, list[str]] = {}
    for one in repair.resources:
        if is_provider(one.type):
            ids.setdefault(one.urn, []).append(one.id)
    for place, one in enumerate(repair.resources):
        urn, _, id_ = one.provider.rpartition("::")
        have = ids.get(urn, [])
        if one.provider and id_ not in have and len(have) == 1:
            repair.resources[place] = replace(one, provider=f"{urn}::{have[0]}")
            repair.done.append(f"{one.urn} named its provider by an id it no longer has: mended")


def _drop_dangling(repair: Repair) -> None:
    present = {one.urn for one in repair.resources}
    for one in repair.resources:
        repair.done += [
            f"{one.urn} referred to {other}, which is not there: reference dropped"
            for other in sorted(one.references() - present - {provider_urn(one.provider)})
        ]
    repair.resources = put_right(repair.resources, {})


def _reorder(repair: Repair) -> None:
    """Each after all that it refers to; otherwise in the order there was."""
    ordered = in_order(repair.resources)
    later = [a for a, b in zip(ordered, repair.resources, strict=True) if a is not b]
    if later:
        repair.done.append(f"reordered: {later[0].urn} and what it belongs with stood elsewhere")
    repair.resources = ordered
