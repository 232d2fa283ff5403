"""Nova's quotas of a project."""

from __future__ import annotations

from hoaban.openstack.cloud import COMPUTE as SERVICE
from hoaban.openstack.quotas import Quota, limits

QUOTA = Quota(
    token="openstack:compute/quotaSetV2:QuotaSetV2",
    label="compute quota",
    service=SERVICE,
    path="/os-quota-sets",
    noun="quota_set",
    fields=limits(
        "cores",
        "fixedIps",
        "floatingIps",
        "injectedFileContentBytes",
        "injectedFilePathBytes",
        "injectedFiles",
        "instances",
        "keyPairs",
        "metadataItems",
        "ram",
        "securityGroupRules",
        "securityGroups",
        "serverGroupMembers",
        "serverGroups",
    ),
)
