from __future__ import annotations

import math

import pytest

from hoaban.model.spec import Size
from hoaban.provision.capacity import pool_room
from hoaban.provision.needs import (
    Machine,
    NewThings,
    compute_errors,
    quota_errors,
    totals,
    volume_errors,
)
from tests.unit import factories

TINY = Size(vcpus=1, ram_mb=512, disk_gb=1)
LARGE = Size(vcpus=8, ram_mb=16_384, disk_gb=100)


def machine(vcpus: float, largest: float | None = None) -> Machine:
    free = {"VCPU": vcpus, "MEMORY_MB": 100_000, "DISK_GB": 1000}
    return Machine(free, {**free, "VCPU": largest or vcpus})


def test_totals_of_a_plan() -> None:
    assert totals(factories.agency_plan()) == {
        "instances": 3,
        "cores": 3,
        "ram": 3072,
        "server_groups": 1,
        "volumes": 2,
        "gigabytes": 25,
        "network": 2,
        "subnet": 4,
        "port": 3,
        "security_group": 2,
        "security_group_rule": 8,
        "floatingip": 0,
    }


def test_a_quota_is_named_with_what_it_has_and_what_is_needed() -> None:
    (error,) = quota_errors("p", {"cores": 4, "ram": 10}, {"cores": 3, "ram": 10})
    assert error.what == "the quota `cores` of the project p is 3, 4 are planned"


def test_an_unlimited_quota_holds_everything() -> None:
    assert list(quota_errors("p", {"cores": 10_000}, {"cores": -1})) == []


def test_everything_is_new_to_an_empty_cloud() -> None:
    new = NewThings.of(factories.foundation_plan(), None)
    assert (len(new.servers), new.volumes, new.floating_ips) == (2, [40], 1)


def test_only_what_is_added_or_grows_is_new() -> None:
    built = factories.agency_plan()
    *webs, data = built.hosts
    grown = [data.volumes[0].model_copy(update={"size_gb": 35}), data.volumes[1]]
    third = webs[0].model_copy(update={"name": "so-y-te-portal-web-3", "floating_ip": True})
    hosts = [*webs, third, data.model_copy(update={"volumes": grown})]
    new = NewThings.of(built.model_copy(update={"hosts": hosts}), built)
    assert (len(new.servers), new.volumes, new.floating_ips) == (1, [15], 1)


def test_servers_that_fit_are_no_error() -> None:
    assert list(compute_errors(NewThings([TINY] * 4), [machine(2), machine(2)])) == []


def test_all_machines_together_may_be_too_small() -> None:
    (error,) = compute_errors(NewThings([TINY] * 5), [machine(2), machine(2)])
    assert error.what == "the cloud has 4 vCPUs left, 5 more are planned"


def test_one_server_may_be_too_large_for_each_machine() -> None:
    errors = list(compute_errors(NewThings([LARGE]), [machine(32, largest=2), machine(4)]))
    assert [error.what for error in errors] == [
        (
            "no machine of the cloud has room for a server of 8 vCPUs, 16384 MiB of memory and "
            "100 GiB of disk"
        )
    ]


def test_a_cloud_without_machines_takes_no_server() -> None:
    assert len(list(compute_errors(NewThings([TINY]), []))) == 1


def test_disk_kept_elsewhere_than_on_the_machine_is_not_counted() -> None:
    shared = Machine({"VCPU": 8, "MEMORY_MB": 8192}, {"VCPU": 8, "MEMORY_MB": 8192})
    assert list(compute_errors(NewThings([TINY]), [shared])) == []


def test_a_server_that_takes_another_size_is_no_new_one() -> None:
    built = factories.agency_plan()
    first, *rest = built.hosts
    larger = first.model_copy(update={"size": LARGE, "size_name": "large"})
    new = NewThings.of(built.model_copy(update={"hosts": [larger, *rest]}), built)
    assert (new.servers, new.resized) == ([], [(first.size, LARGE)])


def test_growth_of_resized_servers_counts() -> None:
    """From 1 vCPU to 8, twice: 14 more in the end, and 8 free at once on one machine."""
    resized = NewThings(resized=[(TINY, LARGE)] * 2)
    assert list(compute_errors(resized, [machine(8), machine(6)])) == []
    (error,) = compute_errors(resized, [machine(8), machine(5)])
    assert error.what == "the cloud has 13 vCPUs left, 14 more are planned"
    both = NewThings([TINY], resized.resized)
    (error,) = compute_errors(both, [machine(8), machine(6)])
    assert error.what == "the cloud has 14 vCPUs left, 15 more are planned"


def test_a_resize_needs_a_machine_with_room_for_the_new_size() -> None:
    (error,) = compute_errors(NewThings(resized=[(TINY, LARGE)]), [machine(7), machine(7)])
    assert "no machine of the cloud has room for a server of 8 vCPUs" in error.what


def test_what_a_smaller_size_gives_back_is_not_promised_to_new_servers() -> None:
    shrinking = NewThings([TINY] * 3, [(LARGE, TINY)])
    (error,) = compute_errors(shrinking, [machine(2)])
    assert error.what == "the cloud has 2 vCPUs left, 3 more are planned"
    assert list(compute_errors(NewThings(resized=[(LARGE, TINY)]), [machine(1)])) == []


@pytest.mark.parametrize(
    ("volumes", "pools", "words"),
    [
        ([10, 10], [15.0, 15.0], None),
        ([], [], None),
        ([20], [15.0, 15.0], "no storage pool has room for a volume of 20 GiB"),
        ([10, 10], [12.0], "the cloud has 12 GiB left for volumes, 20 GiB more"),
        ([10], [], "no storage pool has room"),
        ([10**6], [math.inf], None),
    ],
)
def test_volumes_against_pools(volumes: list[int], pools: list[float], words: str | None) -> None:
    errors = [error.what for error in volume_errors(volumes, pools)]
    if words is None:
        assert errors == []
    else:
        (what,) = errors
        assert words in what


@pytest.mark.parametrize(
    ("pool", "room"),
    [
        ({"total_capacity_gb": 100, "free_capacity_gb": 40, "reserved_percentage": 10}, 30),
        ({"total_capacity_gb": "unknown", "free_capacity_gb": "unknown"}, math.inf),
        ({"total_capacity_gb": 100, "free_capacity_gb": "infinite"}, math.inf),
        (
            {
                "total_capacity_gb": 100,
                "free_capacity_gb": 40,
                "thin_provisioning_support": True,
                "max_over_subscription_ratio": "20.0",
                "provisioned_capacity_gb": 500,
            },
            1500,
        ),
    ],
)
def test_what_a_pool_has_left(pool: dict[str, object], room: float) -> None:
    assert pool_room(pool) == room
