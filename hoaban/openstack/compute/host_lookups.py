"""Functions that tell of hosts, limits and quotas of compute."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hoaban.openstack.cloud import COMPUTE as SERVICE
from hoaban.openstack.compute.aggregates import AGGREGATE
from hoaban.openstack.compute.quota import QUOTA
from hoaban.openstack.compute.server_groups import SERVER_GROUP
from hoaban.openstack.convert import object_from_api
from hoaban.openstack.lookups import ID, Function, Lookup
from hoaban.openstack.quotas import lookup as quota_lookup
from hoaban.openstack.rest import Rest
from hoaban.openstack.schema import REGION, integer, mapping, objects, string_set, strings, text

if TYPE_CHECKING:
    from hoaban.engine.values import PropertyMap
    from hoaban.openstack.call import Call

Json = dict[str, Any]


@dataclass(kw_only=True, eq=False)
class _GetAggregate(Lookup):
    def fits(self, call: Call, item: Json, args: PropertyMap) -> bool:
        held = AGGREGATE.state(call, item, {}).outputs.get("metadata", {})
        hosts = set(item.get("hosts") or [])
        return (
            item["name"] == args["name"]
            and set(args.get("hosts", [])) <= hosts
            and all(held.get(name) == value for name, value in args.get("metadata", {}).items())
        )

    def tell(self, call: Call, item: Json, args: PropertyMap) -> PropertyMap:
        told = AGGREGATE.state(call, item, {}).outputs
        hosts = sorted(item.get("hosts") or [])
        outputs = super().tell(call, item, args)
        return {**outputs, "hosts": hosts, "metadata": told.get("metadata", {})}


GET_AGGREGATE = _GetAggregate(
    token="openstack:compute/getAggregateV2:getAggregateV2",
    of=AGGREGATE,
    compared=(text("name", required=True), "hosts", "metadata"),
    told=("name", string_set("hosts", api=None), mapping("metadata", api=None), "zone"),
)

_HYPERVISORS = Rest(
    token="",  # looked up only: hypervisors are not made by an API
    label="hypervisor",
    service=SERVICE,
    path="/os-hypervisors",
    list_path="/os-hypervisors/detail",
    noun="hypervisor",
    microversion="2.53",  # ids are UUIDs; 2.88 no longer tells sizes
    fields=(),
)

GET_HYPERVISOR = Lookup(
    token="openstack:compute/getHypervisorV2:getHypervisorV2",
    of=_HYPERVISORS,
    compared=(text("hostname", api="hypervisor_hostname"),),
    told=(
        integer("disk", api="local_gb"),
        text("hostIp"),
        text("hostname", api="hypervisor_hostname"),
        integer("memory", api="memory_mb"),
        text("state"),
        text("status"),
        text("type", api="hypervisor_type"),
        integer("vcpus"),
    ),
)

_LIMITS = tuple(
    integer(name, api=name)
    for name in (
        "maxImageMeta", "maxPersonality", "maxPersonalitySize", "maxSecurityGroupRules",
        "maxSecurityGroups", "maxServerGroupMembers", "maxServerGroups", "maxServerMeta",
        "maxTotalCores", "maxTotalFloatingIps", "maxTotalInstances", "maxTotalKeypairs",
        "totalCoresUsed", "totalFloatingIpsUsed", "totalInstancesUsed",
        "totalSecurityGroupsUsed", "totalServerGroupsUsed",
    )
)  # fmt: skip
_RAM = (
    integer("maxTotalRamSize", api="maxTotalRAMSize"),
    integer("totalRamUsed", api="totalRAMUsed"),
)


@dataclass(kw_only=True, eq=False)
class _GetLimits(Function):
    """How much a project may use, and uses."""

    def run(self, call: Call, args: PropertyMap) -> PropertyMap:
        project = args["projectId"]
        found = call.json(SERVICE, "GET", "/limits", params={"tenant_id": project})
        told = object_from_api((*_LIMITS, *_RAM), found["limits"]["absolute"])
        return {**told, "id": project, "projectId": project, "region": call.region_name}


GET_LIMITS = _GetLimits(
    token="openstack:compute/getLimitsV2:getLimitsV2",
    inputs=(text("projectId", required=True), REGION),
    outputs=(ID, *_LIMITS, *_RAM, text("projectId"), REGION),
)

GET_QUOTA = quota_lookup("openstack:compute/getQuotaSetV2:getQuotaSetV2", QUOTA)


@dataclass(kw_only=True, eq=False)
class _GetServerGroup(Lookup):
    def fits(self, call: Call, item: Json, args: PropertyMap) -> bool:
        return bool(item["name"] == args["name"])

    def tell(self, call: Call, item: Json, args: PropertyMap) -> PropertyMap:
        """One policy and its rules since API 2.64, a list of policies before."""
        policy, rules = item.get("policy"), item.get("rules") or {}
        return {
            **super().tell(call, item, args),
            "policies": [policy] if policy else list(item.get("policies") or []),
            "rules": [{"maxServerPerHost": int(rules.get("max_server_per_host", 0))}]
            if rules
            else [],
        }


GET_SERVER_GROUP = _GetServerGroup(
    token="openstack:compute/getServergroupV2:getServergroupV2",
    of=SERVER_GROUP,
    compared=(text("name", required=True),),
    told=(
        strings("members"),
        mapping("metadata"),
        "name",
        strings("policies", api=None),
        text("projectId"),
        objects("rules", integer("maxServerPerHost"), api=None),
        text("userId"),
    ),
)

FUNCTIONS: tuple[Function, ...] = (
    GET_AGGREGATE,
    GET_HYPERVISOR,
    GET_LIMITS,
    GET_QUOTA,
    GET_SERVER_GROUP,
)
