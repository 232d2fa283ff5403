"""The lab as its users see it: it answers, comes back, and takes servers.

Needs a running lab with the fake hypervisor; asks only for what the library and the APIs offer.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time
import uuid
from typing import TYPE_CHECKING, Any

import pytest
import requests

from hoaban import lab
from hoaban.converge.console import hypervisor_types
from hoaban.errors import HoabanError
from hoaban.image.mirror import KEYRING
from hoaban.lab.client import connect
from hoaban.lab.hypervisor import choose
from hoaban.lab.layout import Layout
from hoaban.lab.lock import locked
from hoaban.lab.services import MIRROR_ADDRESS
from hoaban.lab.supervisor import Supervisor
from tests.unit.lab.test_role import module

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

pytestmark = pytest.mark.cloud

LAYOUT = Layout.of_machine()
SECONDS = 90.0
OSLO_NAMESPACES = (
    "oslo.cache",
    "oslo.concurrency",
    "oslo.db",
    "oslo.log",
    "oslo.messaging",
    "oslo.policy",
)
# Of the authentication plugin and of privsep's contexts: no service lists these beforehand.
LOADED_LATER = {
    "auth_type",
    "auth_url",
    "helper_command",
    "password",
    "project_domain_id",
    "project_name",
    "region_name",
    "user_domain_id",
    "username",
}


@pytest.fixture(scope="module")
def cloud() -> Any:
    assert lab.up(lab.Hypervisor.FAKE).up
    return connect(LAYOUT)


@pytest.fixture
def name(cloud: Any) -> Iterator[str]:
    """A name of its own for a test's things, which are removed after it."""
    unique = f"lab-test-{uuid.uuid4().hex[:8]}"
    yield unique
    for server in cloud.compute.servers(name=unique):
        cloud.compute.delete_server(server, force=True)
        cloud.compute.wait_for_delete(server, interval=0.5)
    for group in cloud.compute.server_groups():
        if group.name == unique:
            cloud.compute.delete_server_group(group)
    for volume in cloud.block_storage.volumes(name=unique):
        cloud.block_storage.delete_volume(volume)
    for port in cloud.network.ports(name=unique):
        cloud.network.delete_port(port)
    for network in cloud.network.networks(name=unique):
        cloud.network.delete_network(network)
    for image in cloud.image.images(name=unique):
        cloud.image.delete_image(image)
    for flavor in cloud.compute.flavors():
        if flavor.name.startswith(unique):
            cloud.compute.delete_flavor(flavor)


def until(true: Callable[[], Any], what: str) -> Any:
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        if found := true():
            return found
        time.sleep(0.5)
    pytest.fail(f"{what} did not come within {SECONDS:.0f} s")


def make_server(cloud: Any, name: str, **more: Any) -> Any:
    image = cloud.create_image(
        name, data=b"\0" * 1024, disk_format="raw", container_format="bare", wait=True
    )
    flavor = cloud.compute.create_flavor(name=f"{name}-small", ram=512, vcpus=1, disk=1)
    network = cloud.network.create_network(name=name)
    cloud.network.create_subnet(network_id=network.id, ip_version=4, cidr="10.250.0.0/24")
    port = cloud.network.create_port(network_id=network.id, name=name)
    server = cloud.compute.create_server(
        name=name, image_id=image.id, flavor_id=flavor.id, networks=[{"port": port.id}], **more
    )
    return cloud.compute.wait_for_server(server, interval=0.5, wait=SECONDS)


def test_every_service_answers(cloud: Any) -> None:
    found = lab.status()
    assert [service for service in found.services if not service.up] == []
    assert found.hypervisor is lab.Hypervisor.FAKE
    versions = {service.name: service.version for service in found.services}
    assert re.fullmatch(r"\d+\.\d+\.\d+", versions["nova-api"])


def test_a_second_up_finds_it_serving(cloud: Any) -> None:
    assert lab.up(lab.Hypervisor.FAKE).up


def test_up_is_refused_while_another_is_at_work(cloud: Any) -> None:
    with locked("destroy"), pytest.raises(HoabanError, match="another `hoaban lab destroy`"):
        lab.up(lab.Hypervisor.FAKE)


@pytest.mark.parametrize("program", ["glance", "keystone", "nova-conductor", "swift-object"])
def test_a_killed_service_comes_back(cloud: Any, program: str) -> None:
    supervisor = Supervisor(LAYOUT)
    number = supervisor.processes()[program]["pid"]
    os.kill(number, signal.SIGKILL)
    until(lambda: supervisor.processes()[program]["pid"] not in {0, number}, "a new process")

    def healthy() -> bool:
        return next(one.up for one in lab.status().services if one.name == program)

    until(healthy, f"{program}'s answer")


def test_services_listen_on_the_lab_alone(cloud: Any) -> None:
    listing = subprocess.run(["ss", "-Hltnp"], capture_output=True, text=True, check=True).stdout
    supervisor = Supervisor(LAYOUT)
    numbers = {str(info["pid"]) for info in supervisor.processes().values() if info["pid"]}
    places = {
        line.split()[3]
        for line in listing.splitlines()
        if numbers & set(re.findall(r"pid=(\d+)", line))
    }
    assert "127.0.77.1:5000" in places
    # Guests have to reach their mirror.
    assert {one for one in places if not one.startswith("127.")} == {"172.31.77.1:8780"}


