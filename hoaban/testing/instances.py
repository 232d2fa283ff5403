"""Instances of a Molecule scenario: containers or guests, made from its ``platforms``.

``python -m hoaban.testing.instances create|destroy SCENARIO_FILE`` is what Molecule's create and
destroy playbooks call; ``… grow SCENARIO_FILE NAME DISK SIZE_GB`` extends a guest's disk.
"""

from __future__ import annotations

import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from pydantic import TypeAdapter

from hoaban.console import print_error
from hoaban.errors import HoabanError, Location
from hoaban.model.types import Model
from hoaban.testing.bridges import make_room
from hoaban.testing.guest import Guest, GuestDisk
from hoaban.testing.image import CODENAME, Recipe
from hoaban.testing.podman import Podman
from hoaban.testing.shares import Share, sharing

if TYPE_CHECKING:
    from collections.abc import Iterable

BOOT_SECONDS = 180
ROOT = Path(__file__).resolve().parents[2]

# Never --privileged: it shows the host's disks, and lets its clock and kernel be changed. Without
# SYS_ADMIN systemd silently leaves out the protections of services.
_CAPABILITIES = ("NET_ADMIN", "NET_RAW", "SYS_ADMIN")


class Network(Model):
    """A network of a scenario; both families, since everything is tested in both."""

    name: str
    ipv4: IPv4Network
    ipv6: IPv6Network


class Attachment(Model):
    """A further network of a container, and the addresses that it has there."""

    network: Network
    ipv4: IPv4Address | None = None
    ipv6: IPv6Address | None = None


class Machine(Model):
    """One guest, as ``platforms`` of ``molecule.yml`` describes it."""

    name: str
    groups: tuple[str, ...] = ()
    disks: tuple[GuestDisk, ...]

    def guest(self, podman: Podman) -> Guest:
        """The guest itself."""
        folder = podman.home.parent / "guests" / self.name
        return Guest(self.name, folder, podman.run_folder / f"{self.name}.qmp")


class Container(Model):
    """One container, as ``platforms`` of ``molecule.yml`` describes it."""

    name: str
    groups: tuple[str, ...] = ()
    network: Network
    ipv4: IPv4Address | None = None
    ipv6: IPv6Address | None = None
    more: tuple[Attachment, ...] = ()
    """Further networks; their interfaces are eth1 and so on, in this order."""
    tmpfs: tuple[str, ...] = ()
    """Mount points that are file systems of their own, in memory."""
    release: str = CODENAME
    """Release of Debian, by its code name."""
    shares: tuple[Share, ...] = ()
    devices: tuple[Path, ...] = ()
    """Device nodes of this machine."""
    capabilities: tuple[str, ...] = ()
    """Rights beyond those that every container has."""

    @property
    def attachments(self) -> tuple[Attachment, ...]:
        """All its networks, that of ``eth0`` first."""
        return (Attachment(network=self.network, ipv4=self.ipv4, ipv6=self.ipv6), *self.more)


Platform = Machine | Container


def read_platforms(scenario: Path) -> list[Platform]:
    """Platforms of a scenario file; at least one, or the test would be empty and pass."""
    content: dict[str, Any] = yaml.safe_load(scenario.read_text(encoding="utf-8"))
    adapter: TypeAdapter[list[Platform]] = TypeAdapter(list[Platform])
    platforms = adapter.validate_python(content.get("platforms") or [])
    if not platforms:
        raise HoabanError(
            "the scenario has no platforms",
            where=Location(file=str(scenario), key="platforms"),
            mend="list at least one instance: a scenario without any tests nothing",
        )
    return platforms


def podman_home() -> Path:
    """Where the tests' podman keeps images and containers of this checkout."""
    return Path(os.environ.get("HOABAN_HOME", ROOT / ".hoaban")).resolve() / "podman"


def images(platforms: list[Platform]) -> set[Recipe]:
    """Recipes of the images that containers among ``platforms`` are made of."""
    containers = (item for item in platforms if isinstance(item, Container))
    return {Recipe.of(ROOT, item.release) for item in containers}


