from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_network
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from pulumi_openstack import networking

from hoaban.model.environment import OfflinePlan
from stacks.components.host import HostComponent, HostDefaults, HostProps
from stacks.components.labels import Labels
from stacks.components.network import NetworkComponent, NetworkProps
from stacks.components.security_group import SecurityGroupComponent, SecurityGroupProps
from tests.unit import factories
from tests.unit.stacks.recording import Recording, Registered, record

if TYPE_CHECKING:
    from hoaban.model.environment import HostPlan

LABELS = Labels("thu-nghiem", "so-y-te")
NETWORK = factories.network("data", 2)
NAME = "so-y-te-portal-data-1"
DEFAULTS = HostDefaults(
    image_id="image-id",
    key_pair="hoaban-thu-nghiem",
    flavor_ids={"small": "flavor-small"},
    external_network="public",
    deploy_key="ssh-ed25519 AAAA deploy",
    timezone="Asia/Ho_Chi_Minh",
    availability_zone="hall-1",
    volume_type="ssd",
)


def host(**changes: Any) -> HostPlan:
    volumes = [factories.volume(f"{NAME}-db", 20), factories.volume(f"{NAME}-log", 5)]
    values: dict[str, Any] = {"volumes": volumes, **changes}
    return factories.host(NAME, NETWORK, **values)


def build(plan: HostPlan, server_group_id: str | None = "group-id") -> Recording:
    def program() -> None:
        network = NetworkComponent(
            NetworkProps(plan=NETWORK, labels=LABELS, project_id="project-id")
        )
        rules = factories.both_families("so-y-te-base")
        group = SecurityGroupComponent(
            SecurityGroupProps(plan=rules, labels=LABELS, project_id="project-id")
        )
        interface = networking.RouterInterface(
            "interface", router_id="router-id", subnet_id=network.subnet_ipv4.id
        )
        HostComponent(
            HostProps(
                plan=plan,
                labels=LABELS,
                project_id="project-id",
                defaults=DEFAULTS,
                network=network,
                security_groups=[group],
                server_group_id=server_group_id,
                routed=[interface],
            )
        )

    return record(program)


@dataclass(frozen=True)
class Built:
    run: Recording

    @property
    def server(self) -> Registered:
        return self.run.one("Instance")

    @property
    def port(self) -> Registered:
        return self.run.one("Port")


@pytest.fixture(scope="module")
def built() -> Built:
    return Built(build(host()))


def test_a_gateways_port_carries_what_is_behind_it() -> None:
    carried = [ip_network("10.1.0.130/32"), ip_network("fd00:0:3::/59")]
    pairs = build(host(carries=carried)).one("Port").inputs["allowedAddressPairs"]
    assert [pair["ipAddress"] for pair in pairs] == ["10.1.0.130/32", "fd00:0:3::/59"]


def test_other_ports_carry_their_own_addresses_alone() -> None:
    assert "allowedAddressPairs" not in build(host()).one("Port").inputs


def test_the_port_has_the_planned_addresses(built: Built) -> None:
    assert built.port.inputs["fixedIps"] == [
        {"subnetId": "so-y-te-data-ipv4-id", "ipAddress": "10.30.2.10"},
        {"subnetId": "so-y-te-data-ipv6-id", "ipAddress": "fd00:30:0:2::a"},
    ]
    assert built.port.inputs["securityGroupIds"] == ["so-y-te-base-id"]
    assert built.port.inputs["networkId"] == "so-y-te-data-id"


def test_the_server_uses_that_port_and_nothing_else_of_the_network(built: Built) -> None:
    assert built.server.inputs["networks"] == [{"port": f"{NAME}-id"}]
    assert "securityGroups" not in built.server.inputs


def test_the_server_is_what_the_plan_says(built: Built) -> None:
    inputs = built.server.inputs
    assert inputs["name"] == NAME
    assert inputs["flavorId"] == "flavor-small"
    assert inputs["imageId"] == "image-id"
    assert inputs["keyPair"] == "hoaban-thu-nghiem"
    assert inputs["availabilityZone"] == "hall-1"
    assert inputs["configDrive"] is False
    assert inputs["schedulerHints"] == [{"group": "group-id"}]
    assert inputs["metadata"] == {
        "hoaban": "thu-nghiem",
        "agency": "so-y-te",
        "system": "portal",
        "tier": "data",
    }


