"""Compute types against Nova in memory."""

from __future__ import annotations

import base64
import hashlib
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from hoaban.backup.lending import CloudLending
from hoaban.engine.provider import PartialFailureError, ProviderError, ResourceState
from hoaban.errors import HoabanError
from hoaban.openstack import keys
from tests.cloud.lifecycle import check, die, key, live

if TYPE_CHECKING:
    from hoaban.openstack import OpenStackProvider
    from tests.cloud.lifecycle import Made, Maker
    from tests.unit.openstack.fake_services import World

INSTANCE = "openstack:compute/instance:Instance"
URN = f"urn:pulumi:test::test::{INSTANCE}::server"
USER_DATA = "#cloud-config\npassword: not-for-messages\n"


@pytest.fixture
def flavors(make: Maker) -> list[Made]:
    return [
        make("compute/flavor:Flavor", {"ram": ram, "vcpus": 1, "disk": 10}, f"f{ram}")
        for ram in (512, 1024)
    ]


@pytest.fixture
def net(make: Maker) -> Made:
    net = make("networking/network:Network", {}, "net")
    make("networking/subnet:Subnet", {"networkId": net.id, "cidr": "10.0.0.0/24"}, "subnet")
    return net


@pytest.fixture
def image(world: World) -> str:
    return str(world.images.post(_request({"name": "debian-13"}), None)["id"])


def _request(body: object) -> object:
    return type("Asked", (), {"body": body})()


@pytest.fixture
def inputs(make: Maker, net: Made, flavors: list[Made], image: str) -> dict[str, object]:
    port = make("networking/port:Port", {"networkId": net.id}, "port")
    return {
        "flavorId": flavors[0].id,
        "imageId": image,
        "networks": [{"port": port.id}],
        "metadata": {"agency": "so-y-te"},
        "tags": ["agency:so-y-te"],
        "userData": USER_DATA,
        "adminPass": "pass-of-a-test",
    }


def test_server_life(
    make: Maker, inputs: dict[str, object], flavors: list[Made], image: str, world: World
) -> None:
    made = make("compute/instance:Instance", inputs, "server")
    asked = world.http.last("POST", r".*/servers")
    assert asked.microversion == 2052
    assert base64.b64decode(asked.body["server"]["user_data"]).decode() == USER_DATA
    assert keys.mark(made.key) in asked.body["server"]["tags"]
    assert made.out("powerState") == "active"
    assert made.out("flavorName") == flavors[0].out("name")
    assert made.out("imageName") == "debian-13"
    assert (
        made.out("userData") == hashlib.sha1(USER_DATA.encode(), usedforsecurity=False).hexdigest()
    )
    card = made.out("networks")[0]
    assert card["fixedIpV4"] == made.out("accessIpV4") != ""
    assert card["name"].startswith("hoaban-test-net")
    live(
        made,
        updates={
            "name": {"name": "renamed"},
            "metadata": {"metadata": {"system": "hsdt"}},
            "tags": {"tags": ["b"]},
            "off": {"powerState": "shutoff"},
            "on": {"powerState": "active"},
            "resize": {"flavorId": flavors[1].id},
            "groups": {"securityGroups": ["web"]},
            "image": {"imageId": "another-image"},
        },
        replaces={
            "userData": "#!/bin/sh",
            "networks": [{"port": "other"}],
            "keyPair": "k",
            "availabilityZone": "b",
        },
    )
    assert keys.mark(made.key) in world.nova.servers.objects[made.id]["tags"]
    die(made, make)


def test_zone_with_a_host_is_the_same_zone(make: Maker, inputs: dict[str, object]) -> None:
    asked = {**inputs, "availabilityZone": "nova:host-1"}
    made = make("compute/instance:Instance", asked, "server")
    made.state.outputs["availabilityZone"] = "nova"
    assert made.changes(asked) == {}


def test_servers_are_watched_together(
    make: Maker, net: Made, flavors: list[Made], image: str, world: World
) -> None:
    world.nova.servers.polls = 3

    def server(number: int) -> Made:
        asked = {
            "name": f"s{number}",
            "flavorId": flavors[0].id,
            "imageId": image,
            "networks": [{"uuid": net.id}],
        }
        return make("compute/instance:Instance", asked, f"s{number}")

    with ThreadPoolExecutor(10) as pool:
        made = list(pool.map(server, range(10)))
    assert [one.out("name") for one in made] == [f"s{n}" for n in range(10)]
    assert world.http.count("GET", r".*/servers/detail") <= 12
    assert world.http.count("GET", r".*/servers/(?!detail).*") <= 10, "none asks for its own alone"
    assert world.http.count("GET", r".*/flavors/detail") == 1
    assert world.http.count("GET", r".*/v2.0/ports") <= 4, "cards of all servers in one look-up"


