"""A state by numbers: what a journal's lines are about, and how they are applied again."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from hoaban.engine.embedded.state import PendingOperation, Snapshot

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from hoaban.engine.embedded.checkpoint import Codec
    from hoaban.engine.embedded.journal import JournalContent
    from hoaban.engine.embedded.state import Resource


@dataclass(slots=True)
class Contents:
    """Resources by number: those registered, those of before. Pending operations by number."""

    registered: dict[int, Resource] = field(default_factory=dict)
    before: dict[int, Resource] = field(default_factory=dict)
    pending: dict[int, PendingOperation] = field(default_factory=dict)
    next_number: int = 0

    @classmethod
    def of(cls, snapshot: Snapshot, registered: int = 0) -> Contents:
        """Number a snapshot; the first ``registered`` count as registered."""
        numbered = dict(enumerate(snapshot.resources))
        contents = cls(
            {n: one for n, one in numbered.items() if n < registered},
            {n: one for n, one in numbered.items() if n >= registered},
            next_number=len(numbered),
        )
        for pending in snapshot.pending:
            contents.pending[contents.take()] = pending
        return contents

    def take(self) -> int:
        """A number nobody has."""
        number = self.next_number
        self.next_number += 1
        return number

    def resources(self) -> list[Resource]:
        """All resources in order."""
        return [*self.registered.values(), *self.before.values()]

    def reorder(self, places: Sequence[int]) -> None:
        """Put resources in another order, given by their places in :meth:`resources`.

        What then stands before something registered counts as registered too.
        """
        numbers = [*self.registered, *self.before]
        everything = self.registered | self.before
        order = [numbers[place] for place in places]
        last = max((n for n, number in enumerate(order) if number in self.registered), default=-1)
        self.registered = {number: everything[number] for number in order[: last + 1]}
        self.before = {number: everything[number] for number in order[last + 1 :]}

    def replay(self, content: JournalContent, codec: Codec) -> None:
        """Apply the changes of a journal that was begun on these contents."""
        for change in content.changes:
            if "number" in change:
                self.next_number = max(self.next_number, change["number"] + 1)
            if "pending" in change:
                resource = codec.resource(change["resource"])
                self.pending[change["number"]] = PendingOperation(resource, change["pending"])
                continue
            self.pending.pop(change.get("end", -1), None)
            for number in change.get("drop", ()):
                self.registered.pop(number, None)
                self.before.pop(number, None)
            if "keep" in change:
                self.registered[change["number"]] = self.before.pop(change["keep"])
            elif "append" in change:
                self.next_number = max(self.next_number, change["append"] + 1)
                self.before[change["append"]] = codec.resource(change["resource"])
            elif "resource" in change and "at" in change:
                half = self.registered if change["at"] in self.registered else self.before
                half[change["at"]] = codec.resource(change["resource"])
            elif "resource" in change:
                self.registered[change["number"]] = codec.resource(change["resource"])
            if "put" in change:
                number, body = change["put"]
                self.registered.pop(number, None)
                self.before[number] = codec.resource(body)


def put_right(resources: Sequence[Resource], aliased: Mapping[str, str]) -> list[Resource]:
    """Resources whose references to URNs that are no more are those URNs' new ones, or left out.

    ``aliased`` tells new URNs by old ones.
    """
    present = {one.urn for one in resources}
    return [
        one if one.references() <= present else _clean(one, present, aliased) for one in resources
    ]


def _clean(resource: Resource, present: set[str], aliased: Mapping[str, str]) -> Resource:
    def known(urn: str) -> str:
        urn = urn if urn in present else aliased.get(urn, urn)
        return urn if urn in present else ""

    def all_known(urns: Iterable[str]) -> tuple[str, ...]:
        return tuple(dict.fromkeys(filter(None, map(known, urns))))

    provider, _, id_ = resource.provider.rpartition("::")
    by_property = resource.property_dependencies
    return replace(
        resource,
        parent=known(resource.parent),
        deleted_with=known(resource.deleted_with),
        replace_with=all_known(resource.replace_with),
        dependencies=all_known(resource.dependencies),
        property_dependencies={key: list(all_known(by_property[key])) for key in by_property},
        provider=f"{known(provider) or provider}::{id_}" if provider else "",
    )
