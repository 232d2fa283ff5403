"""The properties of a server."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from hoaban.openstack import addresses
from hoaban.openstack.schema import (
    REGION,
    Field,
    block,
    boolean,
    integer,
    mapping,
    object_set,
    objects,
    string_set,
    strings,
    text,
)

if TYPE_CHECKING:
    from hoaban.engine.values import PropertyValue

_SHA1_DIGITS = 40


def digest(user_data: str) -> str:
    """What state holds in place of user data: its SHA-1 (a digest stays one)."""
    if len(user_data) == _SHA1_DIGITS and set(user_data) <= set("0123456789abcdef"):
        return user_data
    return hashlib.sha1(user_data.encode(), usedforsecurity=False).hexdigest()


def _zone(value: PropertyValue) -> PropertyValue:
    """The zone of ``zone:host:node``, which is all that Nova tells afterwards."""
    return str(value).partition(":")[0]


HINT_FIELDS = (
    text("group", replaces=True),
    text("buildNearHostIp", replaces=True),
    text("targetCell", replaces=True),
    strings("differentCells", api="different_cell", replaces=True),
    strings("differentHosts", api="different_host", replaces=True),
    strings("queries", api="query", replaces=True),
    strings("sameHosts", api="same_host", replaces=True),
    mapping("additionalProperties", api=None, replaces=True),
)

DEVICE_FIELDS = (
    text("sourceType", required=True, replaces=True),
    text("destinationType", replaces=True),
    text("uuid", replaces=True),
    integer("bootIndex", replaces=True),
    boolean("deleteOnTermination", replaces=True),
    text("deviceType", replaces=True),
    text("diskBus", replaces=True),
    text("guestFormat", replaces=True),
    boolean("multiattach", api=None, replaces=True),
    integer("volumeSize", replaces=True),
    text("volumeType", replaces=True),
)

_NETWORK_FIELDS = (
    text("uuid", computed=True, replaces=True),
    text("name", computed=True, replaces=True),
    text("port", computed=True, replaces=True),
    text("fixedIpV4", computed=True, replaces=True, same=addresses.address),
    text("fixedIpV6", computed=True, replaces=True, same=addresses.address),
    text("mac", computed=True, output=True),
    boolean("accessNetwork"),
)

FIELDS: tuple[Field, ...] = (
    text("name", computed=True),
    text("flavorId", api=None, computed=True, follows=("flavorName",)),
    text("flavorName", api=None, computed=True, follows=("flavorId",)),
    text("imageId", api=None, computed=True, follows=("imageName",)),
    text("imageName", api=None, computed=True, follows=("imageId",)),
    text("keyPair", api="key_name", replaces=True),
    text(
        "availabilityZone",
        api="OS-EXT-AZ:availability_zone",
        computed=True,
        replaces=True,
        same=_zone,
    ),
    text(
        "availabilityZoneHints",
        api=None,
        stored=True,
        replaces=True,
        conflicts=("availabilityZone",),
    ),
    boolean("configDrive", api=None, stored=True, replaces=True),
    text(
        "hypervisorHostname",
        api="OS-EXT-SRV-ATTR:hypervisor_hostname",
        computed=True,
        replaces=True,
    ),
    objects("networks", *_NETWORK_FIELDS, api=None, computed=True, replaces=True),
    text(
        "networkMode",
        api=None,
        stored=True,
        replaces=True,
        choices=("auto", "none"),
        conflicts=("networks",),
    ),
    string_set("securityGroups", api=None, computed=True),
    mapping("metadata", api=None),
    string_set("tags"),
    text(
        "powerState",
        api=None,
        default="active",
        choices=("active", "shutoff", "shelved_offloaded", "paused"),
        same=addresses.lower,
    ),
    text("adminPass", api=None, stored=True, secret=True),
    text("userData", api=None, replaces=True, same=digest, hidden=True),
    objects("blockDevices", *DEVICE_FIELDS, api=None, stored=True),
    object_set("schedulerHints", *HINT_FIELDS, api=None, stored=True),
    object_set(
        "personalities",
        text("file", required=True),
        text("content", required=True, hidden=True),
        api=None,
        stored=True,
    ),
    block(
        "vendorOptions",
        boolean("detachPortsBeforeDestroy"),
        boolean("ignoreResizeConfirmation"),
        api=None,
        stored=True,
    ),
    boolean("stopBeforeDestroy", api=None, stored=True),
    boolean("forceDelete", api=None, stored=True),
    text("accessIpV4", api=None, output=True, computed=True),
    text("accessIpV6", api=None, output=True, computed=True),
    mapping("allMetadata", api=None, output=True, computed=True, follows=("metadata",)),
    string_set("allTags", api=None, output=True, computed=True, follows=("tags",)),
    text("created", output=True, computed=True),
    text("updated", output=True, computed=True),
    REGION,
)
