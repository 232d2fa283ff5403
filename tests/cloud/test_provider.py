"""Every type of the provider against a real OpenStack."""

from __future__ import annotations

import os
import secrets
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import requests
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from hoaban.engine.provider import PartialFailureError, ProviderError
from hoaban.openstack import OpenStackProvider
from hoaban.openstack.cloud import COMPUTE, IDENTITY, IMAGE, NETWORK, OBJECTS, VOLUME
from hoaban.openstack.errors import CloudError
from tests.cloud.lifecycle import PREFIX, Made, Maker, check, die, key, live

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hoaban.openstack.cloud import Cloud

pytestmark = pytest.mark.cloud

LAB = Path(os.environ.get("HOABAN_LAB_DIR", "/var/lib/hoaban/lab"))
ENVIRON = {"OS_CLIENT_CONFIG_FILE": str(LAB / "clouds.yaml"), "OS_CLOUD": "lab"}
RUN = secrets.token_hex(3)


def connect(**settings: object) -> OpenStackProvider:
    provider = OpenStackProvider(ENVIRON)
    provider.configure(dict(settings), preview=False)
    return provider


@pytest.fixture(scope="module")
def admin() -> OpenStackProvider:
    return connect()


@pytest.fixture(scope="module")
def keeper(admin: OpenStackProvider) -> Iterator[Maker]:
    """Makes what all tests of this file use."""
    maker = Maker(admin)
    yield maker
    maker.clean()


@pytest.fixture(scope="module")
def project(keeper: Maker) -> Made:
    return keeper("identity/project:Project", {"description": "provider tests"}, f"project-{RUN}")


@pytest.fixture(scope="module")
def tenant(keeper: Maker, project: Made, admin: OpenStackProvider) -> OpenStackProvider:
    """The provider in the project of its own, as the stacks use it."""
    scope = admin.invoke("openstack:identity/getAuthScope:getAuthScope", {"name": "who"})
    role = admin.invoke("openstack:identity/getRole:getRole", {"name": "admin"})
    keeper(
        "identity/roleAssignment:RoleAssignment",
        {"userId": scope["userId"], "projectId": project.id, "roleId": role["id"]},
    )
    return connect(tenantId=project.id)


@pytest.fixture
def make(tenant: OpenStackProvider) -> Iterator[Maker]:
    """Makes what one test uses."""
    maker = Maker(tenant)
    yield maker
    maker.clean()


@pytest.fixture(scope="module")
def net(keeper: Maker, tenant: OpenStackProvider) -> Made:
    return keeper("networking/network:Network", {}, "net", tenant)


@pytest.fixture(scope="module")
def subnet(keeper: Maker, tenant: OpenStackProvider, net: Made) -> Made:
    inputs = {"networkId": net.id, "cidr": "10.99.0.0/24"}
    return keeper("networking/subnet:Subnet", inputs, "subnet", tenant)


@pytest.fixture(scope="module")
def flavors(keeper: Maker) -> tuple[Made, Made]:
    small, large = (
        keeper(
            "compute/flavor:Flavor",
            {"ram": ram, "vcpus": 1, "disk": 1, "isPublic": True},
            f"size-{ram}-{RUN}",
        )
        for ram in (64, 128)
    )
    return small, large


@pytest.fixture(scope="module")
def image(keeper: Maker, tmp_path_factory: pytest.TempPathFactory) -> Made:
    path = tmp_path_factory.mktemp("image") / "empty.raw"
    path.write_bytes(bytes(1 << 20))
    inputs = {
        "localFilePath": str(path),
        "containerFormat": "bare",
        "diskFormat": "raw",
        "visibility": "public",
    }
    return keeper("images/image:Image", inputs, f"image-{RUN}")


# --- identity ----------------------------------------------------------------------------------


def test_project(admin: OpenStackProvider) -> None:
    maker = Maker(admin)
    made = maker("identity/project:Project", {"description": "a", "tags": ["x", "y"]}, f"p-{RUN}")
    assert made.out("tags") == ["x", "y"]
    live(
        made,
        updates={
            "description": {"description": "b"},
            "name": {"name": f"{PREFIX}renamed-{RUN}"},
            "tags": {"tags": ["y", "z"]},
            "no tags": {"tags": None},
            "enabled": {"enabled": False},
        },
        replaces={"domainId": "other", "parentId": "other", "isDomain": True},
    )
    die(made, maker)


