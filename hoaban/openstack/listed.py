"""What one list tells of each type, and what it does not.

The lists of most types hold the same as their objects by themselves, so that one request answers
for all of a stack's. The types for which that is not so stand in :data:`UNLISTED`, each with what
its list lacks (OpenStack API reference, docs.openstack.org/api-ref).

What is changed by hand is to be told from what other resources of the same stack bring about: the
port of a server names its server only when that is made. Such properties stand in :data:`MOVED`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from hoaban.engine.provider import ProviderError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hoaban.openstack.resource import Resource

FEW: Final = 4
"""Objects of a type without a list that are read one by one all the same: a project's quotas."""

_QUOTAS = "quotas are told project by project"
_PAIRS = "it is told object by object who has access"
_SWIFT = "a list of Swift's does not tell metadata and access"
_BARBICAN = "a list of Barbican's does not tell who may read"

UNLISTED: Final[Mapping[str, str]] = {
    "openstack:blockstorage/qosAssociationV3:QosAssociationV3": _PAIRS,
    "openstack:blockstorage/quoteSetV3:QuoteSetV3": _QUOTAS,
    "openstack:blockstorage/volumeTypeAccessV3:VolumeTypeAccessV3": _PAIRS,
    "openstack:compute/flavorAccess:FlavorAccess": _PAIRS,
    "openstack:compute/interfaceAttach:InterfaceAttach": "network cards are told server by server",
    "openstack:compute/quotaSetV2:QuotaSetV2": _QUOTAS,
    "openstack:dns/quotaV2:QuotaV2": _QUOTAS,
    "openstack:identity/ec2CredentialV3:Ec2CredentialV3": "its pairs of keys are told one by one",
    "openstack:identity/userMembershipV3:UserMembershipV3": "members are told user by user",
    "openstack:keymanager/containerV1:ContainerV1": _BARBICAN,
    "openstack:keymanager/secretV1:SecretV1": _BARBICAN,
    "openstack:loadbalancer/members:Members": "members are told pool by pool",
    "openstack:loadbalancer/quota:Quota": _QUOTAS,
    "openstack:networking/bgpSpeakerV2:BgpSpeakerV2": "routes are told speaker by speaker",
    "openstack:networking/quotaV2:QuotaV2": _QUOTAS,
    "openstack:objectstorage/accountV1:AccountV1": _SWIFT,
    "openstack:objectstorage/container:Container": _SWIFT,
    "openstack:objectstorage/containerObject:ContainerObject": _SWIFT,
}
"""Types whose lists do not tell all, with the reason; all others are compared with one list."""

MOVED: Final[Mapping[str, frozenset[str]]] = {
    "openstack:compute/instance:Instance": frozenset(
        {"availabilityZone", "hypervisorHostname", "networks", "networks.name", "securityGroups"}
    ),
    "openstack:images/image:Image": frozenset({"properties"}),
    "openstack:index/lbLoadbalancerV2:LbLoadbalancerV2": frozenset({"securityGroupIds"}),
    "openstack:loadbalancer/l7PolicyV2:L7PolicyV2": frozenset({"position"}),
    "openstack:loadbalancer/listener:Listener": frozenset({"defaultPoolId"}),
    "openstack:loadbalancer/loadBalancer:LoadBalancer": frozenset({"securityGroupIds"}),
    "openstack:networking/floatingIp:FloatingIp": frozenset({"fixedIp", "portId"}),
    "openstack:networking/network:Network": frozenset({"shared"}),
    "openstack:networking/port:Port": frozenset({"binding", "deviceId", "deviceOwner", "dnsName"}),
}
"""Properties that other resources, or the cloud itself, change on an object.

They count only where the program says what they shall be; parts of one (``networks.name``) never.
"""


def require_list(kind: Resource, count: int, *, each: bool) -> None:
    """Raise where ``count`` objects of a type would be as many calls, unless ``each`` may be."""
    why = UNLISTED.get(kind.token)
    if why and count > FEW and not each:
        raise ProviderError(why, mend="--refresh reads each of them")