def create(podman: Podman, platforms: list[Platform]) -> None:
    """Start all instances side by side, and wait until each of them is ready for Ansible."""
    destroy(podman, platforms)
    containers = [item for item in platforms if isinstance(item, Container)]
    for network in networks(containers).values():
        make_room((network.ipv4, network.ipv6))
        subnets = (f"--subnet={network.ipv4}", f"--subnet={network.ipv6}")
        podman.run("network", "create", "--ipv6", "--disable-dns", *subnets, network.name)
    with ThreadPoolExecutor(max_workers=4) as pool:
        list(pool.map(lambda platform: _start(podman, platform), platforms))


def destroy(podman: Podman, platforms: list[Platform]) -> None:
    """Remove the instances and their networks, as far as they are there."""
    for machine in (item for item in platforms if isinstance(item, Machine)):
        machine.guest(podman).stop()
    containers = [item for item in platforms if isinstance(item, Container)]
    if containers:
        podman.run("rm", "--force", "--ignore", "--time=0", *(item.name for item in containers))
    for name in networks(containers):
        if podman.exists("network", name):
            podman.run("network", "rm", "--force", name)


def networks(containers: Iterable[Container]) -> dict[str, Network]:
    """Networks by name, of all that containers are attached to."""
    joined = [place.network for item in containers for place in item.attachments]
    return {network.name: network for network in joined}


def network_option(number: int, place: Attachment) -> str:
    """The option of ``podman run`` for one network; podman would order interfaces by name."""
    wanted = (("ip", place.ipv4), ("ip6", place.ipv6), ("interface_name", f"eth{number}"))
    settings = ",".join(f"{key}={value}" for key, value in wanted if value is not None)
    return f"--network={place.network.name}:{settings}"


def _start(podman: Podman, platform: Platform) -> None:
    if isinstance(platform, Machine):
        platform.guest(podman).start(list(platform.disks))
    else:
        _start_container(podman, platform)


def _start_container(podman: Podman, platform: Container) -> None:
    podman.run(
        "run",
        "--detach",
        f"--name={platform.name}",
        f"--hostname={platform.name}",
        *(network_option(number, place) for number, place in enumerate(platform.attachments)),
        "--systemd=always",
        "--stop-timeout=1",
        # The roles own this file: podman would mount its own over it.
        "--no-hosts",
        *(f"--cap-add={name}" for name in (*_CAPABILITIES, *platform.capabilities)),
        *(f"--device={path}" for path in platform.devices),
        *(f"--tmpfs={path}" for path in platform.tmpfs),
        *sharing(platform.shares, podman.home, platform.release),
        Recipe.of(ROOT, platform.release).name,
    )
    deadline = time.monotonic() + BOOT_SECONDS
    state = "starting"
    while time.monotonic() < deadline:
        state = podman.run(
            "exec", platform.name, "systemctl", "is-system-running", check=False
        ).strip()
        if state == "running":
            return
        if state == "degraded":
            break
        time.sleep(0.2)
    failed = podman.run("exec", platform.name, "systemctl", "--failed", "--plain", check=False)
    raise HoabanError(
        f"instance {platform.name} did not boot: its systemd is {state or 'not answering'}",
        mend=f"look inside: podman logs {platform.name}",
        detail=failed,
    )


def main(arguments: list[str]) -> int:
    """Do what Molecule's playbooks ask for."""
    action, scenario, *more = arguments
    podman = Podman.prepare(podman_home())
    platforms = read_platforms(Path(scenario))
    if action == "create":
        create(podman, platforms)
    elif action == "destroy":
        destroy(podman, platforms)
    else:
        name, disk, size = more
        machine = next(item for item in platforms if item.name == name)
        if isinstance(machine, Machine):
            machine.guest(podman).grow(int(disk), int(size))
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except HoabanError as error:
        print_error(error)
        sys.exit(int(error.exit_code))
