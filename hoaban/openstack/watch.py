"""Resource types whose objects take a while to become what was asked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hoaban.openstack.poll import Poller
from hoaban.openstack.rest import Rest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from hoaban.openstack.call import Call

Json = dict[str, Any]


@dataclass(kw_only=True, eq=False)
class Watched(Rest):
    """A type of which all waits in a region share one list of its objects."""

    def watch(
        self, call: Call, id_: str, done: Callable[[Json | None], bool], late: str
    ) -> Json | None:
        """Wait until ``done`` says so of the object (None: it is gone), and return it.

        ``late`` is what is said of an object that takes longer than the call may.
        """

        def fetch(ids: Iterable[str]) -> Mapping[str, Json | None]:
            wanted = set(ids)
            if len(wanted) == 1:
                return {one: self.get(call, one) for one in wanted}
            listed = {item["id"]: item for item in self.listing(call, {})}
            return {one: listed[one] if one in listed else self.get(call, one) for one in wanted}

        def make() -> Poller:
            return Poller(fetch, cancelled=lambda: call.cloud.cancelled)

        poller = call.shared.keep(("poller", self.token, call.region), make)
        try:
            return poller.wait(id_, done, deadline=call.deadline)
        except TimeoutError:
            raise call.timed_out(late) from None
