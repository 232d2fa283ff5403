"""Resource types whose objects live under another object's path: a rule of a policy, a member."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from hoaban.engine.provider import ResourceState
from hoaban.openstack.errors import CloudError
from hoaban.openstack.rest import Rest

if TYPE_CHECKING:
    from typing import Self

    from hoaban.engine.values import PropertyMap
    from hoaban.openstack.call import Call

Json = dict[str, Any]


@dataclass(kw_only=True, eq=False)
class Nested(Rest):
    """A collection of its own under each ``parent``, whose id takes the place of ``{parent}``.

    ``parent`` is the property that names it. ``compound``: the resource's id is
    ``parent/child``, else the child's alone; both are read, so that an import can name the parent.
    ``owner`` is the parent's id in the copy of the type that deals with one parent.
    """

    parent: str
    compound: bool = True
    owner: str = ""

    def under(self, owner: str) -> Self:
        """The type as it is under one parent: a collection like any other."""
        paths = {name: getattr(self, name).format(parent=owner) for name in ("path", "list_path")}
        return replace(self, owner=owner, **paths)

    def owner_of(self, call: Call, props: PropertyMap) -> str:
        """The parent's id, from properties."""
        return str(props.get(self.parent) or "")

    def create(self, call: Call, inputs: PropertyMap) -> ResourceState:
        """Ask for the object under its parent."""
        if self.owner:
            return super().create(call, inputs)
        return self.under(self.owner_of(call, inputs)).create(call, inputs)

    def find(self, call: Call, inputs: PropertyMap) -> ResourceState | None:
        """What an interrupted create left under the parent."""
        if self.owner:
            return super().find(call, inputs)
        return self.under(self.owner_of(call, inputs)).find(call, inputs)

    def read(self, call: Call, id_: str, state: ResourceState | None) -> ResourceState | None:
        """The object as it is; gone when its parent is."""
        if self.owner:
            return super().read(call, id_, state)
        owner, child = self.parts(call, id_, state.outputs if state else {})
        return self.under(owner).read(call, child, state)

    def update(
        self, call: Call, id_: str, state: ResourceState, news: PropertyMap, changed: set[str]
    ) -> ResourceState:
        """Change the object under its parent."""
        if self.owner:
            return super().update(call, id_, state, news, changed)
        owner, child = self.parts(call, id_, state.outputs)
        state = ResourceState(child, state.outputs, state.inputs)
        return self.under(owner).update(call, child, state, news, changed)

    def delete(self, call: Call, id_: str, state: ResourceState) -> None:
        """Remove the object; it may have gone with its parent."""
        if self.owner:
            super().delete(call, id_, state)
            return
        owner, child = self.parts(call, id_, state.outputs)
        self.under(owner).delete(call, child, state)

    def parts(self, call: Call, id_: str, outputs: PropertyMap) -> tuple[str, str]:
        """The parent's id and the child's."""
        owner, _, child = id_.rpartition("/")
        owner = owner or self.owner_of(call, outputs)
        if not owner:
            raise CloudError(
                f"{id_} does not say of which {self.parent} it is",
                mend=f"give the id as <{self.parent}>/<id>",
            )
        return owner, child

    def state(self, call: Call, found: Json, prior: PropertyMap) -> ResourceState:
        """The object as a state, which names its parent."""
        state = super().state(call, found, prior)
        if any(spec.name == self.parent for spec in self.fields):
            state.outputs[self.parent] = self.owner
        return ResourceState(self.full_id(found), state.outputs, state.inputs)

    def full_id(self, found: Json) -> str:
        """The id of the resource."""
        child = self.id_of(found)
        return f"{self.owner}/{child}" if self.compound else child
