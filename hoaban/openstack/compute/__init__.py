"""Nova: servers, and what they are made from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hoaban.openstack.compute import (
    aggregates,
    attachments,
    flavors,
    keypairs,
    quota,
    server_groups,
    servers,
)

if TYPE_CHECKING:
    from hoaban.openstack.resource import Resource

RESOURCES: tuple[Resource, ...] = (
    servers.INSTANCE,
    attachments.VOLUME_ATTACH,
    attachments.INTERFACE_ATTACH,
    keypairs.KEYPAIR,
    flavors.FLAVOR,
    flavors.FLAVOR_ACCESS,
    server_groups.SERVER_GROUP,
    aggregates.AGGREGATE,
    quota.QUOTA,
)
