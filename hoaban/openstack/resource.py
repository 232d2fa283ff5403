"""What every resource type can do, and what previews tell of it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from hoaban.engine.provider import CheckFailure, CheckResult, DiffResult, ResourceState
from hoaban.engine.values import UNKNOWN
from hoaban.openstack import check, diff
from hoaban.openstack.schema import Field, has_unknown, is_zero

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hoaban.engine.values import PropertyMap
    from hoaban.openstack.call import Call
    from hoaban.openstack.diff import Changes

META = "__meta"


@dataclass(kw_only=True, eq=False)
class Resource(ABC):
    """A resource type.

    ``label`` is what people call it. ``alone``: two of it cannot exist at once (the cloud knows it
    by its content), so the old one is deleted before its replacement is made. ``timeout`` is in
    seconds. ``telling``: computed inputs that say what an object is, so that an import tells them.
    """

    token: str
    label: str
    fields: tuple[Field, ...]
    alone: bool = False
    timeout: float = 600.0
    meta: str = ""
    telling: tuple[str, ...] = ()

    @property
    def named(self) -> bool:
        """Whether a name is made up when none is given."""
        return any(spec.name == check.NAME and not spec.output for spec in self.fields)

    @property
    def secret_names(self) -> frozenset[str]:
        """Properties that are secret whatever the program says."""
        return frozenset(spec.name for spec in self.fields if spec.secret)

    def check(self, urn: str, olds: PropertyMap, news: PropertyMap) -> CheckResult:
        """Check inputs and fill in defaults."""
        result = check.check_inputs(self.fields, urn, olds, news, named=self.named)
        if result.failures:
            return result
        return CheckResult(result.inputs, self.validate(result.inputs))

    def validate(self, inputs: PropertyMap) -> Sequence[CheckFailure]:
        """Faults that only show when several inputs are seen together."""
        return ()

    def diff(
        self, state: ResourceState, news: PropertyMap, ignore_changes: Sequence[str]
    ) -> DiffResult:
        """Compare inputs with the state in store."""
        changes = diff.compare(self.fields, state.outputs, news)
        self.amend(changes, state, news)
        changes = diff.without_ignored(changes, ignore_changes)
        result = DiffResult(changes)
        if result.replaces and (self.clashes(changes) or self._name_given(news)):
            return replace(result, delete_before_replace=True)
        return result

    def amend(  # noqa: B027 - most types have nothing to add
        self, changes: Changes, state: ResourceState, news: PropertyMap
    ) -> None:
        """Add to or take from the changes what this type knows better."""

    def clashes(self, changes: Changes) -> bool:
        """Whether the new object cannot be made while the old one is there."""
        return self.alone

    @abstractmethod
    def create(self, call: Call, inputs: PropertyMap) -> ResourceState:
        """Make the object."""

    @abstractmethod
    def read(self, call: Call, id_: str, state: ResourceState | None) -> ResourceState | None:
        """The object as it is, None when it is gone."""

    def passing(self, name: str, outputs: PropertyMap) -> bool:
        """Whether a property is only for a moment as a look at the object found it."""
        return False

    @abstractmethod
    def find(self, call: Call, inputs: PropertyMap) -> ResourceState | None:
        """What an interrupted create left behind, by ``call.key`` or by what the cloud knows."""

    def update(
        self, call: Call, id_: str, state: ResourceState, news: PropertyMap, changed: set[str]
    ) -> ResourceState:
        """Change the properties ``changed``; finish what an earlier call began when none is.

        Of a type of which every change makes a new object, there is nothing to do.
        """
        return state

    @abstractmethod
    def delete(self, call: Call, id_: str, state: ResourceState) -> None:
        """Remove the object."""

    def preview_create(self, inputs: PropertyMap, region: str | None) -> PropertyMap:
        """Outputs as far as they can be told before anything is made."""
        outputs: PropertyMap = {}
        for spec in self.fields:
            if spec.name in inputs and not spec.output:
                outputs[spec.name] = self.shown(spec, inputs)
            elif spec.name == "region":
                outputs[spec.name] = UNKNOWN if region is None else region
            elif spec.output or spec.computed:
                outputs[spec.name] = UNKNOWN
        return outputs

    def preview_update(
        self, state: ResourceState, news: PropertyMap, changed: set[str]
    ) -> PropertyMap:
        """Outputs after an update, as far as they can be told."""
        outputs = dict(state.outputs)
        for spec in self.fields:
            if spec.name in changed and not spec.output:
                outputs[spec.name] = self.shown(spec, news)
            elif changed.intersection(spec.follows):
                outputs[spec.name] = UNKNOWN
        return {name: value for name, value in outputs.items() if value is not None}

    def shown(self, spec: Field, inputs: PropertyMap) -> object:
        """An input as it appears among the outputs."""
        return inputs.get(spec.name, spec.default)

    def seen(self, id_: str, outputs: PropertyMap, state: ResourceState | None) -> ResourceState:
        """What a read found, with inputs that say it."""
        return ResourceState(id_, outputs, self.inputs_of(outputs, state))

    def inputs_of(self, outputs: PropertyMap, state: ResourceState | None) -> PropertyMap:
        """Inputs that say what was read: the old ones, with what has changed since."""
        by_name = {spec.name: spec for spec in self.fields if not spec.output}
        if state is None or not state.inputs:
            told = {
                name: outputs[name]
                for name, spec in by_name.items()
                if name != "region"
                and not is_zero(outputs.get(name))
                and (
                    spec.required or not spec.computed or name in self.telling or name == check.NAME
                )
            }
            return {**told, check.DEFAULTS: []}
        inputs = dict(state.inputs)
        for name, value in state.inputs.items():
            spec = by_name.get(name)
            if spec is None or has_unknown(value):
                continue
            before, after = state.outputs.get(name), outputs.get(name)
            if diff.normal(spec, before) != diff.normal(spec, after):
                inputs[name] = spec.zero if after is None else after
        return inputs

    def _name_given(self, news: PropertyMap) -> bool:
        """The name is the person's own, and in use until the old object is gone."""
        if not self.named or check.DEFAULTS not in news:
            return False
        return check.NAME not in news[check.DEFAULTS]
