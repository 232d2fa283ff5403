from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, cast

import pytest

from hoaban.errors import HoabanError
from hoaban.model.outputs import ProvinceResources, StackOutputs
from hoaban.openstack.cloud import COMPUTE, IDENTITY, IMAGE, NETWORK, PLACEMENT, VOLUME, Cloud
from hoaban.openstack.errors import CloudError
from hoaban.provision.preflight import Checks, preflight
from hoaban.provision.stacks import config_file, stack_for
from hoaban.provision.target import Target
from tests.unit.provision.fakes import FakeCloud
from tests.user import rows

if TYPE_CHECKING:
    from tests.cloud.province import SmallProvince

LENT = ProvinceResources(
    router_id="router",
    key_pair="key",
    image_id="image-id",
    image_name="debian-13",
    flavor_ids={"tiny": "flavor-tiny"},
    bastion="bastion",
)
CLOUD: dict[tuple[str, str], Any] = {
    (NETWORK, "/networks"): {
        "networks": [{"id": "ext", "name": "public", "router:external": True}]
    },
    (NETWORK, "/network-ip-availabilities/ext"): {
        "network_ip_availability": {
            "subnet_ip_availability": [
                {"ip_version": 4, "total_ips": 10, "used_ips": 4},
                {"ip_version": 6, "total_ips": 99, "used_ips": 0},
            ]
        }
    },
    (COMPUTE, "/flavors"): {"flavors": [{"id": "flavor-tiny"}]},
    (IMAGE, "/images/image-id"): {"id": "image-id", "status": "active"},
    (IMAGE, "/images"): {"images": [{"id": "i", "status": "active"}]},
    (COMPUTE, "/os-hypervisors/detail"): {
        "hypervisors": [
            {"id": "one", "state": "up", "status": "enabled", "service": {"host": "host-1"}},
            {"id": "two", "state": "down", "status": "enabled", "service": {"host": "host-2"}},
        ]
    },
    (PLACEMENT, "/resource_providers/one/inventories"): {
        "inventories": {
            "VCPU": {"total": 4, "reserved": 0, "allocation_ratio": 2.0, "max_unit": 4},
            "MEMORY_MB": {
                "total": 8192,
                "reserved": 512,
                "allocation_ratio": 1.0,
                "max_unit": 8192,
            },
            "DISK_GB": {"total": 100, "reserved": 0, "allocation_ratio": 1.0, "max_unit": 100},
        }
    },
    (PLACEMENT, "/resource_providers/one/usages"): {
        "usages": {"VCPU": 1, "MEMORY_MB": 1024, "DISK_GB": 10}
    },
    (VOLUME, "/scheduler-stats/get_pools"): {
        "pools": [
            {
                "capabilities": {
                    "total_capacity_gb": 50,
                    "free_capacity_gb": 40,
                    "volume_backend_name": "slow",
                }
            }
        ]
    },
}


def checks(target: Target, **changes: Any) -> Checks:
    answers = {**CLOUD, **cast("dict[tuple[str, str], Any]", changes.get("answers", {}))}
    return Checks(target, stack_for(target), cast("Cloud", FakeCloud(answers)))


def faults(target: Target, answers: dict[tuple[str, str], Any] | None = None) -> list[str]:
    made = checks(target, answers=answers or {})
    lent = None if target.agency is None else LENT
    return [error.what for check in made.all(lent) for error in made.run(check)]


def test_a_cloud_that_has_all_is_no_fault(small: SmallProvince) -> None:
    assert faults(small.target()) == []
    assert faults(small.target(None)) == []


@pytest.mark.parametrize(
    ("networks", "words"),
    [
        ([], "the network `public` does not exist in the cloud"),
        ([{"id": "n", "router:external": False}], "the network `public` is not external"),
    ],
)
def test_the_external_network_must_be_one(
    small: SmallProvince, networks: list[Any], words: str
) -> None:
    (what,) = faults(small.target(), {(NETWORK, "/networks"): {"networks": networks}})
    assert words in what


def test_floating_ips_may_run_out(small: SmallProvince) -> None:
    full = {
        "network_ip_availability": {
            "subnet_ip_availability": [{"ip_version": 4, "total_ips": 10, "used_ips": 10}]
        }
    }
    answers = {(NETWORK, "/network-ip-availabilities/ext"): full}
    assert faults(small.target(None), answers) == [
        "the network `public` has 0 free addresses, 2 more are planned"
    ]