def test_guests_find_debian_as_its_makers_signed_it(cloud: Any, tmp_path: Path) -> None:
    with requests.Session() as session:
        session.trust_env = False
        mirror = f"http://{MIRROR_ADDRESS}:8780"
        answer = session.get(
            f"{mirror}/debian-security/dists/trixie-security/InRelease", timeout=60
        )
        assert answer.ok
        assert session.get(f"{mirror}/debian/dists/trixie/none", timeout=60).status_code == 404
    signed = tmp_path / "InRelease"
    signed.write_bytes(answer.content)
    subprocess.run(["gpgv", "--keyring", KEYRING, signed], check=True, capture_output=True)


def test_passwords_are_for_root_alone(cloud: Any) -> None:
    password = re.search(r"admin: (\w{32})", LAYOUT.secrets.read_text())
    assert password
    for path in (LAYOUT.clouds, LAYOUT.secrets, LAYOUT.root / "etc/nova/nova.conf"):
        assert path.stat().st_mode & 0o077 == 0
    logs = b"".join(path.read_bytes() for path in LAYOUT.logs.glob("*.log"))
    assert password[1].encode() not in logs


@pytest.mark.parametrize(
    ("file", "namespace"),
    [
        ("nova/nova.conf", "nova.conf"),
        ("nova/database.conf", "nova.conf"),
        ("nova/compute-fake.conf", "nova.conf"),
        ("keystone/keystone.conf", "keystone"),
        ("placement/placement.conf", "placement.conf"),
    ],
)
def test_no_option_is_unknown_to_its_service(cloud: Any, file: str, namespace: str) -> None:
    """Services ignore options that they don't know, so a typing error would go unseen."""
    namespaces = (namespace, "keystonemiddleware.auth_token", *OSLO_NAMESPACES)
    words = [word for one in namespaces for word in ("--namespace", one)]
    path = LAYOUT.root / "etc" / file
    done = subprocess.run(
        [LAYOUT.venv / "bin/oslo-config-validator", "--input-file", path, *words],
        capture_output=True,
        text=True,
        check=False,
    )
    unknown = set(re.findall(r"validator:(\S+) is not part of the sample", done.stderr))
    assert {one for one in unknown if one.rpartition("/")[2] not in LOADED_LATER} == set()
    assert "Traceback" not in done.stderr, done.stderr


def test_a_server_its_volume_and_another_size(cloud: Any, name: str) -> None:
    server = make_server(cloud, name)
    assert server.status == "ACTIVE"
    assert server.hypervisor_hostname == "lab-fake"
    port = next(cloud.network.ports(name=name))
    assert port.binding_vif_type == "ovs"

    volume = cloud.block_storage.create_volume(size=1, name=name)
    cloud.block_storage.wait_for_status(volume, "available", ["error"], 0.5, SECONDS)
    cloud.compute.create_volume_attachment(server, volume_id=volume.id)
    cloud.block_storage.wait_for_status(volume, "in-use", ["error"], 0.5, SECONDS)
    cloud.compute.delete_volume_attachment(server, volume.id)
    cloud.block_storage.wait_for_status(volume, "available", ["error"], 0.5, SECONDS)
    cloud.block_storage.extend_volume(volume, 2)
    until(lambda: cloud.block_storage.get_volume(volume.id).size == 2, "the larger volume")

    larger = cloud.compute.create_flavor(name=f"{name}-large", ram=1024, vcpus=2, disk=1)
    cloud.compute.resize_server(server, larger)
    server = cloud.compute.wait_for_server(server, "VERIFY_RESIZE", [], 0.5, SECONDS)
    cloud.compute.confirm_server_resize(server)
    server = cloud.compute.wait_for_server(server, "ACTIVE", [], 0.5, SECONDS)
    assert server.flavor["vcpus"] == 2


def test_soft_anti_affinity_places_more_servers_than_hosts(cloud: Any, name: str) -> None:
    group = cloud.compute.create_server_group(name=name, policy="soft-anti-affinity")
    first = make_server(cloud, name, scheduler_hints={"group": group.id})
    second = cloud.compute.create_server(
        name=name,
        image_id=first.image["id"],
        flavor_id=cloud.compute.find_flavor(f"{name}-small").id,
        networks="none",
        scheduler_hints={"group": group.id},
    )
    assert cloud.compute.wait_for_server(second, interval=0.5, wait=SECONDS).status == "ACTIVE"


def test_the_other_hypervisor_takes_over(cloud: Any) -> None:
    assert not choose(LAYOUT, lab.Hypervisor.FAKE)
    try:
        assert choose(LAYOUT, lab.Hypervisor.QEMU)
        services = {s.host: s.status for s in cloud.compute.services(binary="nova-compute")}
        assert services == {"lab-qemu": "enabled", "lab-fake": "disabled"}
        # The one that has just gone is taken for alive for a minute, and must not be waited for.
        assert sorted(hypervisor_types(cloud).values()) == ["QEMU", "fake"]
    finally:
        choose(LAYOUT, lab.Hypervisor.FAKE)


def test_the_guest_that_tries_kvm_lives_under_emulation() -> None:
    assert module("openstack_lab_kvm").trial("tcg", SECONDS) == ""
