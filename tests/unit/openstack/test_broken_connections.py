"""Connections that break in the middle of a write: what was made is neither lost nor made twice."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from hoaban.engine.provider import ProviderError
from tests.cloud.lifecycle import check, key

if TYPE_CHECKING:
    from hoaban.engine.provider import ResourceState
    from hoaban.openstack import OpenStackProvider
    from tests.cloud.lifecycle import Maker
    from tests.unit.openstack.fake_services import World

INTERFACE = "openstack:networking/routerInterface:RouterInterface"
URN = f"urn:pulumi:test::test::{INTERFACE}::thing"
ADD = "/add_router_interface"


@pytest.fixture
def asked(make: Maker) -> dict[str, Any]:
    """Inputs of an interface of a router."""
    net = make("networking/network:Network", {}, "net")
    subnet = make("networking/subnet:Subnet", {"networkId": net.id, "cidr": "10.0.0.0/24"})
    router = make("networking/router:Router", {}, "router")
    return check(make.provider, URN, INTERFACE, {}, {"routerId": router.id, "subnetId": subnet.id})


def create(provider: OpenStackProvider, asked: dict[str, Any]) -> ResourceState:
    return provider.create(URN, INTERFACE, asked, key=key(), timeout=None, preview=False)


def interfaces(world: World) -> list[str]:
    ports = world.neutron.ports.objects.values()
    return [one["id"] for one in ports if one["device_owner"] == "network:router_interface"]


def test_interface_whose_answer_was_lost_is_taken(
    provider: OpenStackProvider, world: World, asked: dict[str, Any]
) -> None:
    world.http.fail("PUT", ADD, after=True)
    made = create(provider, asked)
    assert [made.id] == interfaces(world)
    assert made.outputs["subnetId"] == asked["subnetId"]
    assert world.http.count("PUT", f".*{ADD}") == 2, "sent again, and refused"


def test_interface_that_is_there_already_is_taken(
    provider: OpenStackProvider, world: World, asked: dict[str, Any]
) -> None:
    """An earlier run may have made it, and have been told nothing."""
    first = create(provider, asked)
    assert create(provider, asked).id == first.id
    assert interfaces(world) == [first.id]


def test_other_ports_of_the_router_are_no_interfaces(
    provider: OpenStackProvider, world: World, asked: dict[str, Any]
) -> None:
    """The port for SNAT of a distributed router is on the same subnet."""
    subnet = world.neutron.subnets.objects[asked["subnetId"]]
    world.neutron.ports.make(
        {
            "network_id": subnet["network_id"],
            "device_id": asked["routerId"],
            "device_owner": "network:router_centralized_snat",
            "fixed_ips": [{"subnet_id": subnet["id"]}],
        }
    )
    assert provider.find(URN, INTERFACE, asked, key()) is None
    with pytest.raises(ProviderError, match="already has a port on subnet") as caught:
        create(provider, asked)
    assert not caught.value.undecided, "refused, with no attempt before"


def test_interface_that_nobody_can_look_for_is_undecided(
    provider: OpenStackProvider, world: World, asked: dict[str, Any]
) -> None:
    world.http.fail("PUT", ADD, after=True)
    world.http.fail("PUT", ADD, times=3)  # nobody answers any more
    world.http.fail("GET", "/ports", times=4)
    with pytest.raises(ProviderError, match="cannot reach the network service") as caught:
        create(provider, asked)
    assert not world.http.faults
    assert caught.value.undecided, "the first attempt may have made it"
    found = provider.find(URN, INTERFACE, asked, key())
    assert found is not None
    assert [found.id] == interfaces(world)


def test_interface_that_is_not_seen_yet_is_undecided(
    provider: OpenStackProvider, world: World, asked: dict[str, Any]
) -> None:
    world.http.fail("PUT", ADD, status=504)
    with pytest.raises(ProviderError, match="cannot create router interface") as caught:
        create(provider, asked)
    assert caught.value.undecided


def test_interface_that_is_refused_at_once_is_decided(
    provider: OpenStackProvider, world: World, asked: dict[str, Any]
) -> None:
    world.http.fail("PUT", ADD, status=404, body={"NeutronError": {"message": "no router"}})
    with pytest.raises(ProviderError, match="no router") as caught:
        create(provider, asked)
    assert not caught.value.undecided


def test_who_asks_to_stop_after_a_broken_write_does_not_lose_it(
    provider: OpenStackProvider,
    world: World,
    asked: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    send = world.http.send

    def stopped(request: Any, **how: Any) -> Any:
        if request.url.endswith(ADD):
            provider.cancel()
        return send(request, **how)

    monkeypatch.setattr(world.http, "send", stopped)
    world.http.fail("PUT", ADD, after=True)
    assert [create(provider, asked).id] == interfaces(world)
    assert world.http.count("PUT", f".*{ADD}") == 1


def test_a_broken_read_leaves_nothing_to_look_for(
    provider: OpenStackProvider, world: World
) -> None:
    world.http.fail("GET", "/servers/s", status=503, times=4)
    with pytest.raises(ProviderError) as caught:
        provider.read(URN, "openstack:compute/instance:Instance", "s", None)
    assert not getattr(caught.value, "unsure", True)


ATTACH = "openstack:compute/volumeAttach:VolumeAttach"


@pytest.mark.parametrize(
    ("token", "inputs", "path"),
    [
        (ATTACH, {"instanceId": "s", "volumeId": "v"}, "/os-volume_attachments"),
        (
            "openstack:compute/interfaceAttach:InterfaceAttach",
            {"instanceId": "s", "portId": "p"},
            "/os-interface",
        ),
        (
            "openstack:compute/flavorAccess:FlavorAccess",
            {"flavorId": "f", "tenantId": "t"},
            "/flavors/f/action",
        ),
    ],
)
@pytest.mark.parametrize("status", [409, 504])
def test_attachments_are_undecided_only_where_the_cloud_did_not_refuse(
    provider: OpenStackProvider,
    world: World,
    token: str,
    inputs: dict[str, Any],
    path: str,
    status: int,
) -> None:
    asked = check(provider, URN, token, {}, inputs)
    world.http.fail("POST", path, status=status, body={"e": {"message": "not now"}}, times=99)
    with pytest.raises(ProviderError, match="not now") as caught:
        provider.create(URN, token, asked, key=key(), timeout=None, preview=False)
    assert caught.value.undecided == (status == 504)


def test_attachment_that_nobody_can_look_for_is_undecided(
    provider: OpenStackProvider, world: World
) -> None:
    asked = check(provider, URN, ATTACH, {}, {"instanceId": "s", "volumeId": "v"})
    world.http.fail("POST", "/os-volume_attachments", after=True)
    world.http.fail("GET", "/os-volume_attachments", status=503, times=4)
    with pytest.raises(ProviderError, match="the connection broke") as caught:
        provider.create(URN, ATTACH, asked, key=key(), timeout=None, preview=False)
    assert caught.value.undecided
