"""What follows from the files: names, hosts, volumes, quotas, settings."""

from __future__ import annotations

from ipaddress import ip_address
from time import process_time
from typing import TYPE_CHECKING

import pytest

from hoaban.errors import HoabanError
from hoaban.model import Province, ledgerfile, load
from hoaban.model.environment import EnvironmentPlan, HostPlan
from hoaban.model.quota import with_head_room
from hoaban.model.spec import Backup

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def province(inventory: Path) -> Province:
    return load(inventory)


def test_names_of_hosts_groups_volumes_and_containers(province: Province) -> None:
    plan = province.environment("so-a")
    assert [host.name for host in plan.hosts] == [
        "so-a-cong-web-1",
        "so-a-cong-web-2",
        "so-a-cong-app-1",
        "so-a-cong-app-2",
        "so-a-cong-app-3",
        "so-a-cong-data-1",
    ]
    data = plan.hosts[-1]
    assert data.fqdn == "so-a-cong-data-1.dc.a.example"
    assert data.security_groups == ["so-a-base", "so-a-cong-data"]
    assert [(one.name, one.label, one.mount) for one in data.volumes] == [
        ("so-a-cong-data-1-pgdata", "pgdata", "/srv/pg"),
        ("so-a-cong-data-1-wal", "wal", "/srv/wal"),
    ]
    assert data.backup is not None
    assert data.backup.rpo_hours == 4
    assert [container.name for container in plan.containers] == ["so-a-cong-tep"]
    assert plan.project == "tinh-a-so-a"
    assert [network.name for network in plan.networks] == ["so-a-web", "so-a-app", "so-a-data"]


def test_a_tier_of_one_has_a_server_group_so_that_a_second_can_join(province: Province) -> None:
    plan = province.environment("so-a")
    assert plan.server_groups == ["so-a-cong-web", "so-a-cong-app", "so-a-cong-data"]
    assert plan.hosts[-1].server_group == "so-a-cong-data"


def test_networks_only_where_a_tier_is(province: Province) -> None:
    [network] = province.environment("xa-b").networks
    assert network.zone == "data"
    assert str(network.ipv4) == "10.2.1.128/26"
    assert network.gateway_ipv4 == ip_address("10.2.1.129")
    assert network.pool_ipv4 == (ip_address("10.2.1.183"), ip_address("10.2.1.190"))
    assert network.pool_ipv6 == (ip_address("fd00:0:2:102::37"), ip_address("fd00:0:2:102::3e"))


def test_no_host_has_an_address_of_the_cloud_s_own_pool(province: Province) -> None:
    for slug in province.agencies:
        plan = province.environment(slug)
        for host in plan.hosts:
            network = next(one for one in plan.networks if one.zone == host.zone)
            assert network.gateway_ipv4 < host.ipv4 < network.pool_ipv4[0]
            assert network.gateway_ipv6 < host.ipv6 < network.pool_ipv6[0]


def test_an_unknown_agency_is_answered_with_near_names(province: Province) -> None:
    with pytest.raises(HoabanError) as caught:
        province.environment("so-aa")
    assert caught.value.mend == "did you mean `so-a`?"
    with pytest.raises(HoabanError) as caught:
        province.environment("quan-doi")
    assert caught.value.mend == ("the province has `so-a`, `xa-b`; add one: hoaban new quan-doi")


def test_settings_of_every_host(province: Province) -> None:
    settings = province.settings()
    assert [str(one) for one in settings.ntp_servers] == ["10.1.0.10", "fd00:0:1::a"]
    assert settings.ntp_upstream == ["192.0.2.123"]
    assert [str(one) for one in settings.dns_servers] == ["192.0.2.53", "2001:db8::53"]
    assert settings.mirror == "http://192.0.2.80:3142/debian"
    assert [operator.name for operator in settings.operators] == ["lan"]


def test_hosts_of_the_province_that_hold_data_are_backed_up(blank: Path) -> None:
    path = blank / "province.yml"
    more = "  registry:\n    size: tiny\n    services: [pki]\n    volumes:\n"
    more += "      - {name: ca, size_gb: 1, mount: /srv/ca}\n"
    path.write_text(path.read_text("utf-8").rstrip("\n") + "\n" + more, "utf-8")
    ledgerfile.allocate(blank)
    hosts = {host.name: host for host in load(blank).foundation().hosts}
    assert hosts["registry"].backup == Backup()
    assert hosts["backup-1"].backup is None  # what it holds are the backups
    assert hosts["bastion"].backup is None


def test_a_plan_comes_back_from_json_as_it_went(province: Province) -> None:
    for plan in (province.foundation(), province.environment("so-a")):
        assert EnvironmentPlan.model_validate_json(plan.model_dump_json()) == plan


@pytest.mark.parametrize(
    ("planned", "at_least", "limit"),
    [(0, 1, 0), (1, 1, 2), (4, 1, 5), (5, 1, 6), (6, 1, 8), (10, 4, 14), (100, 4, 120)],
)
def test_head_room_is_a_fifth_and_at_least_one_server(
    planned: int, at_least: int, limit: int
) -> None:
    assert with_head_room(planned, at_least) == limit