def test_user_role_and_assignment(admin: OpenStackProvider, project: Made) -> None:
    maker = Maker(admin)
    user = maker(
        "identity/user:User",
        {
            "password": "s3cret-of-a-test",
            "description": "a",
            "extra": {"email": "a@example.vn"},
            "ignorePasswordExpiry": True,
        },
        f"user-{RUN}",
    )
    role = maker("identity/role:Role", {}, f"role-{RUN}")
    granted = maker(
        "identity/roleAssignment:RoleAssignment",
        {"userId": user.id, "projectId": project.id, "roleId": role.id},
    )
    assert granted.id == f"/{project.id}//{user.id}/{role.id}"
    live(granted, replaces={"roleId": "other"}, findable=False)
    die(granted, maker)
    live(
        user,
        updates={
            "password": {"password": "another-s3cret"},
            "description": {"description": "b"},
            "extra": {"extra": {"phone": "0212"}},
            "enabled": {"enabled": False},
            "options": {"ignorePasswordExpiry": None},
            "project": {"defaultProjectId": project.id},
        },
        replaces={"region": "elsewhere"},
    )
    live(role, updates={"name": {"name": f"{PREFIX}renamed-{RUN}"}})
    die(user, maker)
    die(role, maker)


# --- quotas ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("token", "first", "second"),
    [
        ("compute/quotaSetV2:QuotaSetV2", {"cores": 40, "ram": 65536}, {"instances": 30}),
        ("blockstorage/quoteSetV3:QuoteSetV3", {"gigabytes": 500}, {"volumes": 20}),
        ("networking/quotaV2:QuotaV2", {"port": 120, "network": 12}, {"router": 3}),
    ],
)
def test_quotas(
    admin: OpenStackProvider,
    token: str,
    first: dict[str, int],
    second: dict[str, int],
) -> None:
    maker = Maker(admin)
    project = maker("identity/project:Project", {}, f"quota-{RUN}")
    made = maker(token, {"projectId": project.id, **first})
    assert {name: made.out(name) for name in first} == first
    live(
        made,
        updates={"more": second, "another value": dict.fromkeys(first, 7)},
        replaces={"projectId": "other"},
        findable=False,
    )
    made.delete()
    assert made.read() is not None, "quotas stay as they are"
    maker.clean()


# --- networking --------------------------------------------------------------------------------


def test_network(make: Maker) -> None:
    made = make(
        "networking/network:Network",
        {"adminStateUp": True, "description": "a", "tags": ["agency:so-y-te"], "mtu": 1300},
        "network",
    )
    assert made.out("allTags") == ["agency:so-y-te"]
    assert made.out("name").startswith(f"{PREFIX}network-")
    live(
        made,
        updates={
            "name": {"name": f"{PREFIX}renamed"},
            "description": {"description": None},
            "tags": {"tags": ["b", "a"]},
            "no tags": {"tags": None},
            "mtu": {"mtu": 1200},
            "adminStateUp": {"adminStateUp": False},
            "port security": {"portSecurityEnabled": False},
        },
        replaces={"tenantId": "other", "availabilityZoneHints": ["z"], "valueSpecs": {"a": "b"}},
    )
    die(made, make)


def test_subnet(make: Maker, net: Made) -> None:
    made = make(
        "networking/subnet:Subnet",
        {
            "networkId": net.id,
            "cidr": "10.98.0.0/24",
            "dnsNameservers": ["10.0.0.53", "10.0.0.54"],
            "allocationPools": [{"start": "10.98.0.100", "end": "10.98.0.150"}],
        },
        "subnet",
    )
    assert made.out("gatewayIp") == "10.98.0.1"
    live(
        made,
        updates={
            "name": {"name": f"{PREFIX}renamed"},
            "description": {"description": "b"},
            "order of name servers": {"dnsNameservers": ["10.0.0.54", "10.0.0.53"]},
            "no name servers": {"dnsNameservers": None},
            "pools": {"allocationPools": [{"start": "10.98.0.50", "end": "10.98.0.90"}]},
            "dhcp": {"enableDhcp": False},
            "no gateway": {"noGateway": True},
            "gateway again": {"noGateway": None},
            "another gateway": {"gatewayIp": "10.98.0.254"},
            "tags": {"tags": ["a"]},
        },
        replaces={"cidr": "10.97.0.0/24", "networkId": "other", "ipVersion": 6},
    )
    die(made, make)


