"""What a cloud has left, asked from its services."""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from hoaban.openstack.cloud import COMPUTE, NETWORK, PLACEMENT, VOLUME
from hoaban.provision.needs import Machine, Usage

if TYPE_CHECKING:
    from hoaban.openstack.cloud import Cloud

HYPERVISORS_BY_UUID = "2.53"  # microversion of nova from which a hypervisor's id is Placement's
PLACEMENT_VERSION = "1.20"
IPV4 = 4
PARALLEL = 8


def machines(cloud: Cloud, zone: str | None = None) -> list[Machine]:
    """Every hypervisor that takes servers, of one availability zone if there is a choice."""
    path = "/os-hypervisors/detail"
    found = cloud.pages(COMPUTE, path, "hypervisors", microversion=HYPERVISORS_BY_UUID)
    hosts = _hosts_of(cloud, zone) if zone else None
    up = [
        one["id"]
        for one in found
        if (one["state"], one["status"]) == ("up", "enabled")
        and (hosts is None or one["service"]["host"] in hosts)
    ]
    with ThreadPoolExecutor(PARALLEL) as pool:
        return list(pool.map(lambda uuid: _machine(cloud, uuid), up))


def _hosts_of(cloud: Cloud, zone: str) -> frozenset[str]:
    """Hosts of compute services in an availability zone."""
    zones = cloud.json(COMPUTE, "GET", "/os-availability-zone/detail")["availabilityZoneInfo"]
    return frozenset(
        host for one in zones if one["zoneName"] == zone for host in one.get("hosts") or ()
    )


def _machine(cloud: Cloud, uuid: str) -> Machine:
    def ask(what: str) -> dict[str, Any]:
        path = f"/resource_providers/{uuid}/{what}"
        answer = cloud.json(PLACEMENT, "GET", path, microversion=PLACEMENT_VERSION)
        found: dict[str, Any] = answer[what]
        return found

    inventories, usages = ask("inventories"), ask("usages")
    return Machine(
        free={
            name: (one["total"] - one["reserved"]) * one["allocation_ratio"] - usages.get(name, 0)
            for name, one in inventories.items()
        },
        largest={name: one["max_unit"] for name, one in inventories.items()},
    )


def storage_pools(cloud: Cloud, volume_type: str | None = None) -> list[float]:
    """GiB that each pool for a type of volumes has left; infinite where it does not say."""
    pools = cloud.json(VOLUME, "GET", "/scheduler-stats/get_pools", params={"detail": True})
    backend = _backend_of(cloud, volume_type) if volume_type else None
    return [
        pool_room(pool["capabilities"])
        for pool in pools["pools"]
        if backend in (None, pool["capabilities"].get("volume_backend_name"))
    ]


def _backend_of(cloud: Cloud, volume_type: str) -> str | None:
    """The backend that a type of volumes is kept on; None when it may be any."""
    for one in cloud.pages(VOLUME, "/types", "volume_types"):
        if one["name"] == volume_type:
            backend: str | None = (one.get("extra_specs") or {}).get("volume_backend_name")
            return backend
    return None


def usage(cloud: Cloud, project: str) -> dict[str, Usage]:
    """How much of each quota of a project is in use or reserved, by its name in the APIs."""
    compute = cloud.json(COMPUTE, "GET", f"/os-quota-sets/{project}/detail")["quota_set"]
    params = {"usage": True}
    volume = cloud.json(VOLUME, "GET", f"/os-quota-sets/{project}", params=params)["quota_set"]
    told = {**compute, **volume, **network_usage(cloud, project)}
    return {
        name: one
        if isinstance(one, Usage)
        else Usage(one["in_use"] + one.get("reserved", 0), one["limit"])
        for name, one in told.items()
        if isinstance(one, Usage | dict)
    }


def network_usage(cloud: Cloud, project: str) -> dict[str, Usage]:
    """The same of Neutron's quotas alone."""
    found = cloud.json(NETWORK, "GET", f"/quotas/{project}/details.json")["quota"]
    return {
        name: Usage(int(one["used"]) + int(one.get("reserved", 0)), int(one["limit"]))
        for name, one in found.items()
    }


def pool_room(pool: dict[str, Any]) -> float:
    """GiB that volumes may still take, as Cinder's own capacity filter reckons."""
    total, free = _number(pool.get("total_capacity_gb")), _number(pool.get("free_capacity_gb"))
    if math.isinf(total) or math.isinf(free):
        return math.inf
    reserved = total * float(pool.get("reserved_percentage") or 0) / 100
    if pool.get("thin_provisioning_support") and not pool.get("thick_provisioning_support"):
        ratio = float(pool.get("max_over_subscription_ratio") or 1)
        promised = _number(pool.get("provisioned_capacity_gb") or 0)
        return (total - reserved) * ratio - promised
    return free - reserved


def _number(value: Any) -> float:
    """A capacity; services also say ``unknown`` or ``infinite``."""
    return float(value) if isinstance(value, int | float) else math.inf


def free_addresses(cloud: Cloud, network_id: str) -> int:
    """IPv4 addresses that a network can still give."""
    path = f"/network-ip-availabilities/{network_id}"
    found = cloud.json(NETWORK, "GET", path)["network_ip_availability"]
    return sum(
        int(subnet["total_ips"] - subnet["used_ips"])
        for subnet in found["subnet_ip_availability"]
        if subnet["ip_version"] == IPV4
    )
