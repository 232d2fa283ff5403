"""Zones that an administrator keeps for another project."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.unit.openstack import recorded
from tests.unit.openstack.fake_cloud import PROJECT
from tests.unit.openstack.recorded import Recorded

if TYPE_CHECKING:
    from tests.cloud.lifecycle import Maker
    from tests.unit.openstack.fake_services import World

ZONE = "dns/zone:Zone"
SUDO = "X-Auth-Sudo-Project-ID"


def test_every_call_is_made_in_the_projects_name(make: Maker, world: World) -> None:
    there = Recorded(world.http, recorded.types()[f"openstack:{ZONE}"])
    there.answer = {**there.answer, "project_id": "other"}
    asked = {"name": "a.example.vn.", "email": "dns@example.vn", "projectId": "other"}
    zone = make(ZONE, asked)
    zone.update({**asked, "ttl": 60})
    assert zone.read() is not None
    zone.delete()
    calls = [one for one in world.http.log if one.path.startswith(there.path)]
    assert {one.method for one in calls} == {"POST", "GET", "PATCH", "DELETE"}
    assert {one.headers.get(SUDO) for one in calls} == {"other"}


def test_a_look_at_zones_of_another_project_is_one_list_of_its(make: Maker, world: World) -> None:
    there = Recorded(world.http, recorded.types()[f"openstack:{ZONE}"])
    there.answer = {**there.answer, "project_id": "other"}
    asked = {"email": "dns@example.vn", "projectId": "other"}
    zones = [make(ZONE, {**asked, "name": f"{name}.vn."}, name) for name in "abc"]
    world.http.log.clear()
    known = [(zone.urn, zone.state) for zone in zones]
    seen = make.provider.look(f"openstack:{ZONE}", known, each=False)
    assert [one.changed for one in seen] == [[], [], []]
    (call,) = world.http.log
    assert (call.path, call.headers.get(SUDO)) == (there.path, "other")


def test_ones_own_project_needs_no_other_name(make: Maker, world: World) -> None:
    Recorded(world.http, recorded.types()[f"openstack:{ZONE}"])
    asked = {"name": "a.example.vn.", "email": "dns@example.vn", "projectId": PROJECT}
    assert make(ZONE, asked).out("projectId") == PROJECT
    assert all(SUDO not in one.headers for one in world.http.log)


def test_who_does_not_want_to_wait_does_not(make: Maker, world: World) -> None:
    there = Recorded(world.http, recorded.types()[f"openstack:{ZONE}"])
    asked = {"name": "a.example.vn.", "email": "dns@example.vn", "disableStatusCheck": True}
    zone = make(ZONE, asked)
    assert world.http.count("GET", f"{there.path}/.*") == 0
    assert there.objects[zone.id]["status"] == "PENDING"