def test_subnet_of_ipv6_in_any_spelling(make: Maker, net: Made) -> None:
    made = make(
        "networking/subnet:Subnet",
        {
            "networkId": net.id,
            "cidr": "fd00:0abc:0::/64",
            "ipVersion": 6,
            "ipv6AddressMode": "dhcpv6-stateful",
            "ipv6RaMode": "dhcpv6-stateful",
        },
        "subnet6",
    )
    live(made, updates={"name": {"name": f"{PREFIX}six"}}, replaces={"ipv6RaMode": "slaac"})


def test_router_with_interface_and_route(make: Maker, net: Made, subnet: Made) -> None:
    external = make.provider.invoke(
        "openstack:networking/getNetwork:getNetwork", {"name": "public", "external": True}
    )
    router = make("networking/router:Router", {"externalNetworkId": external["id"]}, "router")
    assert router.out("externalFixedIps")
    interface = make(
        "networking/routerInterface:RouterInterface",
        {"routerId": router.id, "subnetId": subnet.id},
    )
    live(interface, updates={"force": {"forceDestroy": True}}, replaces={"subnetId": "other"})
    route = make(
        "networking/routerRoute:RouterRoute",
        {"routerId": router.id, "destinationCidr": "10.77.0.0/16", "nextHop": "10.99.0.200"},
    )
    live(route, replaces={"nextHop": "10.99.0.201", "destinationCidr": "10.78.0.0/16"})
    die(route, make)
    live(
        router,
        updates={
            "name": {"name": f"{PREFIX}renamed"},
            "description": {"description": "b"},
            "snat": {"enableSnat": False},
            "tags": {"tags": ["x"]},
        },
        replaces={"distributed": True, "tenantId": "other"},
    )
    die(interface, make)
    die(router, make)


def test_router_gateway_comes_later(make: Maker) -> None:
    external = make.provider.invoke(
        "openstack:networking/getNetwork:getNetwork", {"name": "public", "external": True}
    )
    router = make("networking/router:Router", {"adminStateUp": True}, "bare-router")
    live(
        router,
        updates={
            "gateway": {"externalNetworkId": external["id"]},
            "down": {"adminStateUp": False},
        },
    )
    assert router.out("externalNetworkId") == external["id"]


def test_port(make: Maker, net: Made, subnet: Made) -> None:
    first, second = (make("networking/secGroup:SecGroup", {}, f"group-{i}") for i in (1, 2))
    made = make(
        "networking/port:Port",
        {
            "networkId": net.id,
            "fixedIps": [{"subnetId": subnet.id, "ipAddress": "10.99.0.30"}],
            "securityGroupIds": [first.id],
            "tags": ["t"],
        },
        "port",
    )
    assert made.out("allFixedIps") == ["10.99.0.30"]
    assert made.out("allTags") == ["t"]
    live(
        made,
        updates={
            "name": {"name": f"{PREFIX}renamed"},
            "description": {"description": "b"},
            "address": {"fixedIps": [{"subnetId": subnet.id, "ipAddress": "10.99.0.31"}]},
            "any address": {"fixedIps": [{"subnetId": subnet.id}]},
            "groups": {"securityGroupIds": [second.id, first.id]},
            "order of groups": {"securityGroupIds": [second.id]},
            "pairs": {"allowedAddressPairs": [{"ipAddress": "10.99.0.99"}]},
            "no pairs": {"allowedAddressPairs": None},
            "dhcp": {"extraDhcpOptions": [{"name": "domain-name", "value": "sonla.example"}]},
            "no dhcp": {"extraDhcpOptions": None},
            "tags": {"tags": ["u", "t"]},
            "down": {"adminStateUp": False},
            "no groups": {"securityGroupIds": None, "noSecurityGroups": True},
            "no security": {"portSecurityEnabled": False},
        },
        replaces={"networkId": "other", "macAddress": "fa:16:3e:00:00:01", "deviceId": "x"},
    )
    die(made, make)


