"""Neutron: networks, routers, ports, floating IPs, security groups."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hoaban.openstack.cloud import NETWORK as SERVICE
from hoaban.openstack.networking import floating_ips, networks, ports, routers, routes, security
from hoaban.openstack.quotas import Quota, limits

if TYPE_CHECKING:
    from hoaban.openstack.resource import Resource

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

RESOURCES: tuple[Resource, ...] = (
    networks.NETWORK,
    networks.SUBNET,
    networks.SUBNET_POOL,
    networks.ADDRESS_SCOPE,
    networks.RBAC_POLICY,
    routers.ROUTER,
    routers.ROUTER_INTERFACE,
    routes.ROUTER_ROUTE,
    ports.PORT,
    floating_ips.FLOATING_IP,
    floating_ips.FLOATING_IP_ASSOCIATE,
    security.SEC_GROUP,
    security.SEC_GROUP_RULE,
    security.ADDRESS_GROUP,
    QUOTA,
)
