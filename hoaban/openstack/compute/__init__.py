"""Nova: servers, and what they are made from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hoaban.openstack.compute import attachments, catalog, servers

if TYPE_CHECKING:
    from hoaban.openstack.resource import Resource

RESOURCES: tuple[Resource, ...] = (
    servers.INSTANCE,
    attachments.VOLUME_ATTACH,
    attachments.INTERFACE_ATTACH,
    catalog.KEYPAIR,
    catalog.FLAVOR,
    catalog.FLAVOR_ACCESS,
    catalog.SERVER_GROUP,
    catalog.QUOTA,
)
