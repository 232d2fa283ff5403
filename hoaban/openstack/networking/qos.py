"""Quality of service: policies and the rules in them."""

from __future__ import annotations

from dataclasses import dataclass

from hoaban.openstack.cloud import NETWORK as SERVICE
from hoaban.openstack.nested import Nested
from hoaban.openstack.networking.networks import ALL_TAGS, DESCRIPTION, NAME, TAGS, Neutron
from hoaban.openstack.schema import REGION, VALUE_SPECS, boolean, integer, project, text

REVISION = (
    text("createdAt", output=True, computed=True),
    text("updatedAt", output=True, computed=True),
    integer("revisionNumber", output=True, computed=True),
)
"""When an object was made and last changed, and how often."""

QOS_POLICY = Neutron(
    token="openstack:networking/qosPolicy:QosPolicy",
    label="QoS policy",
    path="/qos/policies",
    noun="policy",
    collection="policies",
    tags_after=True,
    tags_path="/policies",  # below /qos it takes single tags only
    fields=(
        NAME,
        DESCRIPTION,
        boolean("isDefault", reset=False),
        boolean("shared", reset=False),
        TAGS,
        ALL_TAGS,
        *REVISION,
        project("projectId"),
        REGION,
        VALUE_SPECS,
    ),
)

_POLICY = text("qosPolicyId", api=None, required=True, replaces=True)
_DIRECTION = text("direction", default="egress", choices=("egress", "ingress"))


@dataclass(kw_only=True, eq=False)
class _Rule(Nested):
    """A rule; a policy has one of each kind and direction."""

    service: str = SERVICE
    parent: str = "qosPolicyId"
    alone: bool = True


QOS_BANDWIDTH_LIMIT_RULE = _Rule(
    token="openstack:networking/qosBandwidthLimitRule:QosBandwidthLimitRule",
    label="bandwidth limit",
    path="/qos/policies/{parent}/bandwidth_limit_rules",
    noun="bandwidth_limit_rule",
    fields=(
        _DIRECTION,
        integer("maxKbps", required=True),
        integer("maxBurstKbps", reset=0),
        _POLICY,
        REGION,
    ),
)

QOS_DSCP_MARKING_RULE = _Rule(
    token="openstack:networking/qosDscpMarkingRule:QosDscpMarkingRule",
    label="DSCP mark",
    path="/qos/policies/{parent}/dscp_marking_rules",
    noun="dscp_marking_rule",
    fields=(integer("dscpMark", required=True), _POLICY, REGION),
)

QOS_MINIMUM_BANDWIDTH_RULE = _Rule(
    token="openstack:networking/qosMinimumBandwidthRule:QosMinimumBandwidthRule",
    label="guaranteed bandwidth",
    path="/qos/policies/{parent}/minimum_bandwidth_rules",
    noun="minimum_bandwidth_rule",
    fields=(_DIRECTION, integer("minKbps", required=True), _POLICY, REGION),
)

RESOURCES = (
    QOS_POLICY,
    QOS_BANDWIDTH_LIMIT_RULE,
    QOS_DSCP_MARKING_RULE,
    QOS_MINIMUM_BANDWIDTH_RULE,
)