def test_port_without_a_fixed_address_stays_itself(make: Maker, net: Made, subnet: Made) -> None:
    made = make("networking/port:Port", {"networkId": net.id}, "any")
    assert len(made.out("allFixedIps")) == 1
    assert "fixedIps" not in made.state.outputs
    live(made, updates={"bare": {"noFixedIp": True}})
    assert made.out("allFixedIps") == []


def test_order_of_a_set_is_no_difference(make: Maker, net: Made, subnet: Made) -> None:
    ids = [make("networking/secGroup:SecGroup", {}, f"set-{i}").id for i in range(3)]
    inputs = {"networkId": net.id, "securityGroupIds": ids, "tags": ["a", "b", "c"]}
    made = make("networking/port:Port", inputs, "set")
    turned = {**inputs, "securityGroupIds": ids[::-1], "tags": ["c", "a", "b"]}
    assert made.changes(turned) == {}


def test_security_group_and_rules(make: Maker) -> None:
    group = make(
        "networking/secGroup:SecGroup",
        {"deleteDefaultRules": True, "description": "a", "tags": ["t"]},
        "group",
    )
    rules = [
        make("networking/secGroupRule:SecGroupRule", {"securityGroupId": group.id, **rule})
        for rule in (
            {"direction": "ingress", "ethertype": "IPv4", "protocol": "tcp",
             "portRangeMin": 443, "portRangeMax": 443, "remoteIpPrefix": "10.0.0.0/8",
             "description": "web"},
            {"direction": "egress", "ethertype": "IPv6"},
            {"direction": "ingress", "ethertype": "IPv4", "protocol": "icmp",
             "remoteGroupId": group.id},
            {"direction": "ingress", "ethertype": "IPv4", "protocol": "17",
             "portRangeMin": 53, "portRangeMax": 53},
        )
    ]  # fmt: skip
    for rule in rules:
        live(
            rule,
            replaces={"direction": "egress" if rule.out("direction") != "egress" else "ingress"},
        )
    live(
        group,
        updates={
            "name": {"name": f"{PREFIX}renamed"},
            "description": {"description": "b"},
            "tags": {"tags": []},
        },
        replaces={"deleteDefaultRules": False},
    )
    answer = make.provider._cloud.json(  # the default rules are gone
        NETWORK, "GET", f"/security-groups/{group.id}"
    )
    there = {rule["id"] for rule in answer["security_group"]["security_group_rules"]}
    assert there == {rule.id for rule in rules}
    for rule in rules:
        die(rule, make)
    die(group, make)


def test_a_rule_that_is_there_already_is_a_conflict(make: Maker) -> None:
    group = make("networking/secGroup:SecGroup", {}, "twice")
    rule = {"securityGroupId": group.id, "direction": "ingress", "ethertype": "IPv4"}
    make("networking/secGroupRule:SecGroupRule", rule)
    with pytest.raises(ProviderError, match="already exists") as caught:
        make("networking/secGroupRule:SecGroupRule", rule)
    assert caught.value.where is not None
    assert caught.value.where.request_id


def test_floating_ip_and_association(make: Maker, net: Made, subnet: Made) -> None:
    external = make.provider.invoke(
        "openstack:networking/getNetwork:getNetwork", {"name": "public", "external": True}
    )
    router = make("networking/router:Router", {"externalNetworkId": external["id"]}, "fip-router")
    make(
        "networking/routerInterface:RouterInterface", {"routerId": router.id, "subnetId": subnet.id}
    )
    ports = [
        make("networking/port:Port", {"networkId": net.id, "fixedIps": [{"subnetId": subnet.id}]})
        for _ in range(2)
    ]
    address = make("networking/floatingIp:FloatingIp", {"pool": "public", "tags": ["t"]}, "fip")
    leads = make(
        "networking/floatingIpAssociate:FloatingIpAssociate",
        {"floatingIp": address.out("address"), "portId": ports[0].id},
    )
    assert leads.out("fixedIp") == ports[0].out("allFixedIps")[0]
    live(leads, updates={"port": {"portId": ports[1].id}}, replaces={"floatingIp": "172.31.77.9"})
    die(leads, make)
    live(
        address,
        updates={"description": {"description": "b"}, "port": {"portId": ports[0].id}},
        replaces={"pool": "other", "address": "172.31.77.9"},
    )
    die(address, make)


