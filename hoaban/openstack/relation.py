"""Resource types that only say that one thing has to do with another: access, membership."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hoaban.engine.provider import ResourceState
from hoaban.openstack.patience import unless_gone
from hoaban.openstack.resource import Resource

if TYPE_CHECKING:
    from hoaban.engine.values import PropertyMap
    from hoaban.openstack.call import Call

Json = dict[str, Any]


@dataclass(kw_only=True, eq=False)
class Relation(Resource):
    """A pair of ids, which are the properties ``pair``; the resource's id is ``one/other``."""

    pair: tuple[str, str]
    alone: bool = True

    @abstractmethod
    def add(self, call: Call, one: str, other: str) -> None:
        """Make it so."""

    @abstractmethod
    def take_away(self, call: Call, one: str, other: str) -> None:
        """Make it so no more."""

    @abstractmethod
    def is_so(self, call: Call, one: str, other: str) -> bool:
        """Whether it is so."""

    def create(self, call: Call, inputs: PropertyMap) -> ResourceState:
        """Make it so."""
        one, other = (inputs[name] for name in self.pair)
        self.add(call, one, other)
        return self._state(call, one, other)

    def read(self, call: Call, id_: str, state: ResourceState | None) -> ResourceState | None:
        """Whether it is so."""
        one, _, other = id_.partition("/")
        if not self.is_so(call, one, other):
            return None
        return self.seen(id_, self._state(call, one, other).outputs, state)

    def find(self, call: Call, inputs: PropertyMap) -> ResourceState | None:
        """What an interrupted create made so."""
        one, other = (inputs[name] for name in self.pair)
        return self._state(call, one, other) if self.is_so(call, one, other) else None

    def delete(self, call: Call, id_: str, state: ResourceState) -> None:
        """Make it so no more."""
        one, _, other = id_.partition("/")
        with unless_gone():
            self.take_away(call, one, other)

    def _state(self, call: Call, one: str, other: str) -> ResourceState:
        outputs = {**dict(zip(self.pair, (one, other), strict=True)), "region": call.region_name}
        return ResourceState(f"{one}/{other}", outputs)


@dataclass(kw_only=True, eq=False)
class ProjectAccess(Relation):
    """A project's right to use what is not public, given and taken away by actions on that."""

    service: str
    path: str
    """Of the collection: ``/flavors``."""
    argument: str
    """What the actions call a project: ``addTenantAccess: {tenant: ID}``."""
    listing: str
    """Below the thing's own path, who may use it."""
    collection: str

    def add(self, call: Call, one: str, other: str) -> None:
        """Let the project use it."""
        self._act("add", call, one, other)

    def take_away(self, call: Call, one: str, other: str) -> None:
        """Let the project use it no more."""
        self._act("remove", call, one, other)

    def is_so(self, call: Call, one: str, other: str) -> bool:
        """Whether the project may use it."""
        found = call.find(self.service, f"{self.path}/{one}/{self.listing}") or {}
        projects = (item[f"{self.argument}_id"] for item in found.get(self.collection, []))
        return other in projects

    def _act(self, verb: str, call: Call, one: str, project: str) -> None:
        action = f"{verb}{self.argument.capitalize()}Access"
        body = {action: {self.argument: project}}
        call.request(self.service, "POST", f"{self.path}/{one}/action", body)
