"""Changes that a server bears without being made anew."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hoaban.openstack import errors, keys
from hoaban.openstack.cloud import COMPUTE as SERVICE
from hoaban.openstack.compute.flavors import flavor_named
from hoaban.openstack.compute.request import files
from hoaban.openstack.errors import CloudError
from hoaban.openstack.images import image_named
from hoaban.openstack.patience import patiently, unless_gone

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import Protocol

    from hoaban.engine.provider import ResourceState
    from hoaban.engine.values import PropertyMap
    from hoaban.openstack.call import Call

    class Servers(Protocol):
        """What is needed of the type itself."""

        def act(self, call: Call, id_: str, action: dict[str, Any], **how: Any) -> Any:
            """Send one of Nova's actions."""

        def need(self, call: Call, id_: str) -> dict[str, Any]:
            """The server, which must be there."""

        def await_status(self, call: Call, id_: str, wanted: Sequence[str]) -> dict[str, Any]:
            """Wait for a state."""


Json = dict[str, Any]

_TAGS = "2.26"
_EVENTS = "2.84"  # events of an action have details for those who may not see tracebacks
_AT_REST = ("ACTIVE", "SHUTOFF")
_POWER: dict[str, tuple[str, str]] = {  # wanted: action, status to wait for
    "shutoff": ("os-stop", "SHUTOFF"),
    "paused": ("pause", "PAUSED"),
    "shelved_offloaded": ("shelve", "SHELVED_OFFLOADED"),
}
_AWAKE = {"shelved": "unshelve", "shelved_offloaded": "unshelve", "paused": "unpause"}


def apply(
    call: Call,
    servers: Servers,
    id_: str,
    state: ResourceState,
    news: PropertyMap,
    changed: set[str],
) -> Json:
    """Make the changes, in the order of the official provider; returns the server as it is then."""
    if not changed or state.outputs.get("powerState") == "build":
        servers.await_status(call, id_, ("ACTIVE", *(status for _, status in _POWER.values())))
    if "name" in changed:
        call.json(SERVICE, "PUT", f"/servers/{id_}", {"server": {"name": news["name"]}})
    if "powerState" in changed:
        power(call, servers, servers.need(call, id_), str(news.get("powerState", "active")).lower())
    if "metadata" in changed:
        _set_metadata(call, id_, state.outputs.get("metadata", {}), news.get("metadata", {}))
    if "securityGroups" in changed:
        _set_groups(
            call, servers, id_, state.outputs.get("securityGroups", []), news["securityGroups"]
        )
    if "adminPass" in changed and news.get("adminPass"):
        servers.act(call, id_, {"changePassword": {"adminPass": news["adminPass"]}})
    if changed & {"flavorId", "flavorName"}:
        _resize(call, servers, id_, news, changed)
    if changed & {"imageId", "imageName", "personalities"}:
        _rebuild(call, servers, id_, news)
    if "tags" in changed:
        _set_tags(call, servers, id_, state.outputs.get("tags", []), news.get("tags", []))
    return servers.need(call, id_)


def power(call: Call, servers: Servers, found: Json, wanted: str) -> Json:
    """Bring the server to a power state."""
    now = found["status"].lower()
    if now == wanted:
        return found
    if wanted in _POWER:
        action, status = _POWER[wanted]
        patiently(call, lambda: servers.act(call, found["id"], {action: None}))
        return servers.await_status(call, found["id"], (status,))
    if now != "build":
        action = _AWAKE.get(now, "os-start")
        patiently(call, lambda: servers.act(call, found["id"], {action: None}))
    return servers.await_status(call, found["id"], ("ACTIVE",))


def before_delete(call: Call, servers: Servers, id_: str, state: ResourceState) -> None:
    """What was asked to be done before a server goes."""
    if state.outputs.get("stopBeforeDestroy"):
        try:
            servers.act(call, id_, {"os-stop": None})
            servers.await_status(call, id_, ("SHUTOFF",))
        except CloudError as error:
            if error.status == errors.NOT_FOUND:
                raise
    options = state.outputs.get("vendorOptions") or {}
    if options.get("detachPortsBeforeDestroy"):
        for card in state.outputs.get("networks", []):
            if card.get("port"):
                _detach(call, id_, card["port"])