def test_address_scope_pool_group_and_sharing(make: Maker, net: Made, project: Made) -> None:
    scope = make("networking/addressScope:AddressScope", {"ipVersion": 4}, "scope")
    live(scope, updates={"name": {"name": f"{PREFIX}renamed"}}, replaces={"ipVersion": 6})
    pool = make(
        "networking/subnetPool:SubnetPool",
        {"prefixes": ["10.90.0.0/16"], "defaultPrefixlen": 26, "addressScopeId": scope.id},
        "pool",
    )
    live(
        pool,
        updates={
            "name": {"name": f"{PREFIX}renamed"},
            "description": {"description": "b"},
            "length": {"defaultPrefixlen": 27},
            "prefixes": {"prefixes": ["10.91.0.0/16", "10.90.0.0/16"]},
        },
        replaces={"projectId": "other"},
    )
    own = make("networking/network:Network", {}, "of-pool")
    cut = make(
        "networking/subnet:Subnet",
        {"networkId": own.id, "subnetpoolId": pool.id, "prefixLength": 28},
        "from-pool",
    )
    assert cut.out("cidr").endswith("/28")
    live(cut, replaces={"prefixLength": 29})
    die(cut, make)
    group = make("networking/addressGroupV2:AddressGroupV2", {"addresses": ["10.1.0.0/16"]}, "ag")
    live(
        group,
        updates={
            "addresses": {"addresses": ["10.2.0.0/16", "10.3.0.1/32"]},
            "description": {"description": "b"},
        },
    )
    shared = make(
        "networking/rbacPolicyV2:RbacPolicyV2",
        {
            "action": "access_as_shared",
            "objectId": net.id,
            "objectType": "network",
            "targetTenant": "0" * 32,
        },
    )
    live(shared, updates={"target": {"targetTenant": "1" * 32}}, replaces={"action": "other"})


# --- images ------------------------------------------------------------------------------------


def test_image(make: Maker, tmp_path: Path) -> None:
    path = tmp_path / "disk.raw"
    path.write_bytes(os.urandom(3 << 20))
    made = make(
        "images/image:Image",
        {
            "localFilePath": str(path),
            "containerFormat": "bare",
            "diskFormat": "raw",
            "properties": {"hw_disk_bus": "virtio"},
            "tags": ["t"],
        },
        "image",
    )
    assert made.out("status") == "active"
    assert made.out("sizeBytes") == 3 << 20
    live(
        made,
        updates={
            "name": {"name": f"{PREFIX}renamed"},
            "tags": {"tags": ["u"]},
            "properties": {"properties": {"hw_disk_bus": "scsi", "hw_rng_model": "virtio"}},
            "fewer": {"properties": {"hw_rng_model": "virtio"}},
            "least": {"minDiskGb": 2, "minRamMb": 64},
            "hidden": {"hidden": True},
            "protected": {"protected": True},
            "free again": {"protected": False, "hidden": False},
        },
        replaces={"diskFormat": "qcow2", "localFilePath": "/other"},
    )
    die(made, make)


def test_image_without_its_file_is_refused(make: Maker) -> None:
    inputs = {"localFilePath": "/none.raw", "containerFormat": "bare", "diskFormat": "raw"}
    with pytest.raises(ProviderError, match="file is not there"):
        make("images/image:Image", inputs)


# --- compute -----------------------------------------------------------------------------------


def test_keypair(make: Maker) -> None:
    public = Ed25519PrivateKey.generate().public_key()
    line = public.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()
    made = make("compute/keypair:Keypair", {"publicKey": f"{line} me\n"}, "key")
    assert made.id == made.out("name")
    live(made, replaces={"publicKey": "ssh-ed25519 AAAA other", "name": "other"})
    die(made, make)


def test_keypair_of_nova_s_making_keeps_its_private_key(make: Maker) -> None:
    try:
        made = make("compute/keypair:Keypair", {}, "made")
    except ProviderError as error:
        pytest.skip(f"this Nova makes no keys: {error.what}")
    assert "PRIVATE KEY" in made.out("privateKey")
    read = made.read()
    assert read is not None
    assert read.outputs["privateKey"] == made.out("privateKey")


