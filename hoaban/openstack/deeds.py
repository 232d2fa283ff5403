"""Who did it: Nova keeps a list of what was done to each server, other services keep none.

https://docs.openstack.org/api-ref/compute/#servers-run-an-action-servers-os-instance-action
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from hoaban.engine.drift import Deed
from hoaban.openstack.cloud import COMPUTE
from hoaban.openstack.compute.servers import INSTANCE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hoaban.openstack.call import Call

_VERSION: Final = "2.21"  # from which deleted servers tell theirs too
_REMOVED: Final = ("delete", "forceDelete", "softDelete")
_ACTIONS: Final = {
    "flavorId": ("resize", "confirmResize", "revertResize"),
    "flavorName": ("resize", "confirmResize", "revertResize"),
    "imageId": ("rebuild",),
    "imageName": ("rebuild",),
    "networks": ("attach_interface", "detach_interface"),
    "powerState": (
        "pause", "resume", "shelve", "shelveOffload", "start", "stop", "suspend", "unpause",
        "unshelve",
    ),
}  # fmt: skip
"""Nova's actions that change a property. Names, metadata and tags are changed without one."""


def deed(call: Call, token: str, id_: str, changed: Sequence[str], since: str) -> Deed | None:
    """The last thing done to a server that explains what changed; None where nothing does."""
    wanted = [action for name in changed for action in _ACTIONS.get(name, ())]
    if token != INSTANCE.token or (changed and not wanted):
        return None
    path = f"/servers/{id_}/os-instance-actions"
    found = call.find(COMPUTE, path, microversion=_VERSION) or {}
    for one in found.get("instanceActions", []):  # the newest first
        told = Deed(
            one["action"], one.get("user_id") or "", one["request_id"], one.get("start_time") or ""
        )
        if told.action in (wanted or _REMOVED) and not _older(told.at, since):
            return told
    return None


def _older(at: str, since: str) -> bool:
    """Whether Nova's time (UTC, whole seconds) is before the state's; what is not told is not."""
    try:
        return _utc(at) < _utc(since).replace(microsecond=0)
    except ValueError:
        return False


def _utc(text: str) -> datetime:
    told = datetime.fromisoformat(text)
    return told if told.tzinfo else told.replace(tzinfo=UTC)
