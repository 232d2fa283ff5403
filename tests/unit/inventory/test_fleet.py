from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hoaban.errors import HoabanError
from hoaban.inventory.fleet import Fleet
from hoaban.inventory.variables import groups_of, host_variables, stack_variables
from hoaban.testing import estate, exported

if TYPE_CHECKING:
    from hoaban.workspace import Workspace


def test_all_but_the_bastion_go_through_it_to_their_inner_address(provisioned: Workspace) -> None:
    fleet = Fleet.read(provisioned)
    bastion = fleet.host(estate.BASTION)
    database = fleet.host("so-y-te-portal-data-1")
    assert fleet.bastion is bastion
    assert (fleet.jump_of(bastion), fleet.address_of(bastion)) == (None, exported.FLOATING_IP)
    assert (fleet.jump_of(database), fleet.address_of(database)) == (bastion, "10.65.1.138")


def test_without_a_province_hosts_are_reached_straight(workspace: Workspace) -> None:
    exported.write_checkpoint(workspace.backend, "agency", "so-y-te", estate.department())
    fleet = Fleet.read(workspace)
    host = fleet.host("so-y-te-portal-web-1")
    assert fleet.bastion is None
    assert fleet.jump_of(host) is None
    assert fleet.address_of(host) == "10.65.1.10"


def test_host_by_full_name_and_help_for_a_half_name(provisioned: Workspace) -> None:
    fleet = Fleet.read(provisioned)
    assert fleet.host("sonla-backup-1.sonla.example").name == "sonla-backup-1"
    with pytest.raises(HoabanError) as caught:
        fleet.host("portal-app")
    assert caught.value.mend == "did you mean so-y-te-portal-app-1?"


def test_an_agency_never_provisioned_is_told_with_the_command(provisioned: Workspace) -> None:
    with pytest.raises(HoabanError) as caught:
        Fleet.read(provisioned).hosts_of("so-tai-chinh")
    assert caught.value.mend == "hoaban up so-tai-chinh"


def test_two_stacks_with_one_host_are_refused(provisioned: Workspace) -> None:
    exported.write_checkpoint(provisioned.backend, "copy", "so-y-te", estate.department())
    with pytest.raises(HoabanError, match="two stacks hold a host so-y-te-portal-web-1"):
        Fleet.read(provisioned)


def test_a_planned_host_without_a_server_is_named(workspace: Workspace) -> None:
    outputs = estate.department()
    built = {name: host for name, host in outputs.hosts.items() if "app" not in name}
    estate.write_estate(workspace.backend, outputs.model_copy(update={"hosts": built}))
    fleet = Fleet.read(workspace)
    assert fleet.unbuilt("so-y-te") == ["so-y-te-portal-app-1"]
    assert [host.name for host in fleet.hosts_of("so-y-te")] == [
        "so-y-te-portal-web-1",
        "so-y-te-portal-data-1",
    ]


def test_groups(provisioned: Workspace) -> None:
    fleet = Fleet.read(provisioned)
    assert list(groups_of(fleet.host("so-y-te-portal-web-1"))) == [
        "zone_web",
        "tier_web",
        "system_so_y_te_portal",
    ]
    assert list(groups_of(fleet.host(estate.BASTION))) == [
        "zone_management",
        "role_bastion",
        "role_time",
    ]


def test_variables_are_the_plan_and_nothing_else(provisioned: Workspace) -> None:
    fleet = Fleet.read(provisioned)
    host = fleet.host("so-y-te-portal-data-1")
    variables = host_variables(host)
    assert variables["hoaban_volumes"] == [
        {
            "name": "so-y-te-portal-data-1-db",
            "label": "db1",
            "size_gb": 10,
            "mount": "/srv/db",
            "filesystem": "ext4",
            "volume_id": exported.identifier("so-y-te-portal-data-1-db"),
        }
    ]
    rules = variables["hoaban_rules"]
    assert [rule["id"] for rule in rules] == [rule.id for rule in host.rules]
    assert rules[0] == {
        "id": "ssh-ipv4",
        "direction": "ingress",
        "protocol": "tcp",
        "family": "ipv4",
        "port_min": 22,
        "port_max": 22,
        "remote": "10.64.0.0/26",
        "reason": {
            "vi": "Đăng nhập qua máy chủ trung gian",
            "en": "Log in through the bastion",
        },
    }


def test_settings_of_an_agency_are_the_provinces(provisioned: Workspace) -> None:
    fleet = Fleet.read(provisioned)
    variables = stack_variables(fleet, fleet.state_of("so-y-te"))
    assert variables["hoaban_ntp_servers"] == ["10.64.0.10", "fd64::a"]
    assert variables["hoaban_operators"][0]["name"] == "lan"
    assert variables["hoaban_agency"]["name_vi"] == "Sở Y tế"
    assert variables["hoaban_domain"] == "so-y-te.sonla.example"
