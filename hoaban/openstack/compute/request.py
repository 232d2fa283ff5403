"""What is asked of Nova for a new server."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

from hoaban.engine.values import Unknown
from hoaban.openstack.compute import networks
from hoaban.openstack.compute.fields import DEVICE_FIELDS, HINT_FIELDS
from hoaban.openstack.compute.flavors import flavor_named
from hoaban.openstack.convert import object_to_api
from hoaban.openstack.images import image_named

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hoaban.engine.values import PropertyMap
    from hoaban.openstack.call import Call
    from hoaban.openstack.schema import Field

Json = dict[str, Any]

VERSION = "microversion"
"""The key under which the microversion to ask with stands beside the server's attributes."""

HINTS = "hints"
"""The key of the scheduler's hints, which Nova wants beside the server."""

_CREATE = "2.52"  # tags at create; personality is still there
_MULTIATTACH = "2.60"
_VOLUME_TYPE = "2.67"
_HYPERVISOR = "2.74"


def body(call: Call, inputs: PropertyMap) -> Json:
    """The attributes of a new server, with :data:`VERSION` and :data:`HINTS`."""
    flavor = inputs.get("flavorId") or flavor_named(call, inputs["flavorName"])["id"]
    asked: Json = {
        "name": inputs["name"],
        "flavorRef": flavor,
        "networks": networks.requested(call, inputs) or "auto",
        "metadata": dict(inputs.get("metadata", {})),
        VERSION: _version(inputs),
    }
    if needs_image(inputs):
        asked["imageRef"] = inputs.get("imageId") or image_named(call, inputs["imageName"])["id"]
    zone = inputs.get("availabilityZone") or inputs.get("availabilityZoneHints")
    plain = {
        "availability_zone": zone,
        "key_name": inputs.get("keyPair"),
        "config_drive": inputs.get("configDrive"),
        "adminPass": inputs.get("adminPass"),
        "hypervisor_hostname": inputs.get("hypervisorHostname"),
        "user_data": _encoded(inputs.get("userData")),
    }
    asked.update({name: value for name, value in plain.items() if value not in (None, "")})
    if inputs.get("securityGroups"):
        asked["security_groups"] = [{"name": name} for name in inputs["securityGroups"]]
    if inputs.get("personalities"):
        asked["personality"] = files(inputs["personalities"])
    if inputs.get("blockDevices"):
        asked["block_device_mapping_v2"] = [_device(item) for item in inputs["blockDevices"]]
    for hints in inputs.get("schedulerHints", []):
        asked[HINTS] = _hints(hints)
    return asked


def needs_image(inputs: PropertyMap) -> bool:
    """Whether the server starts from an image rather than from a volume."""
    devices = inputs.get("blockDevices") or []
    if not devices or isinstance(devices, Unknown):
        return True
    return any(
        item.get("sourceType") == "image" and item.get("destinationType") == "local"
        for item in devices
        if isinstance(item, dict)
    )


def _encoded(user_data: str | None) -> str | None:
    """User data as Nova takes it; what is Base64 already stays so."""
    if not user_data:
        return None
    try:
        base64.b64decode(user_data, validate=True)
    except ValueError:
        return base64.b64encode(user_data.encode()).decode()
    return user_data


def files(items: Iterable[PropertyMap]) -> list[Json]:
    """Files to put into the guest (``personality``)."""
    return [
        {"path": item["file"], "contents": base64.b64encode(item["content"].encode()).decode()}
        for item in items
    ]


def _device(item: PropertyMap) -> Json:
    return {"boot_index": 0, "delete_on_termination": False, **_given(DEVICE_FIELDS, item)}


def _hints(hints: PropertyMap) -> Json:
    return {**_given(HINT_FIELDS, hints), **hints.get("additionalProperties", {})}


def _given(fields: Iterable[Field], values: PropertyMap) -> Json:
    """What is said as the API takes it; Nova's schema has no word for zero or nothing."""
    return {name: value for name, value in object_to_api(fields, values).items() if value}


def _version(inputs: PropertyMap) -> str:
    """The lowest microversion that knows all that is asked for."""
    devices = inputs.get("blockDevices", [])
    if inputs.get("hypervisorHostname"):
        return _HYPERVISOR
    if any(item.get("volumeType") for item in devices):
        return _VOLUME_TYPE
    return _MULTIATTACH if any(item.get("multiattach") for item in devices) else _CREATE
