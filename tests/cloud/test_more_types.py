"""Types that the stacks don't use, against a real OpenStack; what they need is made with them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.cloud.lifecycle import PREFIX, Made, Maker, die, live
from tests.cloud.test_provider import RUN, connect

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.cloud


@pytest.fixture
def make() -> Iterator[Maker]:
    """Makes what one test uses, as administrator."""
    maker = Maker(connect())
    yield maker
    maker.clean()


@pytest.fixture
def net(make: Maker) -> Made:
    return make("networking/network:Network", {}, f"more-{RUN}")


@pytest.fixture
def subnet(make: Maker, net: Made) -> Made:
    asked = {"networkId": net.id, "cidr": "10.96.0.0/24"}
    return make("networking/subnet:Subnet", asked, f"more-{RUN}")


# --- networking --------------------------------------------------------------------------------


def test_qos(make: Maker) -> None:
    policy = make("networking/qosPolicy:QosPolicy", {"tags": ["a"]}, f"qos-{RUN}")
    for kind, asked, change in (
        ("qosBandwidthLimitRule:QosBandwidthLimitRule", {"maxKbps": 3000}, {"maxBurstKbps": 300}),
        ("qosDscpMarkingRule:QosDscpMarkingRule", {"dscpMark": 26}, {"dscpMark": 46}),
        ("qosMinimumBandwidthRule:QosMinimumBandwidthRule", {"minKbps": 200}, {"minKbps": 300}),
    ):
        rule = make(f"networking/{kind}", {"qosPolicyId": policy.id, **asked})
        live(rule, updates={"value": change}, replaces={"qosPolicyId": "other"})
        function = f"openstack:networking/get{kind[0].upper()}{kind[1:].partition(':')[0]}"
        found = make.provider.invoke(
            f"{function}:{function.rpartition('/')[2]}", {"qosPolicyId": policy.id}
        )
        assert found["id"] == rule.id
        die(rule, make)
    live(policy, updates={"shared": {"shared": True}, "tags": {"tags": ["b"]}})
    die(policy, make)


def test_trunk(make: Maker, net: Made) -> None:
    ports = [make("networking/port:Port", {"networkId": net.id}, f"trunk-{n}") for n in range(3)]
    subs = [
        {"portId": port.id, "segmentationId": n, "segmentationType": "vlan"}
        for n, port in enumerate(ports[1:], start=1)
    ]
    asked = {"portId": ports[0].id, "subPorts": subs[:1], "tags": ["a"]}
    trunk = make("networking/trunk:Trunk", asked, f"trunk-{RUN}")
    live(
        trunk,
        updates={"ports": {"subPorts": subs[1:]}, "description": {"description": "d"}},
        replaces={"portId": "other"},
    )
    die(trunk, make)


def test_port_forwarding_and_routes(make: Maker, net: Made, subnet: Made) -> None:
    external = make.provider.invoke(
        "openstack:networking/getNetwork:getNetwork", {"name": "public", "external": True}
    )
    router = make("networking/router:Router", {"externalNetworkId": external["id"]}, f"more-{RUN}")
    make(
        "networking/routerInterface:RouterInterface", {"routerId": router.id, "subnetId": subnet.id}
    )
    port = make("networking/port:Port", {"networkId": net.id}, f"more-{RUN}")
    address = make("networking/floatingIp:FloatingIp", {"pool": "public"})
    forwarding = make(
        "networking/portForwardingV2:PortForwardingV2",
        {
            "floatingipId": address.id,
            "externalPort": 2222,
            "internalPort": 22,
            "internalPortId": port.id,
            "internalIpAddress": port.out("allFixedIps")[0],
            "protocol": "tcp",
        },
    )
    live(forwarding, updates={"port": {"externalPort": 2223}}, replaces={"floatingipId": "other"})
    die(forwarding, make)
    routes = [{"destinationCidr": f"10.{n}.0.0/16", "nextHop": "10.96.0.9"} for n in (80, 81, 82)]
    every = make(
        "networking/routerRoutesV2:RouterRoutesV2", {"routerId": router.id, "routes": routes[:2]}
    )
    live(every, updates={"routes": {"routes": routes[1:]}}, findable=False)
    every.delete()
    make.made.remove(every)
    route = make("networking/subnetRoute:SubnetRoute", {"subnetId": subnet.id, **routes[0]})
    live(route, replaces={"nextHop": "10.96.0.10"})
    die(route, make)


def test_security_groups_of_a_port(make: Maker, net: Made) -> None:
    port = make("networking/port:Port", {"networkId": net.id}, f"groups-{RUN}")
    groups = [make("networking/secGroup:SecGroup", {}, f"more-{n}-{RUN}") for n in range(2)]
    given = make(
        "networking/portSecGroupAssociate:PortSecGroupAssociate",
        {"portId": port.id, "securityGroupIds": [groups[0].id]},
    )
    assert len(given.out("allSecurityGroupIds")) == 2, "beside the project's own"
    live(
        given,
        updates={"other": {"securityGroupIds": [groups[1].id]}, "alone": {"enforce": True}},
    )
    assert given.out("allSecurityGroupIds") == [groups[1].id]


# --- identity ----------------------------------------------------------------------------------


def test_catalog_groups_and_limits(make: Maker) -> None:
    service = make("identity/serviceV3:ServiceV3", {"type": "hoaban-test"}, f"service-{RUN}")
    endpoint = make(
        "identity/endpointV3:EndpointV3",
        {"serviceId": service.id, "endpointRegion": "RegionOne", "url": "http://a.example.vn"},
    )
    live(endpoint, updates={"url": {"url": "http://b.example.vn"}})
    limit = {"serviceId": service.id, "resourceName": f"things-{RUN}"}
    registered = make("identity/registeredLimitV3:RegisteredLimitV3", {**limit, "defaultLimit": 5})
    project = make("identity/project:Project", {}, f"limits-{RUN}")
    of_project = make(
        "identity/limitV3:LimitV3", {**limit, "projectId": project.id, "resourceLimit": 7}
    )
    live(of_project, updates={"limit": {"resourceLimit": 8}}, replaces={"projectId": "other"})
    die(of_project, make)
    live(registered, updates={"limit": {"defaultLimit": 6, "description": "d"}})
    live(service, updates={"description": {"description": "d"}, "off": {"enabled": False}})
    user = make("identity/user:User", {"password": "s3cret-of-a-test"}, f"member-{RUN}")
    group = make("identity/groupV3:GroupV3", {"description": "d"}, f"group-{RUN}")
    member = make(
        "identity/userMembershipV3:UserMembershipV3", {"userId": user.id, "groupId": group.id}
    )
    live(member, replaces={"userId": "other"})
    die(member, make)
    role = make.provider.invoke("openstack:identity/getRole:getRole", {"name": "member"})
    granted = make(
        "identity/inheritRoleAssignment:InheritRoleAssignment",
        {"projectId": project.id, "groupId": group.id, "roleId": role["id"]},
    )
    live(granted, replaces={"roleId": "other"}, findable=False)
    die(granted, make)
    live(group, updates={"name": {"name": f"{PREFIX}renamed-{RUN}"}})
    die(group, make)


def test_credentials(make: Maker) -> None:
    credential = make(
        "identity/applicationCredential:ApplicationCredential",
        {"expiresAt": "2099-01-01T00:00:00Z", "description": "d"},
        f"app-{RUN}",
    )
    assert credential.out("secret")
    live(credential, replaces={"name": "other", "unrestricted": True}, findable=False)
    die(credential, make)
    keys = make("identity/ec2CredentialV3:Ec2CredentialV3", {})
    assert keys.out("access")
    live(keys, replaces={"projectId": "other"})
    die(keys, make)


# --- block storage, compute, images ------------------------------------------------------------


def test_volume_types(make: Maker) -> None:
    project = make("identity/project:Project", {}, f"types-{RUN}")
    kind = make(
        "blockstorage/volumeTypeV3:VolumeTypeV3",
        {"isPublic": False, "extraSpecs": {"a": "b"}},
        f"type-{RUN}",
    )
    access = make(
        "blockstorage/volumeTypeAccessV3:VolumeTypeAccessV3",
        {"volumeTypeId": kind.id, "projectId": project.id},
    )
    live(access, replaces={"projectId": "other"})
    die(access, make)
    qos = make(
        "blockstorage/qosV3:QosV3", {"consumer": "front-end", "specs": {"a": "1"}}, f"qos-{RUN}"
    )
    both = make(
        "blockstorage/qosAssociationV3:QosAssociationV3", {"qosId": qos.id, "volumeTypeId": kind.id}
    )
    live(both, replaces={"qosId": "other"})
    die(both, make)
    # Known by its name alone, which Cinder's list does not look for.
    live(
        qos, findable=False, updates={"specs": {"specs": {"b": "2"}}, "both": {"consumer": "both"}}
    )
    die(qos, make)
    live(kind, updates={"specs": {"extraSpecs": {"c": "d"}}, "text": {"description": "d"}})
    die(kind, make)


def test_aggregate(make: Maker) -> None:
    made = make("compute/aggregateV2:AggregateV2", {"metadata": {"disk": "fast"}}, f"agg-{RUN}")
    live(
        made,
        updates={
            "metadata": {"metadata": {"disk": "slow", "site": "a"}},
            "name": {"name": f"{PREFIX}renamed-{RUN}"},
        },
    )
    die(made, make)


def test_image_access(make: Maker, tmp_path: Path) -> None:
    path = tmp_path / "empty.raw"
    path.write_bytes(bytes(1 << 10))
    image = make(
        "images/image:Image",
        {
            "localFilePath": str(path),
            "containerFormat": "bare",
            "diskFormat": "raw",
            "visibility": "shared",
        },
        f"shared-{RUN}",
    )
    project = make("identity/project:Project", {}, f"image-{RUN}")
    access = make("images/imageAccess:ImageAccess", {"imageId": image.id, "memberId": project.id})
    assert access.out("status") == "pending"
    accepted = make(
        "images/imageAccessAccept:ImageAccessAccept",
        {"imageId": image.id, "memberId": project.id, "status": "accepted"},
    )
    live(accepted, updates={"status": {"status": "rejected"}})
    accepted.delete()
    make.made.remove(accepted)
    access.state = access.read() or access.state
    live(access, replaces={"memberId": "other"})
    die(access, make)