def test_failed_server_is_kept_and_made_anew(
    make: Maker, inputs: dict[str, object], world: World
) -> None:
    world.nova.servers.failing = "No valid host was found. There are not enough hosts available."
    checked = check(make.provider, URN, INSTANCE, {}, inputs)
    with pytest.raises(PartialFailureError) as caught:
        make.provider.create(URN, INSTANCE, checked, key=key(), timeout=None, preview=False)
    error = caught.value
    assert "No valid host was found" in error.what
    assert error.where is not None
    assert error.where.urn == URN
    assert (error.where.request_id or "").startswith("req-")
    state = error.state
    assert state.outputs["powerState"] == "error"
    found = make.provider.diff(URN, INSTANCE, state.id, state, checked, ())
    assert found.replaces == ["powerState"]
    kept = ResourceState(state.id, {**state.outputs}, checked, (error.what,))
    assert make.provider.diff(URN, INSTANCE, state.id, kept, checked, ()).replaces
    make.provider.delete(URN, INSTANCE, state.id, state, timeout=None)
    assert world.nova.servers.objects == {}


def test_server_that_takes_too_long_is_kept(
    make: Maker, inputs: dict[str, object], world: World
) -> None:
    world.nova.servers.polls = 10_000
    checked = check(make.provider, URN, INSTANCE, {}, inputs)
    with pytest.raises(PartialFailureError, match="did not become ACTIVE") as caught:
        make.provider.create(URN, INSTANCE, checked, key=key(), timeout=0.2, preview=False)
    state = caught.value.state
    assert state.outputs["powerState"] == "build"
    world.nova.servers.objects[state.id]["waits"] = 1
    changes = make.provider.diff(URN, INSTANCE, state.id, state, checked, ())
    assert not changes.replaces
    now = make.provider.update(URN, INSTANCE, state.id, state, checked, timeout=None, preview=False)
    assert now.outputs["powerState"] == "active"
    assert now.outputs["accessIpV4"]


def test_asked_to_stop_while_a_server_starts(
    make: Maker, inputs: dict[str, object], world: World
) -> None:
    world.nova.servers.polls = 10_000
    checked = check(make.provider, URN, INSTANCE, {}, inputs)
    threading.Timer(0.1, make.provider.cancel).start()
    begun = time.monotonic()
    with pytest.raises(PartialFailureError, match="stopped on request") as caught:
        make.provider.create(URN, INSTANCE, checked, key=key(), timeout=None, preview=False)
    assert time.monotonic() - begun < 60
    assert caught.value.state.id in world.nova.servers.objects, "nothing is forgotten"


def test_interrupted_create_is_found_and_finished(
    make: Maker, inputs: dict[str, object], world: World
) -> None:
    world.nova.servers.polls = 10_000
    checked = check(make.provider, URN, INSTANCE, {}, inputs)
    mark = key()
    with pytest.raises(PartialFailureError):
        make.provider.create(URN, INSTANCE, checked, key=mark, timeout=0.1, preview=False)
    (held,) = world.nova.servers.objects.values()
    held["waits"] = 2
    found = make.provider.find(URN, INSTANCE, checked, mark)
    assert found is not None
    assert found.id == held["id"]
    assert found.outputs["powerState"] == "active"
    assert make.provider.find(URN, INSTANCE, checked, key()) is None


def test_failed_resize_is_told_with_the_state_that_is(
    make: Maker, inputs: dict[str, object], flavors: list[Made], world: World
) -> None:
    made = make("compute/instance:Instance", inputs, "server")
    busy = {"conflictingRequest": {"message": "Cannot 'resize' instance", "code": 400}}
    world.http.fail("POST", "/action", status=400, body=busy)
    with pytest.raises(PartialFailureError, match="Cannot 'resize'") as caught:
        made.update({**inputs, "name": "renamed", "flavorId": flavors[1].id})
    assert caught.value.state.outputs["name"] == "renamed"
    assert caught.value.state.outputs["flavorId"] == flavors[0].id


def test_secrets_stay_out_of_messages(make: Maker, inputs: dict[str, object], world: World) -> None:
    said = f"Invalid input for field/attribute adminPass. Value: pass-of-a-test. {USER_DATA}"
    world.http.fail("POST", "/servers", status=400, body={"badRequest": {"message": said}})
    with pytest.raises(ProviderError) as caught:
        make("compute/instance:Instance", inputs, "server")
    shown = f"{caught.value} {caught.value!r} {caught.value.detail} {caught.value.to_json()}"
    assert "pass-of-a-test" not in shown
    assert "Invalid input for field/attribute adminPass" in shown


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"flavorId": None}, "flavorName is required"),
        ({"imageId": None}, "bootable block device is required"),
        ({"networks": [{"fixedIpV4": "10.0.0.1"}]}, "one of port, uuid and name"),
        ({"powerState": "asleep"}, "is not one of"),
        ({"networks": "net"}, "expected a list"),
    ],
)
def test_server_refuses(
    make: Maker, inputs: dict[str, object], change: dict[str, object], said: str
) -> None:
    asked = {k: v for k, v in {**inputs, **change}.items() if v is not None}
    with pytest.raises(AssertionError, match=said):
        make("compute/instance:Instance", asked)


