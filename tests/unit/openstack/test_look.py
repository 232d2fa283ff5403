"""A look at many objects by one list of theirs, against services in memory."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from hoaban.engine.provider import ProviderError, ResourceState
from hoaban.openstack.listed import FEW, MOVED, UNLISTED
from hoaban.openstack.registry import RESOURCES
from hoaban.openstack.rest import Rest
from hoaban.openstack.sight import sighting
from tests.unit.openstack.test_compute import flavors, image, inputs, net

if TYPE_CHECKING:
    import re

    from hoaban.engine.provider import Sighting
    from tests.cloud.lifecycle import Made, Maker
    from tests.unit.openstack.fake_cloud import Request
    from tests.unit.openstack.fake_services import World

__all__ = ("flavors", "image", "inputs", "net")

PORTS = "/network/v2.0/ports"
INSTANCE = "compute/instance:Instance"
LISTED_OTHERWISE = {
    "openstack:blockstorage/volumeAttach:VolumeAttach",  # the list of volumes
    "openstack:compute/volumeAttach:VolumeAttach",
    "openstack:identity/inheritRoleAssignment:InheritRoleAssignment",  # a list a project
    "openstack:identity/roleAssignment:RoleAssignment",
    "openstack:networking/routerRoute:RouterRoute",  # the list of routers
    "openstack:networking/subnetRoute:SubnetRoute",
    "openstack:objectstorage/tempUrl:TempUrl",  # kept in the state alone
}


def look(*made: Made, each: bool = False) -> list[Sighting]:
    first = made[0]
    first.provider.begin_epoch()
    known = [(one.urn, one.state) for one in made]
    return first.provider.look(first.token, known, each=each)


def ports(make: Maker, net: Made, count: int) -> list[Made]:
    return [make("networking/port:Port", {"networkId": net.id}, f"p{n}") for n in range(count)]


def test_many_objects_are_one_request(make: Maker, net: Made, world: World) -> None:
    made = ports(make, net, 12)
    world.http.log.clear()
    seen = look(*made)
    assert [one.changed for one in seen] == [[]] * 12
    assert [(one.method, one.path) for one in world.http.log] == [("GET", PORTS)]
    assert world.http.log[0].param("project_id")


def test_what_was_changed_is_taken_over_and_nothing_else(
    make: Maker, net: Made, world: World
) -> None:
    port, other = ports(make, net, 2)
    held = world.neutron.ports.objects[port.id]
    held |= {
        "description": "by hand",
        "admin_state_up": False,  # of which the program says nothing
        "device_id": "a server",  # which is what makes servers of ports
        "updated_at": "2026-11-30T01:00:00Z",
    }
    seen, unchanged = look(port, other)
    assert sorted(seen.changed) == ["adminStateUp", "description"]
    assert seen.at == "2026-11-30T01:00:00Z"
    assert seen.state is not None
    assert seen.state.outputs == {
        **port.state.outputs, "description": "by hand", "adminStateUp": False,
    }  # fmt: skip
    assert unchanged.changed == []


def test_what_the_list_lacks_is_sought_by_id_all_at_once(
    make: Maker, net: Made, world: World
) -> None:
    """Objects of another project are there; those that were removed are not."""
    made = ports(make, net, 4)
    for port in made[:2]:
        world.neutron.ports.objects[port.id]["project_id"] = "another"
    del world.neutron.ports.objects[made[2].id]
    world.http.log.clear()
    seen = look(*made)
    assert [one.state is None for one in seen] == [False, False, True, False]
    assert len(world.http.log) == 2
    asked = [value for name, value in world.http.log[1].query if name == "id"]
    assert sorted(asked) == sorted(port.id for port in made[:3])


def test_a_list_that_is_refused_is_asked_for_once(make: Maker, net: Made, world: World) -> None:
    made = ports(make, net, 5)
    world.http.fail("GET", PORTS, status=403, body={"message": "Policy forbids it."}, times=9)
    world.http.log.clear()
    with pytest.raises(ProviderError, match=r"Policy forbids it\."):
        look(*made)
    assert len(world.http.log) == 1


def test_few_objects_without_a_list_are_read_one_by_one(make: Maker, world: World) -> None:
    made = [make("objectstorage/container:Container", {}, f"c{n}") for n in range(FEW + 1)]
    world.http.log.clear()
    assert [one.changed for one in look(*made[:FEW])] == [[]] * FEW
    assert len(world.http.log) == FEW
    with pytest.raises(ProviderError, match="does not tell metadata and access"):
        look(*made)
    assert len(look(*made, each=True)) == FEW + 1


# --- servers -----------------------------------------------------------------------------------


@pytest.fixture
def server(make: Maker, inputs: dict[str, object]) -> Made:
    return make(INSTANCE, inputs, "server")


def _did(world: World, *actions: dict[str, Any]) -> None:
    def answer(_: Request, __: re.Match[str]) -> Any:
        return {"instanceActions": list(actions)}

    path = r"/compute/v2.1/servers/[^/]+/os-instance-actions"
    world.http.on("GET", path, answer)
    world.http.routes.insert(0, world.http.routes.pop())


def _action(action: str, at: str = "2026-11-30T01:00:00.000000") -> dict[str, Any]:
    return {"action": action, "user_id": "u-1", "request_id": f"req-{action}", "start_time": at}


def deed(made: Made, seen: Sighting, since: str = "2026-11-30T00:00:00Z") -> Any:
    return made.provider.deed(made.token, made.id, seen.changed, since)


def test_servers_cost_one_list_and_that_of_the_ports(
    make: Maker, inputs: dict[str, Any], net: Made, world: World
) -> None:
    more = make("networking/port:Port", {"networkId": net.id}, "other")
    made = [
        make(INSTANCE, {**inputs, "networks": [{"port": port}]}, f"s{n}")
        for n, port in enumerate((inputs["networks"][0]["port"], more.id))
    ]
    world.neutron.networks.objects[net.id]["name"] = "renamed"
    world.http.log.clear()
    assert [one.changed for one in look(*made)] == [[], []]
    assert [one.path for one in world.http.log] == ["/compute/v2.1/servers/detail", PORTS]


def test_who_stopped_a_server_is_told(server: Made, world: World) -> None:
    world.nova.servers.objects[server.id]["status"] = "SHUTOFF"
    (seen,) = look(server)
    assert seen.changed == ["powerState"]
    _did(world, _action("stop"), _action("create"))
    told = deed(server, seen)
    assert (told.action, told.user, told.request) == ("stop", "u-1", "req-stop")
    assert world.http.log[-1].microversion == 2021
    assert deed(server, seen, since="2026-11-30T02:00:00Z") is None, "that was ours"
    assert deed(server, seen, since="2026-11-30T01:00:00.7Z"), "Nova tells whole seconds"


def test_who_renamed_a_server_is_not_guessed(server: Made, world: World) -> None:
    world.nova.servers.objects[server.id]["name"] = "renamed"
    (seen,) = look(server)
    assert seen.changed == ["name"]
    _did(world, _action("stop"))
    assert deed(server, seen) is None


def test_who_deleted_a_server_is_told(server: Made, world: World) -> None:
    del world.nova.servers.objects[server.id]
    (seen,) = look(server)
    assert seen.state is None
    _did(world, _action("delete"), _action("stop"))
    told = deed(server, seen)
    assert (told.action, told.user) == ("delete", "u-1")


def test_who_deleted_a_port_nobody_knows(make: Maker, net: Made, world: World) -> None:
    (port,) = ports(make, net, 1)
    del world.neutron.ports.objects[port.id]
    world.http.log.clear()
    (seen,) = look(port)
    before = len(world.http.log)
    assert deed(port, seen) is None
    assert len(world.http.log) == before


def test_a_server_that_is_under_way_was_not_changed(server: Made, world: World) -> None:
    world.nova.servers.objects[server.id]["status"] = "REBOOT"
    (seen,) = look(server)
    assert seen.changed == []


def test_a_network_card_that_is_gone_is_told(server: Made, world: World) -> None:
    (card,) = server.out("networks")
    world.neutron.ports.objects[card["port"]]["device_id"] = ""
    world.nova.servers.objects[server.id]["addresses"] = {}
    (seen,) = look(server)
    assert seen.changed == ["networks"]


def test_what_is_attached_to_a_volume_does_not_change_it(
    make: Maker, server: Made, world: World
) -> None:
    volume = make("blockstorage/volume:Volume", {"size": 1}, "data")
    attached = make(
        "compute/volumeAttach:VolumeAttach", {"instanceId": server.id, "volumeId": volume.id}, "at"
    )
    world.http.log.clear()
    assert look(volume)[0].changed == []
    assert volume.provider.look(attached.token, [(attached.urn, attached.state)], each=False)[
        0
    ].changed == []  # fmt: skip
    assert [one.path.rsplit("/", 2)[-2:] for one in world.http.log] == [["volumes", "detail"]]
    world.volumes.objects[volume.id] |= {"size": 3, "attachments": []}
    assert look(volume)[0].changed == ["size"]
    assert look(attached)[0].state is None


def test_values_that_must_not_be_shown_are_named(make: Maker) -> None:
    known = make("objectstorage/container:Container", {"containerSyncKey": "k-1"}, "c").state
    outputs = {**known.outputs, "containerSyncKey": "k-2"}
    seen = sighting(
        RESOURCES["openstack:objectstorage/container:Container"],
        known,
        ResourceState(known.id, outputs),
    )
    assert (seen.changed, seen.hidden) == (["containerSyncKey"], frozenset({"containerSyncKey"}))


# --- the table ---------------------------------------------------------------------------------


def test_each_type_is_listed_or_it_is_said_why_not() -> None:
    rest = {token for token, kind in RESOURCES.items() if isinstance(kind, Rest)}
    others = RESOURCES.keys() - rest
    assert RESOURCES.keys() >= UNLISTED.keys() | MOVED.keys()
    assert others - UNLISTED.keys() == LISTED_OTHERWISE


@pytest.mark.parametrize("token", sorted(MOVED))
def test_what_others_move_is_a_property_of_the_type(token: str) -> None:
    names = {
        path
        for spec in RESOURCES[token].fields
        for path in (spec.name, *(f"{spec.name}.{one.name}" for one in spec.fields))
    }
    assert names >= MOVED[token]
