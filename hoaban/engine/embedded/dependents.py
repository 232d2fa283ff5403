"""What must go before something that is deleted before its replacement is made."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from hoaban.engine.embedded.properties import contains_unknown
from hoaban.engine.embedded.urns import provider_urn
from hoaban.engine.provider import DiffKind, DiffResult
from hoaban.engine.values import UNKNOWN

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hoaban.engine.embedded.state import Resource
    from hoaban.engine.values import PropertyMap


class Differ(Protocol):
    """Asks a resource's provider how new inputs differ from its state."""

    def diff(self, old: Resource, inputs: PropertyMap) -> DiffResult:
        """The difference; inputs may hold unknowns."""


def dependent_replacements(
    root: Resource, others: Iterable[Resource], differ: Differ
) -> list[tuple[Resource, DiffResult]]:
    """What must be replaced, and so be deleted before, when ``root`` is deleted first.

    Of ``others`` (in the state's order, after ``root``) each that depends on it, through however
    many steps, and that its provider would replace were the properties unknown that come of
    replaced ones. With each the reason.
    """
    reached, replaced = {root.urn}, {root.urn}
    found: list[tuple[Resource, DiffResult]] = []
    for one in others:
        provider = provider_urn(one.provider)
        if not reached & {*one.dependencies, *one.replace_with, provider}:
            continue
        reached.add(one.urn)
        diff = _forced_by(one, provider, replaced, differ)
        if diff.replaces:
            found.append((one, diff))
            replaced.add(one.urn)
    return found


def _forced_by(one: Resource, provider: str, replaced: set[str], differ: Differ) -> DiffResult:
    if not one.custom or one.external:
        return DiffResult()
    if provider in replaced:
        return DiffResult({"provider": DiffKind.UPDATE_REPLACE})
    if not replaced.isdisjoint(one.replace_with):
        return DiffResult({"replaceWith": DiffKind.UPDATE_REPLACE})
    inputs = {
        key: UNKNOWN if replaced.intersection(one.property_dependencies.get(key, ())) else value
        for key, value in one.inputs.items()
    }
    return differ.diff(one, inputs) if contains_unknown(inputs) else DiffResult()
