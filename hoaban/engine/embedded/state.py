"""A stack's state: typed resources, and what else a checkpoint holds.

Resources are never changed in place: a changed one is a copy, so that its JSON text can be kept
with it and a checkpoint of a thousand resources costs little more than joining strings.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from hoaban.errors import HoabanError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from hoaban.engine.values import PropertyMap, PropertyValue


def timestamp() -> str:
    """Now, as Go writes it (RFC 3339, UTC)."""
    return datetime.now(UTC).isoformat().replace("+00:00", "Z")


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Limits of one resource's calls in seconds; 0 is the provider's default."""

    create: float = 0
    update: float = 0
    delete: float = 0
    read: float = 0

    def __bool__(self) -> bool:
        return bool(self.create or self.update or self.delete or self.read)


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """One resource of a state, field by field as in ``apitype.ResourceV3``.

    ``delete`` marks an object that was replaced and waits to be deleted; ``pending_replacement``
    one that was deleted and waits to be made again; ``external`` one that is read, not managed.
    ``hooks`` are names of the program's hooks by their kind (``before_delete``).
    ``extra`` are fields that this engine does not use and must not lose.
    """

    urn: str
    custom: bool
    delete: bool = False
    id: str = ""
    type: str
    inputs: PropertyMap = field(default_factory=dict)
    outputs: PropertyMap = field(default_factory=dict)
    parent: str = ""
    protect: bool = False
    taint: bool = False
    external: bool = False
    dependencies: tuple[str, ...] = ()
    init_errors: tuple[str, ...] = ()
    provider: str = ""
    property_dependencies: Mapping[str, Sequence[str]] = field(default_factory=dict)
    pending_replacement: bool = False
    additional_secret_outputs: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    custom_timeouts: Timeouts = field(default_factory=Timeouts)
    import_id: str = ""
    retain_on_delete: bool = False
    deleted_with: str = ""
    replace_with: tuple[str, ...] = ()
    created: str = ""
    modified: str = ""
    source_position: str = ""
    ignore_changes: tuple[str, ...] = ()
    hide_diff: tuple[str, ...] = ()
    replace_on_changes: tuple[str, ...] = ()
    replacement_trigger: PropertyValue = None
    refresh_before_update: bool = False
    hooks: Mapping[str, Sequence[str]] = field(default_factory=dict)
    extra: Mapping[str, Any] = field(default_factory=dict, compare=False)
    text: list[str] = field(default_factory=list, init=False, compare=False, repr=False)

    def references(self) -> set[str]:
        """URNs of all that must stand before this resource in a state."""
        found = {self.parent, self.deleted_with, self.provider.rpartition("::")[0]}
        found.update(self.dependencies)
        found.update(self.replace_with)
        for urns in self.property_dependencies.values():
            found.update(urns)
        found.discard("")
        return found


@dataclass(frozen=True, slots=True)
class PendingOperation:
    """A call that was under way: ``type`` is creating, updating, deleting, reading, importing."""

    resource: Resource
    type: str


@dataclass(slots=True)
class Snapshot:
    """All that a checkpoint holds. ``salt`` is that of the passphrase its secrets are under."""

    resources: list[Resource] = field(default_factory=list)
    pending: list[PendingOperation] = field(default_factory=list)
    salt: str = ""
    metadata: Mapping[str, Any] = field(default_factory=dict)
    extra: Mapping[str, Any] = field(default_factory=dict)

    def find(self, urn: str) -> Resource | None:
        """The live resource of a URN."""
        return next((one for one in self.resources if one.urn == urn and not one.delete), None)


class StateFormatError(HoabanError):
    """A checkpoint that is not one, or holds what this engine does not know."""
