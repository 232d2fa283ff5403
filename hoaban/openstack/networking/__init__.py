"""Neutron: networks, routers, ports, floating IPs, security groups."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hoaban.openstack.networking import (
    bgp,
    floating_ips,
    networks,
    port_forwarding,
    port_groups,
    ports,
    qos,
    quota,
    routers,
    routes,
    security,
    segments,
    trunks,
)

if TYPE_CHECKING:
    from hoaban.openstack.resource import Resource

RESOURCES: tuple[Resource, ...] = (
    networks.NETWORK,
    networks.SUBNET,
    networks.SUBNET_POOL,
    networks.ADDRESS_SCOPE,
    networks.RBAC_POLICY,
    routers.ROUTER,
    routers.ROUTER_INTERFACE,
    *routes.RESOURCES,
    ports.PORT,
    port_groups.PORT_SEC_GROUP_ASSOCIATE,
    port_forwarding.PORT_FORWARDING,
    trunks.TRUNK,
    *qos.RESOURCES,
    *segments.RESOURCES,
    *bgp.RESOURCES,
    floating_ips.FLOATING_IP,
    floating_ips.FLOATING_IP_ASSOCIATE,
    security.SEC_GROUP,
    security.SEC_GROUP_RULE,
    security.ADDRESS_GROUP,
    quota.QUOTA,
)