def _detach(call: Call, id_: str, port: str) -> None:
    with unless_gone():
        patiently(call, lambda: call.json(SERVICE, "DELETE", f"/servers/{id_}/os-interface/{port}"))


def _set_metadata(call: Call, id_: str, old: PropertyMap, new: PropertyMap) -> None:
    for name in old.keys() - new.keys():
        with unless_gone():
            call.json(SERVICE, "DELETE", f"/servers/{id_}/metadata/{name}")
    if new:
        call.json(SERVICE, "POST", f"/servers/{id_}/metadata", {"metadata": dict(new)})


def _set_groups(
    call: Call, servers: Servers, id_: str, old: Iterable[str], new: Iterable[str]
) -> None:
    for name in sorted(set(new) - set(old)):
        servers.act(call, id_, {"addSecurityGroup": {"name": name}})
    for name in sorted(set(old) - set(new)):
        with unless_gone():
            servers.act(call, id_, {"removeSecurityGroup": {"name": name}})


def _resize(call: Call, servers: Servers, id_: str, news: PropertyMap, changed: set[str]) -> None:
    given = news.get("flavorId") if "flavorId" in changed or not news.get("flavorName") else None
    flavor = given or flavor_named(call, news["flavorName"])["id"]
    patiently(call, lambda: servers.act(call, id_, {"resize": {"flavorRef": flavor}}))
    if (news.get("vendorOptions") or {}).get("ignoreResizeConfirmation"):
        servers.await_status(call, id_, _AT_REST)
        return
    found = servers.await_status(call, id_, ("VERIFY_RESIZE", *_AT_REST))
    if found["status"] in _AT_REST:  # refused after it was accepted: no room, or by a driver
        if (found.get("flavor") or {}).get("id") == flavor:  # confirmed by the cloud itself
            return
        raise CloudError(
            f"server {found['name']} was not resized: {_last_fault(call, id_, 'resize')}",
            mend="put right what Nova says, then run this again; the server goes on as it was",
        )
    servers.act(call, id_, {"confirmResize": None})
    servers.await_status(call, id_, _AT_REST)


def _last_fault(call: Call, id_: str, action: str) -> str:
    """What Nova noted of an action that failed while the server stayed well."""
    path = f"/servers/{id_}/os-instance-actions"
    found = call.json(SERVICE, "GET", path)["instanceActions"]
    last = next((one for one in found if one["action"] == action), None)
    if last is None:
        return "Nova gave no reason"
    noted = call.json(SERVICE, "GET", f"{path}/{last['request_id']}", microversion=_EVENTS)
    events = noted["instanceAction"].get("events") or []
    said = [one.get("details") or one.get("traceback") for one in events]
    lines = [text.strip().splitlines()[-1] for text in said if text and text.strip()]
    return (
        f"{lines[0] if lines else last.get('message') or 'no reason given'} ({last['request_id']})"
    )


def _rebuild(call: Call, servers: Servers, id_: str, news: PropertyMap) -> None:
    """Start from another image: what was on the root disk is lost, ports and volumes stay."""
    body: Json = {"imageRef": news.get("imageId") or image_named(call, news["imageName"])["id"]}
    if news.get("personalities"):
        body["personality"] = files(news["personalities"])
    patiently(call, lambda: servers.act(call, id_, {"rebuild": body}))
    servers.await_status(call, id_, _AT_REST)


def _set_tags(
    call: Call, servers: Servers, id_: str, old: Iterable[str], new: Iterable[str]
) -> None:
    current = set(servers.need(call, id_).get("tags") or [])
    kept = {tag for tag in current if keys.is_mark(tag) or tag not in set(old)}
    body = {"tags": sorted(kept | set(new))}
    call.json(SERVICE, "PUT", f"/servers/{id_}/tags", body, microversion=_TAGS)
