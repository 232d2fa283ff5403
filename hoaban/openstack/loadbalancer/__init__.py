"""Octavia: load balancers and what is in them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hoaban.openstack.cloud import LOAD_BALANCER as SERVICE
from hoaban.openstack.loadbalancer import balancers, listeners, pools
from hoaban.openstack.loadbalancer.base import Balancers
from hoaban.openstack.quotas import Quota, limits

if TYPE_CHECKING:
    from hoaban.openstack.resource import Resource

Balancers.balancer = balancers.LOAD_BALANCER
Balancers.kinds = {
    "listener_id": listeners.LISTENER,
    "pool_id": pools.POOL,
    "l7policy_id": listeners.L7_POLICY,
}

QUOTA = Quota(
    token="openstack:loadbalancer/quota:Quota",
    label="load balancer quota",
    service=SERVICE,
    path="/lbaas/quotas",
    noun="quota",
    fields=limits(
        "healthMonitor",
        ("l7Policy", "l7policy"),
        ("l7Rule", "l7rule"),
        "listener",
        ("loadbalancer", "load_balancer"),
        "member",
        "pool",
    ),
)

RESOURCES: tuple[Resource, ...] = (
    balancers.LOAD_BALANCER,
    listeners.LISTENER,
    pools.POOL,
    pools.MEMBER,
    pools.MEMBERS,
    pools.MONITOR,
    listeners.L7_POLICY,
    listeners.L7_RULE,
    balancers.FLAVOR,
    balancers.FLAVOR_PROFILE,
    QUOTA,
    balancers.OLD_LOAD_BALANCER,
    balancers.OLD_FLAVOR_PROFILE,
)