def test_flavor_and_access(admin: OpenStackProvider, project: Made) -> None:
    maker = Maker(admin)
    made = maker(
        "compute/flavor:Flavor",
        {"ram": 256, "vcpus": 1, "disk": 2, "extraSpecs": {"hw:cpu_policy": "shared"}},
        f"flavor-{RUN}",
    )
    live(
        made,
        updates={
            "extraSpecs": {"extraSpecs": {"hw:mem_page_size": "small"}},
            "description": {"description": "b"},
        },
        replaces={"ram": 512, "vcpus": 2, "disk": 3, "isPublic": True, "swap": 1},
    )
    allowed = maker(
        "compute/flavorAccess:FlavorAccess", {"flavorId": made.id, "tenantId": project.id}
    )
    live(allowed, replaces={"tenantId": "other"})
    die(allowed, maker)
    die(made, maker)


def test_server_group(make: Maker) -> None:
    made = make("compute/serverGroup:ServerGroup", {"policies": "anti-affinity"}, "group")
    assert made.out("policies") == "anti-affinity"
    live(made, replaces={"policies": "affinity", "name": "other"})
    die(made, make)


def test_instance(
    make: Maker, net: Made, subnet: Made, flavors: tuple[Made, Made], image: Made
) -> None:
    small, large = flavors
    group = make("compute/serverGroup:ServerGroup", {"policies": "soft-anti-affinity"}, "group")
    port = make(
        "networking/port:Port",
        {"networkId": net.id, "fixedIps": [{"subnetId": subnet.id, "ipAddress": "10.99.0.40"}]},
        "port",
    )
    made = make(
        "compute/instance:Instance",
        {
            "flavorId": small.id,
            "imageId": image.id,
            "networks": [{"port": port.id}],
            "schedulerHints": [{"group": group.id}],
            "metadata": {"agency": "so-y-te"},
            "tags": ["agency:so-y-te"],
            "userData": "#cloud-config\n{}\n",
        },
        "server",
    )
    assert made.out("powerState") == "active"
    assert made.out("flavorName") == small.out("name")
    assert made.out("imageName") == image.out("name")
    assert made.out("accessIpV4") == "10.99.0.40"
    assert made.out("networks")[0]["uuid"] == net.id
    assert made.out("networks")[0]["name"] == net.out("name")
    assert made.out("allTags") == ["agency:so-y-te"]
    assert "cloud-config" not in str(made.state.outputs)
    updates = {
        "name": {"name": f"{PREFIX}renamed"},
        "metadata": {"metadata": {"agency": "so-y-te", "system": "hsdt"}},
        "less metadata": {"metadata": {"system": "hsdt"}},
        "tags": {"tags": ["b"]},
        "off": {"powerState": "shutoff"},
        "on": {"powerState": "active"},
        "size": {"flavorId": large.id},
    }
    live(
        made,
        updates=updates,
        replaces={
            "keyPair": "other",
            "userData": "#cloud-config\n{a: 1}\n",
            "networks": [{"port": "other"}],
            "availabilityZone": "other",
            "configDrive": True,
        },
    )
    assert made.out("flavorName") == large.out("name")
    live_volumes(make, made)
    card = make(
        "compute/interfaceAttach:InterfaceAttach", {"instanceId": made.id, "networkId": net.id}
    )
    live(card, replaces={"instanceId": "other"}, findable=False)
    die(card, make)
    die(made, make)


def live_volumes(make: Maker, server: Made) -> None:
    """A volume that is attached, and grows while it is."""
    volume = make("blockstorage/volume:Volume", {"size": 1, "enableOnlineResize": True}, "data")
    attached = make(
        "compute/volumeAttach:VolumeAttach", {"instanceId": server.id, "volumeId": volume.id}
    )
    assert attached.id == f"{server.id}/{volume.id}"
    assert attached.out("device").startswith("/dev/")
    live(attached, replaces={"volumeId": "other"})
    asked = {"size": 2, "enableOnlineResize": True}
    volume.update(asked)
    assert volume.out("size") == 2
    assert volume.changes(asked) == {}
    die(attached, make)
    die(volume, make)


