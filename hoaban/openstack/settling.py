"""Resource types whose objects say in a status when they have become what was asked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hoaban.openstack.errors import CloudError
from hoaban.openstack.watch import Watched

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hoaban.engine.provider import ResourceState
    from hoaban.engine.values import PropertyMap
    from hoaban.openstack.call import Call

Json = dict[str, Any]


@dataclass(kw_only=True, eq=False)
class Settling(Watched):
    """A type that is waited for after each create, change and removal.

    ``status`` is the attribute that tells, ``ready`` its values when all is well, ``failed`` those
    of an object that will not get well by itself, ``gone`` of one that is only remembered.
    ``unwatched`` is the property by which a program says that it doesn't want to wait.
    """

    status: str = "status"
    ready: Sequence[str] = ("ACTIVE",)
    failed: Sequence[str] = ("ERROR",)
    gone: Sequence[str] = ("DELETED",)
    unwatched: str = ""

    def settle(self, call: Call, made: Json, inputs: PropertyMap) -> Json:
        """Tags, then the wait."""
        made = super().settle(call, made, inputs)
        return made if self._is_unwatched(inputs) else self.await_ready(call, made)

    def find(self, call: Call, inputs: PropertyMap) -> ResourceState | None:
        """What an interrupted create left; one that failed is of no use, and goes."""
        found = self.find_object(call, inputs)
        if found is None:
            return None
        if found.get(self.status) in self.failed:
            self.delete(call, self.id_of(found), self.state(call, found, inputs))
            return None
        return self.state(call, self.settle(call, found, inputs), inputs)

    def after_update(
        self, call: Call, id_: str, state: ResourceState, news: PropertyMap, changed: set[str]
    ) -> Json | None:
        """Wait until the change is done."""
        if self._is_unwatched(news):
            return None
        return self.await_ready(call, self.need(call, id_))

    def remove(self, call: Call, id_: str, state: ResourceState) -> None:
        """Ask for the removal, and wait for it."""
        super().remove(call, id_, state)
        if self._is_unwatched(state.outputs):
            return

        def done(found: Json | None) -> bool:
            if found is not None and found.get(self.status) in self.failed:
                raise self._failure(found)
            return self.is_gone(found)

        if not self.is_gone(self.get(call, id_)):
            self.watch(call, id_, done, f"{self.label} {id_} was not deleted")

    def look_up(self, call: Call, id_: str) -> Json | None:
        """One object, None when it is only remembered."""
        found = super().look_up(call, id_)
        return None if self.is_gone(found) else found

    def is_gone(self, found: Json | None) -> bool:
        """Whether there is no such object any more."""
        return found is None or found.get(self.status) in self.gone

    def await_ready(self, call: Call, found: Json) -> Json:
        """The object once it is ready."""

        def done(now: Json | None) -> bool:
            if now is None or self.is_gone(now):
                raise CloudError(f"{self.label} {id_} is gone")
            if now.get(self.status) in self.failed:
                raise self._failure(now)
            return now.get(self.status, self.ready[0]) in self.ready

        id_ = self.id_of(found)
        if done(found):
            return found
        return self.watch(call, id_, done, f"{self.label} {id_} was not ready") or found

    def _is_unwatched(self, props: PropertyMap) -> bool:
        return bool(self.unwatched and props.get(self.unwatched))

    def _failure(self, found: Json) -> CloudError:
        return CloudError(
            f"{self.label} {found.get('name') or self.id_of(found)} went into the state "
            f"{found.get(self.status)}",
            mend=f"see the log of the cloud's {self.service} service, then run this again",
        )