def test_a_missing_flavor_is_named_by_its_size(small: SmallProvince) -> None:
    assert faults(small.target(), {(COMPUTE, "/flavors"): {"flavors": []}}) == [
        "the flavor of the size `tiny` is gone from the cloud (flavor-tiny)"
    ]


def test_a_size_that_the_foundation_has_not_made_is_named(small: SmallProvince) -> None:
    small.tiers["web"]["size"] = "small"
    assert "the foundation has no flavor for the size `small` yet" in faults(small.target())


@pytest.mark.parametrize("image", [None, {"id": "image-id", "status": "queued"}])
def test_a_missing_image_is_named(small: SmallProvince, image: dict[str, Any] | None) -> None:
    assert faults(small.target(), {(IMAGE, "/images/image-id"): image}) == [
        "the guest image `debian-13` is gone from the cloud (image-id)"
    ]


def test_the_image_of_the_configuration_must_be_there(small: SmallProvince) -> None:
    target = small.target(None)
    config_file(target).parent.mkdir(parents=True)
    config_file(target).write_text("config:\n  province:image: debian-99\n")
    assert faults(target, {(IMAGE, "/images"): {"images": []}}) == [
        "the cloud has no image `debian-99`"
    ]


def test_capacity_is_counted_on_machines_that_are_up(small: SmallProvince) -> None:
    small.tiers["web"]["count"] = 10
    assert faults(small.target()) == ["the cloud has 7 vCPUs left, 11 more are planned"]


