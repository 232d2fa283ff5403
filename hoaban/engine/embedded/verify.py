"""What must hold of every state, checked before one is committed and after one is read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hoaban.engine.embedded.state import StateFormatError
from hoaban.engine.embedded.urns import is_provider, provider_urn

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hoaban.engine.embedded.state import Resource


def problems(resources: Iterable[Resource]) -> list[str]:
    """What is wrong with a list of resources; empty when nothing is.

    Each resource stands after all it refers to; no two live ones share a URN; each custom resource
    names a provider that stands before it, by URN and id.
    """
    found: list[str] = []
    seen: set[str] = set()
    live: set[str] = set()
    providers: set[str] = set()
    for resource in resources:
        urn = resource.urn
        if not resource.delete and urn in live:
            found.append(f"{urn} is there twice")
        found += [
            f"{urn} refers to {other}, which does not stand before it"
            for other in sorted(resource.references() - seen)
            if not (resource.provider and other == provider_urn(resource.provider))
        ]
        if resource.provider and resource.provider not in providers:
            found.append(f"{urn} names the provider {resource.provider}, which is not there")
        if resource.custom and not resource.id and not resource.pending_replacement:
            found.append(f"{urn} has no id")
        if is_provider(resource.type):
            providers.add(f"{urn}::{resource.id}")
        seen.add(urn)
        if not resource.delete:
            live.add(urn)
    return found


def check(resources: Iterable[Resource]) -> None:
    """Raise :class:`StateFormatError` with the first problems found."""
    found = problems(resources)
    if found:
        more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
        raise StateFormatError(found[0] + more)
