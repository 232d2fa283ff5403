"""The import file of what a plan would make, for whoever knows that some of it is there already.

As ``pulumi preview --import-file`` writes it (pkg/cmd/pulumi/operations/io.go): all is filled in
but the ids.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hoaban.engine.embedded.defaults import is_default
from hoaban.engine.embedded.urns import STACK_TYPE, is_provider, name_of, provider_urn, type_of
from hoaban.engine.imports import PLACEHOLDER

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pulumi.automation.events import EngineEvent


def draft(events: Iterable[EngineEvent]) -> dict[str, Any]:
    """The file's content; ``events`` are a preview's."""
    told = (one.res_outputs_event for one in events)
    creates = [
        one.metadata
        for one in told
        if one is not None
        and getattr(one.metadata.op, "value", one.metadata.op) == "create"
        and one.metadata.type != STACK_TYPE
        and not is_provider(one.metadata.type)
    ]
    creates.sort(key=lambda step: (step.urn.count("$"), step.urn))  # parents first, always alike
    names = _Names()
    for step in creates:
        names.of(step.urn)
    table: dict[str, str] = {}
    resources = []
    made = {step.urn for step in creates}
    for step in creates:
        new = step.new
        assert new is not None  # noqa: S101 (a create leads to a state)
        name, logical = names.of(step.urn), name_of(step.urn)
        entry: dict[str, Any] = {"type": step.type, "name": name}
        if name != logical:
            entry["logicalName"] = logical
        if new.custom:
            entry["id"] = PLACEHOLDER
        else:
            entry["component"] = True
        if new.parent and type_of(new.parent) != STACK_TYPE:
            entry["parent"] = names.of(new.parent)
            if new.parent not in made:
                table[entry["parent"]] = new.parent
        provider = provider_urn(new.provider or "")
        if provider and not is_default(provider):
            entry["provider"] = names.of(provider)
            table[entry["provider"]] = provider
        resources.append(entry)
    return {"nameTable": table, "resources": resources}


class _Names:
    """A name of its own for each URN: the resource's, with a number where others have it."""

    def __init__(self) -> None:
        self._by_urn: dict[str, str] = {}
        self._taken: set[str] = set()

    def of(self, urn: str) -> str:
        if urn not in self._by_urn:
            plain = name_of(urn)
            found, number = plain, 1
            while found in self._taken:
                number += 1
                found = f"{plain}_{number}"
            self._taken.add(found)
            self._by_urn[urn] = found
        return self._by_urn[urn]
