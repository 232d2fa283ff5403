"""What a person is told when the cloud, the state or the machine fails them, and what is kept.

The rows of docs/errors.md, done to one province on a real cloud by the command itself. The tests
are one story and run in their order: the foundation survives a full disk and Ctrl-C, the agency a
cloud that goes down, and in the end each has what its program says, once.
"""

from __future__ import annotations

import contextlib
import json
import secrets
import shutil
import socket
import socketserver
import subprocess
import threading
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from hoaban.lab.client import connect
from hoaban.lab.layout import Layout
from hoaban.model.document import read_document
from hoaban.provision import Consent, destroy, engine_for
from hoaban.provision.stacks import config_file
from tests.cloud.census import Census
from tests.cloud.province import AGENCY, SmallProvince
from tests.user import Told, User, assert_told, assert_told_as_json, wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from openstack.connection import Connection

    from hoaban.provision import Target

pytestmark = pytest.mark.cloud

SLUG = f"loi-{secrets.token_hex(2)}"
ONLY = "--provision-only"
TYPES = {  # kinds of the census and the types of resources that make them, one each
    "projects": "openstack:identity/project:Project",
    "networks": "openstack:networking/network:Network",
    "subnets": "openstack:networking/subnet:Subnet",
    "routers": "openstack:networking/router:Router",
    "floating IPs": "openstack:networking/floatingIp:FloatingIp",
    "servers": "openstack:compute/instance:Instance",
    "server groups": "openstack:compute/serverGroup:ServerGroup",
    "flavors": "openstack:compute/flavor:Flavor",
    "volumes": "openstack:blockstorage/volume:Volume",
    "images": "openstack:images/image:Image",
}


