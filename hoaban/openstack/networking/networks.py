"""Networks, subnets, and what they are cut from and shared by."""

from __future__ import annotations

from dataclasses import dataclass, field
from ipaddress import ip_network
from typing import TYPE_CHECKING, Any

from hoaban.openstack import addresses, errors
from hoaban.openstack.cloud import NETWORK as SERVICE
from hoaban.openstack.errors import CloudError
from hoaban.openstack.rest import Rest
from hoaban.openstack.schema import (
    REGION,
    VALUE_SPECS,
    boolean,
    integer,
    object_set,
    project,
    string_set,
    strings,
    text,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from hoaban.engine.provider import CheckFailure, ResourceState
    from hoaban.engine.values import PropertyMap
    from hoaban.openstack.call import Call
    from hoaban.openstack.diff import Changes

Json = dict[str, Any]


@dataclass(kw_only=True, eq=False)
class Neutron(Rest):
    """A type of Neutron, of which the project's own objects are listed."""

    service: str = SERVICE
    by_ids: bool = True
    list_filter: Mapping[str, str] = field(default_factory=lambda: {"project_id": "{project}"})


NAME = text("name", computed=True, reset="")
DESCRIPTION = text("description", reset="")
TAGS = string_set("tags")
ALL_TAGS = string_set("allTags", output=True, computed=True, follows=("tags",))
COMMON = (TAGS, ALL_TAGS, project(), REGION, VALUE_SPECS)
"""What nearly all objects of Neutron have."""


def first_with_room(subnets: Sequence[str], ask: Callable[[str], Json]) -> Json:
    """Ask for an address in one subnet after the other; take the first that still has one."""
    for subnet in subnets[:-1]:
        try:
            return ask(subnet)
        except CloudError as error:
            if error.status != errors.CONFLICT or error.quota:
                raise
    return ask(subnets[-1])


@dataclass(kw_only=True, eq=False)
class _Network(Neutron):
    def flatten(self, call: Call, found: Json, outputs: PropertyMap, prior: PropertyMap) -> None:
        if not outputs.get("segments") and found.get("provider:network_type"):
            outputs["segments"] = [_segment(found)]


def _segment(found: Json) -> PropertyMap:
    """The only segment of a network, which Neutron writes into the network itself."""
    return {
        "networkType": found["provider:network_type"],
        "physicalNetwork": found.get("provider:physical_network") or "",
        "segmentationId": int(found.get("provider:segmentation_id") or 0),
    }


NETWORK = _Network(
    token="openstack:networking/network:Network",
    telling=("dnsDomain", "external", "qosPolicyId", "shared"),
    label="network",
    path="/networks",
    noun="network",
    tags_after=True,
    bulk=True,
    fields=(
        NAME,
        DESCRIPTION,
        boolean("adminStateUp", computed=True),
        strings("availabilityZoneHints", computed=True, replaces=True),
        text("dnsDomain", computed=True, reset=""),
        boolean("external", api="router:external", computed=True),
        integer("mtu", computed=True),
        boolean("portSecurityEnabled", computed=True),
        text("qosPolicyId", computed=True),
        object_set(
            "segments",
            text("networkType", api="provider:network_type"),
            text("physicalNetwork", api="provider:physical_network"),
            integer("segmentationId", api="provider:segmentation_id"),
            computed=True,
        ),
        boolean("shared", computed=True),
        boolean("transparentVlan", api="vlan_transparent", computed=True, replaces=True),
        *COMMON,
    ),
)


@dataclass(kw_only=True, eq=False)
class _Subnet(Neutron):
    def validate(self, inputs: PropertyMap) -> Sequence[CheckFailure]:
        servers = inputs.get("dnsNameservers", [])
        return (
            *addresses.check_network("cidr", inputs.get("cidr")),
            *addresses.check_address("gatewayIp", inputs.get("gatewayIp")),
            *(
                failure
                for index, server in enumerate(servers if isinstance(servers, list) else [])
                for failure in addresses.check_address(f"dnsNameservers[{index}]", server)
            ),
        )

    def amend(self, changes: Changes, state: ResourceState, news: PropertyMap) -> None:
        if "gatewayIp" in changes:  # a gateway that is given settles it
            changes.pop("noGateway", None)

    def clashes(self, changes: Changes) -> bool:
        return not {"networkId", "cidr", "prefixLength", "subnetpoolId"} & changes.keys()

    def new_body(self, call: Call, inputs: PropertyMap) -> Json:
        body = super().new_body(call, inputs)
        if inputs.get("noGateway"):
            body["gateway_ip"] = None
        return body

    def change_body(
        self, call: Call, state: ResourceState, news: PropertyMap, changed: set[str]
    ) -> Json:
        body = super().change_body(call, state, news, changed)
        if news.get("noGateway"):
            body["gateway_ip"] = None
        elif "noGateway" in changed and "gateway_ip" not in body:
            body["gateway_ip"] = _first_address(state.outputs.get("cidr"))
        return body

    def flatten(self, call: Call, found: Json, outputs: PropertyMap, prior: PropertyMap) -> None:
        outputs["noGateway"] = not found.get("gateway_ip")


def _first_address(cidr: Any) -> str | None:
    """The gateway that Neutron takes when none is told: the first address of the network."""
    if not cidr:
        return None
    return str(ip_network(str(cidr))[1])


_MODES = ("slaac", "dhcpv6-stateful", "dhcpv6-stateless")

SUBNET = _Subnet(
    token="openstack:networking/subnet:Subnet",
    telling=("allocationPools", "cidr", "gatewayIp", "ipv6AddressMode", "ipv6RaMode"),
    label="subnet",
    path="/subnets",
    noun="subnet",
    tags_after=True,
    bulk=True,
    natural=("networkId", "cidr"),
    fields=(
        NAME,
        DESCRIPTION,
        text("networkId", required=True, replaces=True),
        text(
            "cidr",
            computed=True,
            replaces=True,
            conflicts=("prefixLength",),
            same=addresses.network,
        ),
        integer("prefixLength", api="prefixlen", stored=True, replaces=True),
        object_set(
            "allocationPools",
            text("start", required=True, same=addresses.address),
            text("end", required=True, same=addresses.address),
            computed=True,
        ),
        text("gatewayIp", computed=True, conflicts=("noGateway",), same=addresses.address),
        boolean("noGateway", api=None),
        integer("ipVersion", default=4, replaces=True),
        boolean("enableDhcp", default=True),
        strings("dnsNameservers", same=addresses.address),
        boolean("dnsPublishFixedIp", reset=False),
        text("ipv6AddressMode", computed=True, replaces=True, choices=_MODES),
        text("ipv6RaMode", computed=True, replaces=True, choices=_MODES),
        text("segmentId"),
        strings("serviceTypes", computed=True),
        text("subnetpoolId", replaces=True),
        *COMMON,
    ),
)

ADDRESS_SCOPE = Neutron(
    token="openstack:networking/addressScope:AddressScope",
    label="address scope",
    path="/address-scopes",
    noun="address_scope",
    fields=(
        NAME,
        integer("ipVersion", default=4, replaces=True),
        boolean("shared", computed=True),
        project("projectId"),
        REGION,
    ),
)


@dataclass(kw_only=True, eq=False)
class _SubnetPool(Neutron):
    def flatten(self, call: Call, found: Json, outputs: PropertyMap, prior: PropertyMap) -> None:
        """Neutron joins prefixes that lie side by side; what was asked is told back."""
        asked = prior.get("prefixes") or []
        if addresses.collapsed(asked) == addresses.collapsed(outputs["prefixes"]):
            outputs["prefixes"] = list(asked)


SUBNET_POOL = _SubnetPool(
    token="openstack:networking/subnetPool:SubnetPool",
    label="subnet pool",
    path="/subnetpools",
    noun="subnetpool",
    tags_after=True,
    fields=(
        NAME,
        DESCRIPTION,
        string_set("prefixes", required=True, same=addresses.network),
        text("addressScopeId"),
        integer("defaultPrefixlen", computed=True),
        integer("defaultQuota"),
        integer("ipVersion", computed=True),
        boolean("isDefault", reset=False),
        integer("maxPrefixlen", computed=True),
        integer("minPrefixlen", computed=True),
        boolean("shared", reset=False),
        TAGS,
        ALL_TAGS,
        text("createdAt", output=True, computed=True),
        text("updatedAt", output=True, computed=True),
        integer("revisionNumber", output=True, computed=True),
        project("projectId"),
        REGION,
        VALUE_SPECS,
    ),
)

RBAC_POLICY = Neutron(
    token="openstack:networking/rbacPolicyV2:RbacPolicyV2",
    label="sharing rule",
    path="/rbac-policies",
    noun="rbac_policy",
    collection="rbac_policies",
    alone=True,
    natural=("action", "objectId", "objectType", "targetTenant"),
    fields=(
        text("action", required=True, replaces=True),
        text("objectId", required=True, replaces=True),
        text("objectType", required=True, replaces=True),
        text("targetTenant", required=True),
        text("projectId", output=True, computed=True),
        REGION,
    ),
)
