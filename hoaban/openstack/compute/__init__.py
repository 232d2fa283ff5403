"""Nova: servers, and what they are made from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hoaban.openstack.cloud import COMPUTE as SERVICE
from hoaban.openstack.compute import attachments, flavors, keypairs, server_groups, servers
from hoaban.openstack.quotas import Quota, limits

if TYPE_CHECKING:
    from hoaban.openstack.resource import Resource

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

RESOURCES: tuple[Resource, ...] = (
    servers.INSTANCE,
    attachments.VOLUME_ATTACH,
    attachments.INTERFACE_ATTACH,
    keypairs.KEYPAIR,
    flavors.FLAVOR,
    flavors.FLAVOR_ACCESS,
    server_groups.SERVER_GROUP,
    QUOTA,
)
