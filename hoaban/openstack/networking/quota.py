"""Neutron's quotas of a project."""

from __future__ import annotations

from hoaban.openstack.cloud import NETWORK as SERVICE
from hoaban.openstack.quotas import Quota, limits

QUOTA = Quota(
    token="openstack:networking/quotaV2:QuotaV2",
    label="network quota",
    service=SERVICE,
    path="/quotas",
    noun="quota",
    fields=limits(
        "floatingip",
        "network",
        "port",
        "rbacPolicy",
        "router",
        "securityGroup",
        "securityGroupRule",
        "subnet",
        "subnetpool",
    ),
)