def test_instance_by_names(
    make: Maker, net: Made, subnet: Made, flavors: tuple[Made, Made], image: Made
) -> None:
    made = make(
        "compute/instance:Instance",
        {
            "flavorName": flavors[0].out("name"),
            "imageName": image.out("name"),
            "networks": [{"name": net.out("name")}],
            "securityGroups": ["default"],
        },
        "by-name",
    )
    assert made.out("flavorId") == flavors[0].id
    assert made.out("imageId") == image.id
    assert made.out("securityGroups") == ["default"]
    live(made, updates={"metadata": {"metadata": {"a": "b"}}})
    die(made, make)


def test_server_that_fails_is_kept_and_replaced(
    make: Maker, net: Made, subnet: Made, image: Made, keeper: Maker
) -> None:
    huge = keeper(
        "compute/flavor:Flavor",
        {
            "ram": 64,
            "vcpus": 1,
            "disk": 1,
            "isPublic": True,
            "extraSpecs": {"trait:CUSTOM_NONE": "required"},
        },
        f"huge-{RUN}",
    )
    token = "openstack:compute/instance:Instance"
    urn = f"urn:pulumi:test::test::{token}::{PREFIX}fails"
    inputs = {"flavorId": huge.id, "imageId": image.id, "networks": [{"uuid": net.id}]}
    checked = check(make.provider, urn, token, {}, inputs)
    with pytest.raises((PartialFailureError, ProviderError)) as caught:
        make.provider.create(urn, token, checked, key=key(), timeout=None, preview=False)
    error = caught.value
    if not isinstance(error, PartialFailureError):
        pytest.skip(f"this Nova refuses it at once: {error.what}")
    assert "No valid host" in error.what
    assert error.where is not None
    assert error.where.request_id
    assert error.state.outputs["powerState"] == "error"
    found = make.provider.diff(urn, token, error.state.id, error.state, checked, ())
    assert found.replaces == ["powerState"]
    make.provider.delete(urn, token, error.state.id, error.state, timeout=None)


# --- block storage -----------------------------------------------------------------------------


def test_volume(make: Maker) -> None:
    made = make(
        "blockstorage/volume:Volume",
        {"size": 1, "description": "a", "metadata": {"agency": "so-y-te"}},
        "volume",
    )
    assert made.out("metadata") == {"agency": "so-y-te"}
    live(
        made,
        updates={
            "name": {"name": f"{PREFIX}renamed"},
            "description": {"description": "b"},
            "metadata": {"metadata": {"agency": "x", "system": "y"}},
            "size": {"size": 2},
        },
        replaces={"availabilityZone": "other", "imageId": "other", "snapshotId": "other"},
    )
    with pytest.raises(ProviderError, match="cannot shrink"):
        made.update({**made.inputs, "size": 1})
    die(made, make)


# --- all together ------------------------------------------------------------------------------


# --- object storage ----------------------------------------------------------------------------


def store(cloud: Cloud, path: str, content: bytes) -> str:
    """Store an object; returns its address."""
    return cloud.request(OBJECTS, "PUT", f"/{path}", data=content).url


def anonymously(address: str) -> int:
    """The status of what somebody without a token is answered."""
    with requests.Session() as session:
        session.trust_env = False
        return session.get(address, timeout=30).status_code


def test_container(make: Maker) -> None:
    container = make(
        "objectstorage/container:Container",
        {
            "metadata": {"Quota-Bytes": "1024", "agency": "so-y-te"},
            "containerRead": ".r:*,.rlistings",
            "containerWrite": f"{make.provider._cloud.project_id}:*",
        },
        f"container-{RUN}",
    )
    assert container.id == container.out("name")
    live(
        container,
        updates={
            "metadata": {"metadata": {"agency": "so-y-te", "Quota-Bytes": "2048"}},
            "an item less": {"metadata": {"agency": "so-y-te"}},
            "no metadata": {"metadata": None},
            "versions": {"versioning": True},
            "no versions": {"versioning": False},
            "private": {"containerRead": None, "containerWrite": None},
        },
        replaces={"storagePolicy": "other", "name": "other"},
    )
    die(container, make)