def test_volumes_of_a_third_copy_are_protected_and_attached_by_no_stack() -> None:
    offline = OfflinePlan(days=14, volumes=[factories.volume(f"{NAME}-offline-1", 9)])
    run = build(host(offline=offline))
    volume = run.of("Volume")[f"{NAME}-offline-1"]
    assert volume.protect
    assert volume.inputs["size"] == 9
    assert set(run.of("VolumeAttach")) == {f"{NAME}-db", f"{NAME}-log"}


def test_a_host_without_a_server_group_has_no_hint() -> None:
    assert "schedulerHints" not in build(host(), server_group_id=None).one("Instance").inputs


def test_what_only_the_first_boot_reads_replaces_no_server(built: Built) -> None:
    assert built.server.ignore_changes == ("imageId", "keyPair", "userData")


def test_the_server_waits_for_every_rule_of_its_groups(built: Built) -> None:
    rules = built.run.of("SecGroupRule")
    assert len(rules) == 4
    assert {rule.urn for rule in rules.values()} <= built.server.dependencies


def test_first_boot_names_the_host_and_lets_ansible_in(built: Built) -> None:
    text = built.server.inputs["userData"]
    assert text.startswith("#cloud-config\n")
    data = yaml.safe_load(text)
    assert data["fqdn"] == f"{NAME}.hoaban.test"
    (user,) = data["users"]
    assert user["name"] == "hoaban"
    assert user["lock_passwd"] is True
    assert user["ssh_authorized_keys"] == ["ssh-ed25519 AAAA deploy"]


def test_volumes_are_protected_marked_and_can_grow(built: Built) -> None:
    volumes = built.run.of("Volume")
    assert {name: volume.inputs["size"] for name, volume in volumes.items()} == {
        f"{NAME}-db": 20,
        f"{NAME}-log": 5,
    }
    for volume in volumes.values():
        assert volume.protect
        assert volume.inputs["enableOnlineResize"] is True
        assert volume.inputs["volumeType"] == "ssd"
        assert volume.inputs["metadata"]["agency"] == "so-y-te"
    assert volumes[f"{NAME}-db"].inputs["metadata"]["mount"] == "/srv/db"


def test_volumes_are_attached_one_after_the_other(built: Built) -> None:
    attachments = built.run.of("VolumeAttach")
    first, second = attachments[f"{NAME}-db"], attachments[f"{NAME}-log"]
    assert first.inputs == {"instanceId": f"{NAME}-id", "volumeId": f"{NAME}-db-id"}
    assert first.urn in second.dependencies
    assert not first.protect


def test_what_cannot_exist_twice_goes_before_it_comes_anew(built: Built) -> None:
    attachments = built.run.of("VolumeAttach").values()
    assert all(r.delete_before_replace for r in (built.server, built.port, *attachments))


def test_a_floating_ip_waits_for_the_router_and_takes_the_ipv4_address() -> None:
    run = build(host(floating_ip=True, volumes=[]))
    address = run.one("FloatingIp")
    assert address.inputs["pool"] == "public"
    assert address.inputs["portId"] == f"{NAME}-id"
    assert address.inputs["fixedIp"] == "10.30.2.10"
    assert run.one("RouterInterface").urn in address.dependencies


def test_a_host_has_no_floating_ip_unless_planned(built: Built) -> None:
    assert built.run.of("FloatingIp") == {}


def test_all_of_it_says_whose_it_is() -> None:
    run = build(host(floating_ip=True))
    for type_ in ("Port", "Instance", "FloatingIp"):
        assert "agency:so-y-te" in run.one(type_).inputs["tags"], type_
    for volume in run.of("Volume").values():
        assert volume.inputs["description"].endswith("[agency:so-y-te]")