def test_a_quota_holds_what_is_planned_and_one_server_more(province: Province) -> None:
    plan = province.environment("so-a")
    quota = plan.quota
    largest = max(host.size.ram_mb for host in plan.hosts)
    assert quota.instances >= len(plan.hosts) + 1
    assert quota.ram_mb >= sum(host.size.ram_mb for host in plan.hosts) + largest
    assert quota.gigabytes >= 25 + 20
    assert quota.ports >= len(plan.hosts) + len(plan.networks) + 1
    assert quota.security_groups >= len(plan.security_groups) + 2
    rules = sum(len(group.rules) for group in plan.security_groups)
    assert quota.security_group_rules >= rules + 4 + 1
    assert quota.server_group_members >= 3 + 1
    assert quota.floating_ips == 0


def test_the_foundation_has_room_for_router_ports_of_all_agencies(province: Province) -> None:
    plan = province.foundation()
    own = len(plan.hosts) + len(plan.networks) * 3
    assert plan.quota.ports >= own + 2 * 3 * len(province.agencies)
    assert plan.quota.floating_ips == 2


def test_an_agency_without_systems_has_its_place_and_nothing_built(inventory: Path) -> None:
    path = inventory / "agencies" / "xa-b.yml"
    text = path.read_text("utf-8")
    path.write_text(text[: text.index("systems:")], "utf-8")
    plan = load(inventory).environment("xa-b")
    assert (plan.hosts, plan.networks, plan.server_groups) == ([], [], [])
    assert plan.quota.instances == plan.quota.networks == plan.quota.ports == 0
    assert [group.name for group in plan.security_groups] == ["xa-b-base"]


def test_a_thousand_agencies_load_in_seconds(inventory: Path) -> None:
    province = inventory / "province.yml"
    text = province.read_text("utf-8")
    for narrow, wide in (
        ("10.2.0.0/20", "10.16.0.0/12"),
        ("fd00:0:2::/52", "fd00:1::/40"),
        ("10.3.0.0/22", "10.32.0.0/12"),
        ("fd00:0:3::/60", "fd00:0:3::/48"),
    ):
        text = text.replace(narrow, wide)
    province.write_text(text, "utf-8")
    (inventory / "addresses.yml").unlink()
    agency = (inventory / "agencies" / "xa-b.yml").read_text("utf-8")
    for number in range(1000):
        path = inventory / "agencies" / f"xa-m{number}.yml"
        path.write_text(agency.replace("slug: xa-b\n", f"slug: xa-m{number}\n"), "utf-8")
    ledgerfile.allocate(inventory)
    started = process_time()
    loaded = load(inventory)
    assert len(loaded.agencies) == 1002
    # Some 1.5 s of one core; what grows with the square of the number would take minutes.
    assert process_time() - started < 15


STANDBY = """\
  backup-2:
    size: tiny
    zone: services
    services: [backup_host]
    standby_of: backup-1
    volumes:
      - {name: backup, size_gb: 4, mount: /srv/backup}
"""


def test_volumes_of_a_third_copy_are_the_host_s_and_not_among_its_mounts(inventory: Path) -> None:
    path = inventory / "province.yml"
    text = path.read_text("utf-8") + STANDBY
    path.write_text(text, "utf-8")
    ledgerfile.allocate(inventory)
    before = load(inventory).foundation().quota
    path.write_text(f"{text}    offline: {{size_gb: 8}}\n", "utf-8")
    plan = load(inventory).foundation()
    host = next(one for one in plan.hosts if one.name == "backup-2")
    assert host.offline is not None
    assert [(one.name, one.label, one.mount) for one in host.offline.volumes] == [
        ("backup-2-offline-1", "offline-1", "/srv/offline"),
        ("backup-2-offline-2", "offline-2", "/srv/offline"),
    ]
    assert host.offline.days == 14
    assert [one.name for one in host.volumes] == ["backup-2-backup"]
    assert plan.quota.volumes >= before.volumes + 2
    assert plan.quota.gigabytes >= before.gigabytes + 16


def test_a_standby_takes_copies_and_no_clients(inventory: Path) -> None:
    path = inventory / "province.yml"
    path.write_text(path.read_text("utf-8") + STANDBY, "utf-8")
    ledgerfile.allocate(inventory)
    province = load(inventory)
    plan = province.foundation()
    hosts = {host.name: host for host in plan.hosts}
    first, second = hosts["backup-1"], hosts["backup-2"]
    assert (first.standby_of, second.standby_of) == (None, "backup-1")
    assert (first.backup, second.backup) == (None, None)
    assert second.security_groups == ["tinh-a-base", "tinh-a-backup-standby"]

    def to_port(host: HostPlan, direction: str) -> set[str]:
        found = [one for one in plan.rules_of(host) if one.port_min == 8000]
        return {str(one.remote) for one in found if one.direction == direction}

    assert to_port(second, "ingress") == {f"{first.ipv4}/32", f"{first.ipv6}/128"}
    assert {f"{second.ipv4}/32", f"{second.ipv6}/128"} <= to_port(first, "egress")
    [client] = [one for one in province.environment("so-a").hosts if one.backup][:1]
    rules = province.environment("so-a").rules_of(client)
    backups = {str(one.remote) for one in rules if one.port_min == 8000}
    assert backups == {f"{first.ipv4}/32", f"{first.ipv6}/128"}