def test_container_s_access_and_quota_hold(make: Maker) -> None:
    cloud = make.provider._cloud
    asked: dict[str, object] = {"metadata": {"Quota-Bytes": "1024"}, "forceDestroy": True}
    container = make("objectstorage/container:Container", asked, f"shelf-{RUN}")
    address = store(cloud, f"{container.id}/hồ sơ.txt", bytes(1000))
    assert anonymously(address) == 401
    container.update({**asked, "containerRead": ".r:*"})
    assert anonymously(address) == 200
    with pytest.raises(CloudError) as caught:
        store(cloud, f"{container.id}/more", bytes(1000))
    assert caught.value.status == 413


def test_container_with_objects_asks_before_it_goes(make: Maker) -> None:
    cloud = make.provider._cloud
    asked: dict[str, object] = {"versioning": True}
    container = make("objectstorage/container:Container", asked, f"kept-{RUN}")
    for content in (b"one", b"two"):
        store(cloud, f"{container.id}/a/b.pdf", content)
    # Once it is deleted, only its versions are left.
    cloud.request(OBJECTS, "DELETE", f"/{container.id}/a/b.pdf")
    with pytest.raises(ProviderError, match="is not empty"):
        container.delete()
    container.update({**asked, "forceDestroy": True})
    die(container, make)


def test_many_at_once_in_few_calls(make: Maker, net: Made, subnet: Made) -> None:
    group = make("networking/secGroup:SecGroup", {"deleteDefaultRules": True}, "bulk")
    before = make.provider.calls.copy()
    jobs = [
        ("networking/secGroupRule:SecGroupRule", {
            "securityGroupId": group.id, "direction": "ingress", "ethertype": "IPv4",
            "protocol": "tcp", "portRangeMin": 8000 + n, "portRangeMax": 8000 + n,
        })
        for n in range(12)
    ] + [
        ("networking/port:Port", {
            "networkId": net.id, "securityGroupIds": [group.id],
            "fixedIps": [{"subnetId": subnet.id, "ipAddress": f"10.99.0.{100 + n}"}],
        })
        for n in range(12)
    ]  # fmt: skip
    with ThreadPoolExecutor(24) as pool:
        made = list(pool.map(lambda job: make(*job), jobs))
    sent = make.provider.calls - before
    assert sent["POST network/ports"] <= 3, sent
    assert sent["POST network/security-group-rules"] <= 3, sent
    for (_, asked), one in zip(jobs, made, strict=True):
        assert one.changes(asked) == {}, "each caller has its own object"
    make.provider.begin_epoch()
    before = make.provider.calls.copy()
    with ThreadPoolExecutor(24) as pool:
        read = list(
            pool.map(lambda one: make.provider.read(one.urn, one.token, one.id, one.state), made)
        )
    assert all(read)
    assert sum((make.provider.calls - before).values()) == 2, "one list a type"
    with ThreadPoolExecutor(24) as pool:
        list(pool.map(Made.delete, made[12:]))
    make.made = [one for one in make.made if one not in made[12:]]


def test_nothing_is_left(tenant: OpenStackProvider, project: Made) -> None:
    """The tests above took away all they made; what is left belongs to this file's fixtures."""
    cloud = tenant._cloud
    owner = {"project_id": project.id}
    for service, path, collection, params, kept in (
        (NETWORK, "/networks", "networks", owner, 1),
        (NETWORK, "/subnets", "subnets", owner, 1),
        (NETWORK, "/routers", "routers", owner, 0),
        (NETWORK, "/floatingips", "floatingips", owner, 0),
        (NETWORK, "/security-groups", "security_groups", owner, 1),  # Neutron's own "default"
        (COMPUTE, "/servers", "servers", {}, 0),
        (COMPUTE, "/os-server-groups", "server_groups", {}, 0),
        (VOLUME, "/volumes", "volumes", {}, 0),
        (IMAGE, "/images", "images", {"owner": project.id}, 0),
        (OBJECTS, "/", "items", {"format": "json"}, 0),
        (IDENTITY, "/projects", "projects", {"name": f"{PREFIX}p-{RUN}"}, 0),
    ):
        left = list(cloud.pages(service, path, collection, params=params))
        assert len(left) <= kept, left
