"""Functions that look up policies of quality, their rules, and segments."""

from __future__ import annotations

from hoaban.openstack.lookups import TAGS, Function, Lookup
from hoaban.openstack.networking.qos import (
    QOS_BANDWIDTH_LIMIT_RULE,
    QOS_DSCP_MARKING_RULE,
    QOS_MINIMUM_BANDWIDTH_RULE,
    QOS_POLICY,
)
from hoaban.openstack.networking.segments import SEGMENT
from hoaban.openstack.schema import integer, text

_POLICY = text("qosPolicyId", api=None, required=True)
_REVISION = ("createdAt", "updatedAt", "revisionNumber")

GET_QOS_POLICY = Lookup(
    token="openstack:networking/getQosPolicy:getQosPolicy",
    of=QOS_POLICY,
    filters=("name", "description", "isDefault", "projectId", "shared", "tags"),
    told=("name", "description", "isDefault", "projectId", "shared", *_REVISION, *TAGS),
)

GET_QOS_BANDWIDTH_LIMIT_RULE = Lookup(
    token="openstack:networking/getQosBandwidthLimitRule:getQosBandwidthLimitRule",
    of=QOS_BANDWIDTH_LIMIT_RULE,
    filters=("maxKbps", "maxBurstKbps"),
    compared=(_POLICY,),
    told=("direction", "maxKbps", "maxBurstKbps", _POLICY),
)

GET_QOS_DSCP_MARKING_RULE = Lookup(
    token="openstack:networking/getQosDscpMarkingRule:getQosDscpMarkingRule",
    of=QOS_DSCP_MARKING_RULE,
    filters=("dscpMark",),
    compared=(_POLICY,),
    told=("dscpMark", _POLICY),
)

GET_QOS_MINIMUM_BANDWIDTH_RULE = Lookup(
    token="openstack:networking/getQosMinimumBandwidthRule:getQosMinimumBandwidthRule",
    of=QOS_MINIMUM_BANDWIDTH_RULE,
    filters=("minKbps",),
    compared=(_POLICY, "direction"),
    told=("direction", "minKbps", _POLICY),
)

GET_SEGMENT = Lookup(
    token="openstack:networking/getSegmentV2:getSegmentV2",
    of=SEGMENT,
    id_argument="segmentId",
    filters=(
        "name",
        "description",
        "networkId",
        "networkType",
        "physicalNetwork",
        "segmentationId",
        integer("revisionNumber"),
    ),
    told=(
        "name",
        "description",
        "networkId",
        "networkType",
        "physicalNetwork",
        "segmentationId",
        text("segmentId", api="id"),
        *_REVISION,
    ),
)

FUNCTIONS: tuple[Function, ...] = (
    GET_QOS_POLICY,
    GET_QOS_BANDWIDTH_LIMIT_RULE,
    GET_QOS_DSCP_MARKING_RULE,
    GET_QOS_MINIMUM_BANDWIDTH_RULE,
    GET_SEGMENT,
)