def test_flavor_by_a_name_that_is_not_there(make: Maker, inputs: dict[str, object]) -> None:
    asked = {**inputs, "flavorName": "huge"}
    del asked["flavorId"]
    with pytest.raises(ProviderError, match=r"no flavor 'huge' \(it has: ") as caught:
        make("compute/instance:Instance", asked)
    assert caught.value.mend


def test_boot_from_volume_needs_no_image(
    make: Maker, inputs: dict[str, object], world: World
) -> None:
    asked = {name: value for name, value in inputs.items() if name != "imageId"}
    asked["blockDevices"] = [
        {
            "sourceType": "image",
            "destinationType": "volume",
            "uuid": "image-1",
            "volumeSize": 10,
            "volumeType": "ssd",
        }
    ]
    made = make("compute/instance:Instance", asked, "from-volume")
    request = world.http.last("POST", r".*/servers")
    assert request.microversion == 2067
    assert request.body["server"]["block_device_mapping_v2"][0]["volume_size"] == 10
    assert "imageRef" not in request.body["server"]
    assert made.changes(asked) == {}


def test_keypair(make: Maker, world: World) -> None:
    made = make("compute/keypair:Keypair", {"publicKey": "ssh-ed25519 AAAA me\n"}, "key")
    live(made, replaces={"publicKey": "ssh-ed25519 BBBB me"})
    die(made, make)
    own = make("compute/keypair:Keypair", {}, "made")
    assert own.out("privateKey").startswith("-----BEGIN")
    assert make.provider.secret_outputs(own.token) == {"privateKey"}
    read = own.read()
    assert read is not None
    assert read.outputs["privateKey"] == own.out("privateKey")


def test_flavor(make: Maker, flavors: list[Made]) -> None:
    made = make(
        "compute/flavor:Flavor",
        {"ram": 1, "vcpus": 1, "disk": 0, "extraSpecs": {"hw:cpu_policy": "shared"}},
    )
    live(
        made, updates={"specs": {"extraSpecs": {"hw:cpu_policy": "dedicated"}}}, replaces={"ram": 2}
    )
    die(made, make)


def test_server_group(make: Maker) -> None:
    made = make(
        "compute/serverGroup:ServerGroup",
        {"policies": "anti-affinity", "rules": {"maxServerPerHost": 2}},
    )
    assert made.out("rules") == {"maxServerPerHost": 2}
    live(made, replaces={"policies": "affinity", "rules": {"maxServerPerHost": 3}})
    die(made, make)


def test_volume_attachment(make: Maker, inputs: dict[str, object], world: World) -> None:
    server = make("compute/instance:Instance", inputs, "server")
    volume = make("blockstorage/volume:Volume", {"size": 1}, "data")
    made = make(
        "compute/volumeAttach:VolumeAttach", {"instanceId": server.id, "volumeId": volume.id}
    )
    assert made.out("device") == "/dev/vdb"
    live(made, replaces={"volumeId": "other"})
    die(made, make)
    assert world.volumes.objects[volume.id]["status"] == "available"


def test_a_volume_is_lent_to_a_server_again_and_again(
    make: Maker, provider: OpenStackProvider, inputs: dict[str, object]
) -> None:
    server = make("compute/instance:Instance", inputs, "server")
    volume = make("blockstorage/volume:Volume", {"size": 1}, "data")
    lending, other = CloudLending(provider, server.id), CloudLending(provider, "another")
    for _ in range(2):
        assert lending.servers(volume.id) == []
        lending.attach(volume.id)
        lending.attach(volume.id)  # as after a run that was killed
        assert other.servers(volume.id) == [server.id]
        assert volume.changes({"size": 1}) == {}, "an attachment is no difference of the volume"
        other.detach(volume.id)  # whoever has it
        lending.detach(volume.id)  # nobody has it any more
    with pytest.raises(HoabanError, match="the cloud has no volume nowhere"):
        lending.servers("nowhere")


def test_quota_leaves_the_rest_alone(make: Maker, world: World) -> None:
    made = make("compute/quotaSetV2:QuotaSetV2", {"projectId": "p1", "cores": 8})
    assert world.http.last("PUT", r".*/os-quota-sets/p1").body == {"quota_set": {"cores": 8}}
    assert made.id == "p1/RegionOne"
    assert made.out("ram") == 51200
    live(made, updates={"ram": {"ram": 1024}}, replaces={"projectId": "p2"}, findable=False)
    made.delete()
    assert world.http.count("DELETE", r".*/os-quota-sets/.*") == 0, "quotas stay as they are"
