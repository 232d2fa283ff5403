"""What a plan is made of: goals that a program states, and steps that lead there."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pulumi.automation.events import OpType

from hoaban.engine.embedded.state import Resource, Timeouts
from hoaban.engine.provider import DiffKind, DiffResult

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from hoaban.engine.values import PropertyMap, PropertyValue


@dataclass(frozen=True, slots=True, kw_only=True)
class Goal:
    """One registration of a program: a resource as it should be.

    ``aliases`` are the URNs it may have had before. ``delete_before_replace`` is None where the
    program leaves it to the provider.
    """

    urn: str
    type: str
    name: str
    custom: bool
    inputs: PropertyMap
    parent: str = ""
    provider: str = ""
    dependencies: tuple[str, ...] = ()
    property_dependencies: Mapping[str, Sequence[str]] = field(default_factory=dict)
    protect: bool = False
    ignore_changes: tuple[str, ...] = ()
    delete_before_replace: bool | None = None
    replace_on_changes: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    additional_secret_outputs: tuple[str, ...] = ()
    custom_timeouts: Timeouts = field(default_factory=Timeouts)
    retain_on_delete: bool = False
    deleted_with: str = ""
    replace_with: tuple[str, ...] = ()
    replacement_trigger: PropertyValue = None
    hooks: Mapping[str, Sequence[str]] = field(default_factory=dict)
    import_id: str = ""
    hide_diff: tuple[str, ...] = ()
    source_position: str = ""

    def resource(self, inputs: PropertyMap) -> Resource:
        """The state that this goal leads to; id and outputs come of the step."""
        return Resource(
            urn=self.urn,
            custom=self.custom,
            type=self.type,
            inputs=inputs,
            parent=self.parent,
            protect=self.protect,
            dependencies=self.dependencies,
            provider=self.provider,
            property_dependencies=self.property_dependencies,
            additional_secret_outputs=self.additional_secret_outputs,
            aliases=self.aliases,
            custom_timeouts=self.custom_timeouts,
            import_id=self.import_id,
            retain_on_delete=self.retain_on_delete,
            deleted_with=self.deleted_with,
            replace_with=self.replace_with,
            source_position=self.source_position,
            ignore_changes=self.ignore_changes,
            hide_diff=self.hide_diff,
            replace_on_changes=self.replace_on_changes,
            replacement_trigger=self.replacement_trigger,
            hooks=self.hooks,
        )


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a plan. ``old`` is the state before, ``new`` the one it leads to.

    With ``keeps_old`` the old state is not done with: after a create it waits for its object to be
    deleted, after a delete for its object to be made again.
    """

    op: OpType
    urn: str
    old: Resource | None = None
    new: Resource | None = None
    diff: DiffResult = field(default_factory=DiffResult)
    keeps_old: bool = False

    @property
    def resource(self) -> Resource:
        """The state that the step is about: the new one, else the old one."""
        found = self.new or self.old
        assert found is not None  # noqa: S101 (no step has neither)
        return found

    @property
    def logical(self) -> bool:
        """Whether it only tells the person something, and does nothing."""
        return self.op is OpType.REPLACE

    @property
    def properties(self) -> list[str]:
        """Names of the properties that differ, each once."""
        return list(dict.fromkeys(top_level(path) for path in self.diff.changes))

    @property
    def keys(self) -> list[str]:
        """Names of the properties that force a replacement."""
        return list(dict.fromkeys(top_level(path) for path in self.diff.replaces))


def top_level(path: str) -> str:
    """The property that a path begins with."""
    return path.partition(".")[0].partition("[")[0] or path


def compare(olds: PropertyMap, news: PropertyMap) -> DiffResult:
    """Differences between two maps by their top-level properties: how components are compared."""
    changes: dict[str, DiffKind] = {}
    for key in [*olds, *(key for key in news if key not in olds)]:
        if key not in news:
            changes[key] = DiffKind.DELETE
        elif key not in olds:
            changes[key] = DiffKind.ADD
        elif olds[key] != news[key]:
            changes[key] = DiffKind.UPDATE
    return DiffResult(changes)
