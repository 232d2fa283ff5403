"""All types and functions that the provider knows, by token."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hoaban.openstack import (
    blockstorage,
    catalog_lookups,
    compute,
    credentials,
    dns,
    dns_lookups,
    identity,
    identity_catalog,
    identity_lookups,
    image_access,
    image_lookup,
    images,
    keymanager,
    keymanager_lookups,
    loadbalancer,
    networking,
    objectstorage,
    swift_accounts,
    swift_objects,
    volume_attach,
    volume_lookups,
    volume_types,
)
from hoaban.openstack.compute import lookups as compute_lookups
from hoaban.openstack.loadbalancer import lookups as loadbalancer_lookups
from hoaban.openstack.networking import lookups as networking_lookups

if TYPE_CHECKING:
    from hoaban.openstack.lookups import Function
    from hoaban.openstack.resource import Resource

RESOURCES: dict[str, Resource] = {
    kind.token: kind
    for service in (
        identity,
        identity_catalog,
        credentials,
        images,
        image_access,
        networking,
        compute,
        blockstorage,
        volume_types,
        volume_attach,
        objectstorage,
        swift_objects,
        swift_accounts,
        loadbalancer,
        dns,
        keymanager,
    )
    for kind in service.RESOURCES
}

FUNCTIONS: dict[str, Function] = {
    function.token: function
    for module in (
        identity_lookups,
        catalog_lookups,
        image_lookup,
        networking_lookups,
        compute_lookups,
        volume_lookups,
        loadbalancer_lookups,
        dns_lookups,
        keymanager_lookups,
    )
    for function in module.FUNCTIONS
}
