"""What an operation would destroy of people's data, and whether it may."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from hoaban.errors import HoabanError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

    from hoaban.engine.api import PlannedStep
    from hoaban.engine.embedded.state import Resource

VOLUME = "openstack:blockstorage/volume:Volume"
CONTAINER = "openstack:objectstorage/container:Container"
SERVER = "openstack:compute/instance:Instance"
HOLDERS = (VOLUME, CONTAINER, SERVER)
DELETES = ("delete", "delete-replaced", "discard-replaced")
REPLACES = ("replace", "create-replacement")


class Fate(StrEnum):
    """What becomes of something that holds data."""

    DELETED = "deleted"
    REPLACED = "replaced"


@dataclass(frozen=True, slots=True)
class Loss:
    """Something that holds data and would go, with its content."""

    urn: str
    fate: Fate
    what: str
    """For people: ``volume so-y-te-data-1-db (20 GiB, /srv/db)``."""

    def __str__(self) -> str:
        return f"{self.what} would be {self.fate}"


class Decline(HoabanError):
    """The person, or the lack of one to ask, stopped what would have lost data."""


@dataclass(frozen=True, slots=True)
class Consent:
    """How far an operation may go.

    ``confirm`` asks a person with the list of losses; without one (no terminal), the two flags
    must allow what would be lost. ``revert`` tells a person what was changed by hand (as
    :func:`hoaban.provision.drift.drift_json` does) and says whether it may be brought back.
    """

    delete_data: bool = False
    allow_replace: bool = False
    confirm: Callable[[Sequence[Loss]], bool] | None = None
    revert: Callable[[Mapping[str, Any]], bool] | None = None

    def require(self, losses: Sequence[Loss]) -> None:
        """Return when all of the losses are allowed; raise :class:`Decline` when not."""
        open_ = [loss for loss in losses if not self._allowed(loss)]
        if not open_:
            return
        told = "\n".join(str(loss) for loss in open_)
        if self.confirm is None:
            flags = sorted({_FLAGS[loss.fate] for loss in open_})
            raise Decline(
                f"data would be lost: {len(open_)} objects that hold it would go",
                detail=told,
                mend=f"if they may go: run it again with --yes {' '.join(flags)}",
            )
        if not self.confirm(open_):
            raise Decline("stopped; nothing was changed", detail=told)

    def require_revert(self, drift: Mapping[str, Any]) -> None:
        """Return when what was changed by hand may be brought back, or nobody wants to be asked."""
        if not drift["changed"] or self.revert is None or self.revert(drift):
            return
        keep = drift["commands"]["keep"]
        raise Decline(
            "stopped; nothing was changed",
            mend=f"to keep it, say it in the inventory too, then: {keep}; to leave it for now, run "
            "it again with --exclude and the URN",
        )

    def _allowed(self, loss: Loss) -> bool:
        return self.delete_data if loss.fate is Fate.DELETED else self.allow_replace


_FLAGS = {Fate.DELETED: "--delete-data", Fate.REPLACED: "--allow-replace"}


def losses_of_steps(steps: Iterable[PlannedStep], keepers: Collection[str]) -> list[Loss]:
    """What the steps of a plan would destroy.

    ``keepers`` are names of servers that have data volumes: the data stays with the volumes, but
    such a server is not one to lose by the way. Other servers hold nothing that the playbooks
    would not make again.
    """
    found: dict[str, Loss] = {}
    for step in steps:
        fate = _fate(step.op)
        inputs = step.old or step.new
        if fate and _holds_data(step.type, _name(step.urn, inputs), keepers):
            replaced = found.get(step.urn)
            if replaced is None or fate is Fate.REPLACED:
                found[step.urn] = Loss(step.urn, fate, describe(step.type, step.urn, inputs))
    return list(found.values())


def losses_of_state(resources: Iterable[Resource], keepers: Collection[str]) -> list[Loss]:
    """What a destroy would take of the resources of a state."""
    return [
        Loss(one.urn, Fate.DELETED, describe(one.type, one.urn, one.inputs))
        for one in resources
        if _holds_data(one.type, _name(one.urn, one.inputs), keepers)
    ]


def _fate(op: str) -> Fate | None:
    if op in REPLACES:
        return Fate.REPLACED
    return Fate.DELETED if op in DELETES else None


def _holds_data(type_: str, name: str, keepers: Collection[str]) -> bool:
    return type_ in HOLDERS and (type_ != SERVER or name in keepers)


def _name(urn: str, inputs: Mapping[str, Any]) -> str:
    return str(inputs.get("name") or urn.rsplit("::", 1)[-1])


def describe(type_: str, urn: str, inputs: Mapping[str, Any]) -> str:
    """An object in words."""
    name = _name(urn, inputs)
    if type_ == VOLUME:
        mount = (inputs.get("metadata") or {}).get("mount")
        size = f"{inputs.get('size', 0):g} GiB"
        return f"volume {name} ({size}, {mount})" if mount else f"volume {name} ({size})"
    if type_ == CONTAINER:
        return f"container {name} with all its objects"
    return f"server {name} with its system disk"