class Proxy:
    """Passes connections on to a service, until it is cut."""

    def __init__(self, host: str, port: int) -> None:
        self._open: set[socket.socket] = set()
        proxy = self

        class Handler(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                with socket.create_connection((host, port)) as far:
                    ends = {self.request, far}
                    proxy._open |= ends
                    back = threading.Thread(target=_pump, args=(far, self.request))
                    back.start()
                    _pump(self.request, far)
                    back.join()
                    proxy._open -= ends

        self._server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.port = int(self._server.server_address[1])
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def cut(self) -> None:
        """End all connections and take no more."""
        self._server.shutdown()
        self._server.socket.close()
        for end in list(self._open):
            _close(end)


def _pump(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65_536):
            target.sendall(data)
    _close(target)


def _close(end: socket.socket) -> None:
    with contextlib.suppress(OSError):  # closed already
        end.shutdown(socket.SHUT_RDWR)


def state_file(target: Target) -> Path:
    stacks = target.workspace.backend / ".pulumi/stacks"
    return stacks / target.project / f"{target.stack_name}.json"


class Story:
    """A province whose state folder is a disk of its own, and somebody who runs commands there."""

    def __init__(self, folder: Path, cloud: Connection) -> None:
        self.small = SmallProvince(folder, SLUG)
        self.cloud = cloud
        self.census = Census(cloud, SLUG)
        self.home = folder / ".hoaban"
        self.home.mkdir()
        self.clouds = yaml.safe_load(Layout.of_machine().clouds.read_text("utf-8"))
        entry = self.clouds["clouds"]["lab"]
        self.user = User(
            folder,
            {"HOABAN_ROOT": ".", "HOABAN_HOME": str(self.home)},
            (entry["auth"]["password"],),
        )
        self.config = config_file(self.small.target(None))

    def disk(self, size: str, *more: str) -> None:
        options = ",".join([f"size={size}", "mode=700", *more])
        mount = ["mount", "-t", "tmpfs", "-o", options, "hoaban-test", str(self.home)]
        subprocess.run(mount, check=True)

    def configure(self, **values: str) -> None:
        """Set the foundation's configuration; what the engine put there (the salt) stays."""
        body: dict[str, Any] = {}
        if self.config.exists():
            body = yaml.safe_load(self.config.read_text("utf-8"))
        self.config.parent.mkdir(parents=True, exist_ok=True)
        settings = {f"province:{key}": value for key, value in values.items()}
        self.config.write_text(yaml.safe_dump(body | {"config": settings}), "utf-8")

    def elsewhere(self, **changes: Any) -> dict[str, str]:
        """The environment for a clouds.yaml with changes to its entry (``auth`` is merged)."""
        entry = dict(self.clouds["clouds"]["lab"])
        entry["auth"] = entry["auth"] | changes.pop("auth", {})
        # Not in the folder itself, where every command would find it.
        file = self.user.folder / "elsewhere" / "clouds.yaml"
        file.parent.mkdir(exist_ok=True)
        file.write_text(yaml.safe_dump({"clouds": {"lab": entry | changes}}), "utf-8")
        return {"OS_CLIENT_CONFIG_FILE": str(file)}

    def resources(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        for agency in (None, AGENCY):
            file = state_file(self.small.target(agency))
            if file.exists():
                latest = json.loads(file.read_bytes())["checkpoint"]["latest"]
                found += latest.get("resources") or []
        return found

    def assert_nothing_twice_and_nothing_lost(self) -> None:
        """What the cloud has of the province is what the states hold, object by object."""
        counted = self.census.take()
        for kind, type_ in TYPES.items():
            known = {one["id"] for one in self.resources() if one["type"] == type_}
            assert counted.get(kind, set()) == known, kind

    def assert_as_written(self, *agency: str) -> None:
        told = self.user.run("plan", *agency, "--expect-no-changes")
        assert told.code == 0, told


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    with connect(Layout.of_machine()) as cloud:
        told = Story(tmp_path_factory.mktemp("loi"), cloud)
        told.disk("64k")
        image = told.user.folder / "tiny.raw"
        image.write_bytes(bytes(65_536))
        yield told
        try:
            for agency in (AGENCY, None):
                target = told.small.target(agency)
                if target.stands():
                    everything = Consent(delete_data=True, allow_replace=True)
                    destroy(target, engine_for(), lambda _: None, consent=everything)
        finally:
            subprocess.run(["umount", str(told.home)], check=True)


def up(story: Story, *more: str, **environment: str) -> Told:
    return story.user.run("up", *more, ONLY, **environment)


def test_a_wrong_password(story: Story) -> None:
    wrong = story.elsewhere(auth={"password": "sai-mat-khau-42"})
    for verb in (["plan"], ["up", ONLY]):
        told = story.user.run(*verb, **wrong)
        assert_told(told, "a wrong password")
        assert "sai-mat-khau-42" not in told.err + told.out
    assert_told_as_json(story.user.run("plan", "--json", **wrong), "a wrong password")
    assert story.census.take() == {}


def test_a_cloud_that_is_down(story: Story) -> None:
    with socket.socket() as taken:  # bound and not listening: nobody else answers there
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/v3"
        down = story.elsewhere(auth={"auth_url": url})
        assert_told(up(story, **down), "a cloud that is down")
        assert_told_as_json(story.user.run("plan", "--json", **down), "a cloud that is down")


def test_a_missing_image(story: Story) -> None:
    story.configure(image="debian-99")
    assert_told(up(story), "a missing image")
    assert_told_as_json(story.user.run("plan", "--json"), "a missing image")
    assert story.census.take() == {}
    story.configure(imageFile=str(story.user.folder / "tiny.raw"))


def test_a_full_disk(story: Story) -> None:
    assert_told(up(story), "a full disk")
    assert story.user.run("plan").code == 0, "the state that is there can be used"


def test_ctrl_c_during_up(story: Story) -> None:
    story.disk("64m", "remount")
    running = story.user.start("up", ONLY)
    wait_for(lambda: running.reached(" created (", 5))
    running.interrupt()
    assert_told(story.user.end(running), "Ctrl-C")


def test_then_up_makes_the_rest_and_nothing_twice(story: Story) -> None:
    told = up(story)
    assert told.code == 0, told
    story.assert_nothing_twice_and_nothing_lost()
    story.assert_as_written()


def test_a_cloud_that_goes_down(story: Story) -> None:
    neutron = story.cloud.network.get_endpoint()
    host, port = neutron.split("/")[2].split(":")
    proxy = Proxy(host, int(port))
    through = story.elsewhere(network_endpoint_override=f"http://127.0.0.1:{proxy.port}/v2.0")
    running = story.user.start("up", AGENCY, ONLY, **through)
    wait_for(lambda: running.reached(" created (", 20))
    proxy.cut()
    assert_told(story.user.end(running), "a cloud that goes down")


def test_a_locked_stack(story: Story) -> None:
    running = story.user.start("up", AGENCY, ONLY)
    locks = story.home / "state" / ".pulumi" / "locks" / "organization" / "agency" / AGENCY
    wait_for(lambda: any(locks.glob("*.json")) or running.ended)
    assert_told(story.user.run("refresh", AGENCY), "a locked stack")
    told = story.user.end(running)
    assert told.code == 0, told
    story.assert_nothing_twice_and_nothing_lost()
    story.assert_as_written(AGENCY)


def test_a_quota_too_small(story: Story) -> None:
    project = story.cloud.identity.find_project(f"{SLUG}-{AGENCY}")
    story.cloud.compute.update_quota_set(project, cores=1, force=True)
    before = story.census.take()
    assert_told(up(story, AGENCY, "--no-refresh"), "a quota too small")
    told = story.user.run("plan", AGENCY, "--no-refresh", "--json")
    assert_told_as_json(told, "a quota too small")
    assert story.census.take() == before
    assert up(story, AGENCY).code == 0, "a look sees it, and it is set back"
    assert story.cloud.compute.get_quota_set(project).cores > 1


def flavor(story: Story, name: str) -> Any:
    return story.cloud.compute.find_flavor(f"hoaban.{SLUG}.{name}", ignore_missing=False)


def test_a_missing_flavor(story: Story) -> None:
    story.small.tiers["app"] = {"size": "small", "ports": [{"port": 8080}]}
    story.small.write()
    story.cloud.compute.delete_flavor(flavor(story, "small"))
    before = story.census.take()
    assert_told(up(story, AGENCY), "a missing flavor")
    assert story.census.take() == before
    assert up(story, "--refresh").code == 0
    assert flavor(story, "small").vcpus == 2


def test_a_server_in_error(story: Story) -> None:
    """No hypervisor of the lab has what the flavor is made to ask for by hand."""
    size = flavor(story, "small")
    story.cloud.compute.create_flavor_extra_specs(size, {"resources:VGPU": "1"})
    kept = story.census.take()
    assert_told(up(story, AGENCY), "a server in ERROR")
    now = story.census.take()
    assert all(ids <= now[kind] for kind, ids in kept.items())
    story.cloud.compute.delete_flavor_extra_specs_property(size, "resources:VGPU")
    assert up(story, AGENCY).code == 0
    story.assert_nothing_twice_and_nothing_lost()
    made = story.small.target().built()
    assert made is not None
    server = story.cloud.compute.get_server(made.hosts[f"{AGENCY}-portal-app-1"].server_id)
    assert server.status == "ACTIVE"


def test_a_host_that_can_never_answer(story: Story) -> None:
    told = story.user.run("converge", AGENCY)
    assert_told(told, "a host that can never answer")
    assert "  | LAST LINE\n" in told.err, "the end of the console log"


@pytest.fixture
def state(story: Story) -> Iterator[Path]:
    """The agency's state, put back after the test as it was."""
    file = state_file(story.small.target())
    good = file.read_bytes()
    yield file
    file.unlink()
    file.write_bytes(good)
    story.assert_as_written(AGENCY)


def test_a_state_that_is_cut_off(story: Story, state: Path) -> None:
    good = state.read_bytes()
    state.unlink()  # its copies share its place on the disk
    state.write_bytes(good[:5000])
    for verb in ("plan", "up", "refresh", "converge"):
        assert_told(story.user.run(verb, AGENCY), "a state that is cut off")
    told = story.user.run("destroy", AGENCY, "--yes", "--delete-data", "--json")
    error = assert_told_as_json(told, "a state that is cut off")
    command, _, _ = error["mend"].partition(", then")
    subprocess.run(command.split(), check=True)
    story.assert_as_written(AGENCY)


def test_a_state_of_a_later_version(story: Story, state: Path) -> None:
    good = json.loads(state.read_bytes())
    state.unlink()
    state.write_text(json.dumps(good | {"version": 9}), "utf-8")
    for verb in ("plan", "up", "refresh"):
        assert_told(story.user.run(verb, AGENCY), "a state of a later version")
    assert json.loads(state.read_bytes())["version"] == 9


def test_a_state_that_may_not_be_read(story: Story, state: Path) -> None:
    """Root may read everything, so the command is run without that right."""
    state.chmod(0)
    others = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"]
    assert shutil.which("setpriv")
    for verb in ("plan", "refresh"):
        told = story.user.run(verb, AGENCY, under=others)
        assert_told(told, "a state that may not be read")
    state.chmod(0o600)


def test_a_wrong_passphrase(story: Story) -> None:
    file = story.home / "keys" / "passphrase"
    good = file.read_text("utf-8")
    file.write_text("khong-phai-mat-khau-nay\n", "utf-8")
    before = state_file(story.small.target()).read_bytes()
    for verb in (["plan"], ["up", ONLY], ["refresh"]):
        told = story.user.run(*verb, AGENCY)
        assert_told(told, "a wrong passphrase")
        assert "khong-phai-mat-khau-nay" not in told.err + told.out
    file.write_text(good, "utf-8")
    assert state_file(story.small.target()).read_bytes() == before
    story.assert_as_written(AGENCY)


def test_what_is_told_of_the_inventory_has_its_line(story: Story) -> None:
    file = story.user.folder / "inventory" / "province.yml"
    line = read_document(file, "inventory/province.yml").line(("cloud", "external_network"))
    story.small.province["cloud"]["external_network"] = "khong-co"
    story.small.write()
    told = story.user.run("plan", AGENCY)
    story.small.province["cloud"]["external_network"] = "public"
    story.small.write()
    assert told.code == 1
    assert told.err.startswith(
        f"error: inventory/province.yml:{line}: cloud.external_network: the network `khong-co` "
        "does not exist in the cloud\n"
    )
