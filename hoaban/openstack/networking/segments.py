"""Segments of networks, and mirrors of what a port sends and receives."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from hoaban.engine.provider import CheckFailure
from hoaban.openstack import addresses
from hoaban.openstack.networking.networks import DESCRIPTION, NAME, Neutron
from hoaban.openstack.networking.qos import REVISION
from hoaban.openstack.schema import REGION, block, integer, project, text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from hoaban.engine.values import PropertyMap

Json = dict[str, Any]


@dataclass(kw_only=True, eq=False)
class _Segment(Neutron):
    """Segments belong to networks, not to projects."""

    list_filter: Mapping[str, str] = field(default_factory=dict)


SEGMENT = _Segment(
    token="openstack:networking/segmentV2:SegmentV2",
    label="network segment",
    path="/segments",
    noun="segment",
    fields=(
        NAME,
        DESCRIPTION,
        text("networkId", required=True, replaces=True),
        text(
            "networkType",
            required=True,
            replaces=True,
            choices=("vlan", "vxlan", "flat", "gre", "geneve", "local"),
        ),
        text("physicalNetwork", replaces=True),
        integer("segmentationId", computed=True),
        *REVISION,
        REGION,
    ),
)


@dataclass(kw_only=True, eq=False)
class _TapMirror(Neutron):
    def validate(self, inputs: PropertyMap) -> Sequence[CheckFailure]:
        failures = list(addresses.check_address("remoteIp", inputs.get("remoteIp")))
        if not inputs.get("directions"):
            failures.append(CheckFailure("directions", "one of in and out is required"))
        return failures


TAP_MIRROR = _TapMirror(
    token="openstack:index/taasTapMirrorV2:TaasTapMirrorV2",
    label="tap mirror",
    path="/taas/tap_mirrors",
    noun="tap_mirror",
    fields=(
        NAME,
        DESCRIPTION,
        text("portId", required=True, replaces=True),
        text("mirrorType", required=True, replaces=True, choices=("erspanv1", "gre")),
        text("remoteIp", required=True, replaces=True, same=addresses.address),
        block(
            "directions",
            integer("in", api="IN", replaces=True),
            integer("out", api="OUT", replaces=True),
            required=True,
            replaces=True,
        ),
        project(),
        text("projectId", output=True, computed=True),
        REGION,
    ),
)

RESOURCES = (SEGMENT, TAP_MIRROR)
