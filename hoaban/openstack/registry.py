"""All types and functions that the provider knows, by token."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hoaban.openstack import (
    blockstorage,
    compute,
    dns,
    dns_lookups,
    identity,
    identity_lookups,
    image_lookup,
    images,
    keymanager,
    keymanager_lookups,
    loadbalancer,
    networking,
    objectstorage,
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
        images,
        networking,
        compute,
        blockstorage,
        objectstorage,
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
        image_lookup,
        networking_lookups,
        compute_lookups,
        loadbalancer_lookups,
        dns_lookups,
        keymanager_lookups,
    )
    for function in module.FUNCTIONS
}