def test_a_resized_server_needs_room_too(
    small: SmallProvince, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = small.target()
    monkeypatch.setattr(Target, "built", lambda _: built(before))
    monkeypatch.setattr(Checks, "quotas", lambda _: iter(()))
    monkeypatch.setattr(Checks, "lent_flavors", lambda *_: iter(()))
    sizes = small.province["sizes"]
    sizes["huge"] = {"vcpus": 2, "ram_mb": 6500, "disk_gb": 2}
    small.tiers["data"]["size"] = "huge"
    assert faults(small.target()) == []
    sizes["huge"]["ram_mb"] = 7000
    (what,) = faults(small.target())
    assert what.startswith("no machine of the cloud has room for a server of 2 vCPUs, 7000 MiB")


def test_volumes_that_do_not_fit(small: SmallProvince) -> None:
    small.tiers["data"]["volumes"][0]["size_gb"] = 60
    (what,) = faults(small.target())
    assert what.startswith("no storage pool has room for a volume of 60 GiB")


def test_all_faults_are_told_together(small: SmallProvince) -> None:
    small.tiers["data"]["volumes"][0]["size_gb"] = 60
    answers: dict[tuple[str, str], Any] = {(COMPUTE, "/flavors"): {"flavors": []}}
    assert len(faults(small.target(), answers)) == 2


def test_what_may_not_be_looked_at_is_noted(small: SmallProvince) -> None:
    refused = CloudError("Policy doesn't allow it", status=403)
    made = checks(small.target(), answers={(VOLUME, "/scheduler-stats/get_pools"): refused})
    assert made.run(made.storage) == []
    assert made.unchecked == ["storage: Policy doesn't allow it"]


def test_another_error_of_the_cloud_is_raised(small: SmallProvince) -> None:
    broken = CloudError("it burns", status=500)
    made = checks(small.target(), answers={(VOLUME, "/scheduler-stats/get_pools"): broken})
    with pytest.raises(CloudError, match="it burns"):
        made.run(made.storage)


def built(target: Target) -> StackOutputs:
    return StackOutputs(environment=target.plan, project_id="p1", networks={}, hosts={})


def quotas(cores: int) -> dict[tuple[str, str], Any]:
    unlimited = dict.fromkeys(("instances", "ram", "server_groups", "volumes", "gigabytes"), -1)
    return {
        (IDENTITY, "/projects/p1"): {"project": {"id": "p1"}},
        (COMPUTE, "/os-quota-sets/p1"): {"quota_set": {**unlimited, "cores": cores}},
        (VOLUME, "/os-quota-sets/p1"): {"quota_set": unlimited},
        (NETWORK, "/quotas/p1"): {"quota": {}},
    }


def test_a_quota_that_was_lowered_by_hand_is_named(
    small: SmallProvince, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = small.target()
    monkeypatch.setattr(Target, "built", built)
    assert faults(target, quotas(cores=2)) == [
        "the quota `cores` of the project thu-nghiem-so-thu-nghiem is 2, 3 are planned"
    ]
    assert faults(target, quotas(cores=3)) == []


def test_quotas_that_the_plan_sets_anew_are_not_compared(
    small: SmallProvince, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = small.target()
    monkeypatch.setattr(Target, "built", lambda _: built(before))
    small.tiers["web"]["count"] = 3
    assert faults(small.target(), quotas(cores=1)) == []


def test_an_agency_needs_its_foundation(small: SmallProvince) -> None:
    with pytest.raises(HoabanError, match="foundation of Test Province has not been built"):
        checks(small.target()).lent()


def test_a_cloud_that_is_down_is_the_first_thing_told(small: SmallProvince) -> None:
    target = small.target(None)
    with pytest.raises(HoabanError, match="cannot reach the identity service") as caught:
        preflight(target, stack_for(target))
    assert "hoaban lab status" in str(caught.value.mend)


def used(**more: int) -> dict[tuple[str, str], Any]:
    """What a project of wide quotas has in use."""
    names = ("instances", "cores", "ram", "volumes", "gigabytes")
    told = {name: {"in_use": more.get(name, 0), "limit": 5, "reserved": 0} for name in names}
    ports = {"used": more.get("port", 0), "limit": 20, "reserved": 0}
    return {
        **quotas(cores=100),
        (COMPUTE, "/os-quota-sets/p1/detail"): {"quota_set": {"id": "p1", **told}},
        (VOLUME, "/os-quota-sets/p1"): {"quota_set": {"id": "p1", **told}},
        (NETWORK, "/quotas/p1/details.json"): {"quota": {"port": ports}},
    }


@pytest.fixture
def grown(small: SmallProvince, monkeypatch: pytest.MonkeyPatch) -> Target:
    """The department is built, and is to have a server more."""
    before = small.target()
    monkeypatch.setattr(Target, "built", lambda _: built(before))
    small.tiers["web"]["count"] = 3
    return small.target()


def assert_told(name: str, what: str) -> None:
    """The page of errors has these words."""
    assert re.fullmatch(".*".join(map(re.escape, rows()[name].said.split("…"))), what)


def test_what_others_made_in_the_project_takes_its_quota(grown: Target) -> None:
    assert faults(grown, used(instances=4, cores=4, port=19)) == []
    limit = grown.plan.quota.instances
    (what,) = faults(grown, used(instances=limit))
    assert_told("a project in which others made something", what)
    ports = grown.plan.quota.ports
    (what,) = faults(grown, used(port=max(20, ports)))
    assert what.startswith("of the quota `port` of the project")


def test_what_is_in_use_is_asked_only_where_something_is_added(
    small: SmallProvince, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = small.target()
    monkeypatch.setattr(Target, "built", lambda _: built(target))
    assert list(checks(target, answers={}).usage()) == []


def test_the_router_needs_ports_of_its_own_project(
    small: SmallProvince, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An agency that the foundation does not know yet: two networks, of two subnets each."""
    foundation = small.target(None)
    monkeypatch.setattr(Target, "built", lambda self: None if self.agency else built(foundation))
    assert faults(small.target(), used(port=16)) == []
    assert faults(small.target(), used(port=17)) == [
        "the province's router has 3 ports left in the quota of its project, 4 more are planned"
    ]
    (what,) = faults(small.target(), used(port=17))
    assert_told("an agency that the foundation does not know yet", what)


def test_only_machines_of_the_zone_count(small: SmallProvince) -> None:
    zones = [{"zoneName": "hall-1", "hosts": {"host-9": {}}}, {"zoneName": "hall-2", "hosts": None}]
    answers = {(COMPUTE, "/os-availability-zone/detail"): {"availabilityZoneInfo": zones}}
    small.province["cloud"]["availability_zone"] = "hall-1"
    assert faults(small.target(), answers)[0].startswith("no machine of the cloud has room")
    zones[0]["hosts"] = {"host-1": {}}
    assert faults(small.target(), answers) == []


def test_only_pools_of_the_volume_type_count(small: SmallProvince) -> None:
    fast: dict[str, Any] = {"name": "fast", "extra_specs": {"volume_backend_name": "quick"}}
    answers = {(VOLUME, "/types"): {"volume_types": [{"name": "other"}, fast]}}
    small.province["cloud"]["volume_type"] = "fast"
    assert faults(small.target(), answers)[0].startswith("no storage pool has room for a volume")
    fast["extra_specs"] = {"volume_backend_name": "slow"}
    assert faults(small.target(), answers) == []
    fast["extra_specs"] = {}
    assert faults(small.target(), answers) == []
