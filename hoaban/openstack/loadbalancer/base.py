"""What all types of Octavia have in common: one change of a load balancer at a time.

While Octavia carries out a change, the load balancer and all that is in it are immutable. So
changes of one load balancer are made in turn, and each is waited for.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from hoaban.openstack.cloud import LOAD_BALANCER as SERVICE
from hoaban.openstack.errors import CloudError
from hoaban.openstack.nested import Nested
from hoaban.openstack.patience import when_mutable
from hoaban.openstack.schema import boolean, string_set, text
from hoaban.openstack.settling import Settling

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from hoaban.engine.provider import ResourceState
    from hoaban.openstack.call import Call

T = TypeVar("T")
Json = dict[str, Any]

NAME = text("name", computed=True, reset="")
DESCRIPTION = text("description", reset="")
ADMIN_STATE_UP = boolean("adminStateUp", default=True)
TAGS = string_set("tags")


@dataclass(kw_only=True, eq=False)
class Octavia(Settling):
    """A type of Octavia; new objects bear the mark among their tags (Octavia 2.5, Stein, 2019)."""

    service: str = SERVICE
    status: str = "provisioning_status"
    tags_in: bool = True
    all_tags: bool = True
    list_filter: Mapping[str, str] = field(default_factory=lambda: {"project_id": "{project}"})


class Balancers:
    """The types that lead from a part to its load balancer, by the attribute that names them."""

    balancer: Octavia
    kinds: Mapping[str, Octavia]


def balancer_of(call: Call, part: Json) -> str:
    """The id of the load balancer that a part (or the body that asks for one) belongs to."""
    direct = part.get("loadbalancer_id") or _first(part.get("loadbalancers"))
    if direct:
        return str(direct)
    for attribute, kind in Balancers.kinds.items():
        above = part.get(attribute) or _first(part.get(attribute.removesuffix("_id") + "s"))
        if above:
            return balancer_of(call, kind.look_up(call, str(above)) or kind.need(call, str(above)))
    raise CloudError("the cloud does not tell which load balancer this belongs to")


def _first(items: list[Json] | None) -> str | None:
    return str(items[0]["id"]) if items else None


def in_turn(call: Call, balancer: str, work: Callable[[], T]) -> T:
    """Do ``work`` to a load balancer while nothing else is done to it; wait until it is done."""
    with call.shared.lock("load balancer", balancer):
        done = when_mutable(call, work)
        kind = Balancers.balancer
        kind.changed(call)
        kind.await_ready(call, kind.need(call, balancer))
        return done


@dataclass(kw_only=True, eq=False)
class Part(Octavia):
    """Something in a load balancer."""

    def post(self, call: Call, body: Json) -> Json:
        """Ask for the part, when it is its turn."""
        post = super().post
        made = in_turn(call, self.balancer_of(call, body), lambda: post(call, body))
        return self.get(call, self.id_of(made)) or made

    def put(self, call: Call, id_: str, body: Json) -> Json:
        """Change the part, when it is its turn."""
        put = super().put
        found = self.need(call, id_)
        in_turn(call, self.balancer_of(call, found), lambda: put(call, id_, body))
        return self.need(call, id_)

    def remove(self, call: Call, id_: str, state: ResourceState) -> None:
        """Take the part away, when it is its turn."""
        remove = super().remove
        found = self.get(call, id_)
        if found is not None and not self.is_gone(found):
            balancer = self.balancer_of(call, found)
            in_turn(call, balancer, lambda: remove(call, id_, state))

    def balancer_of(self, call: Call, part: Json) -> str:
        """The load balancer of a part."""
        return balancer_of(call, part)


@dataclass(kw_only=True, eq=False)
class NestedPart(Nested, Part):
    """Something under a part; ``above`` is the attribute that stands for its parent."""

    above: str
    service: str = SERVICE
    compound: bool = False
    tags_in: bool = True
    all_tags: bool = True
    list_filter: Mapping[str, str] = field(default_factory=dict)

    def balancer_of(self, call: Call, part: Json) -> str:
        """The load balancer of the parent."""
        return balancer_of(call, {self.above: self.owner})
