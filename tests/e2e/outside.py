"""Guests outside of the data centre: on a network of their own, behind a router that translates.

They are what the province does not manage: an office's router, a gateway of the centre. The test
logs in to them straight, by their floating IPs.
"""

from __future__ import annotations

import base64
import subprocess
import time
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from pathlib import Path

    from openstack.connection import Connection

CIDR = "10.98.0.0/24"
BOOT_SECONDS = 300
USER = "someone"


@dataclass(frozen=True, slots=True)
class Guest:
    """One of them, at its floating IP, opened by a key."""

    name: str
    address: str
    key: Path
    silent: bool = False
    """Whether what commands print there is kept from standard output."""

    @property
    def options(self) -> dict[str, Any]:
        """Options of ssh(1) by which it is reached."""
        return {
            "IdentityFile": self.key,
            "IdentitiesOnly": "yes",
            "UserKnownHostsFile": self.key.with_name(f"known_{self.name}"),
            # Made this minute, by us, on a network that nobody else has.
            "StrictHostKeyChecking": "accept-new",
            "ConnectTimeout": "30",
            "LogLevel": "ERROR",
        }

    def run(self, script: str, status: int | None = 0) -> str:
        """Output of a shell script as root; its exit status must be as told (None: any)."""
        words = [f"-o{name}={value}" for name, value in self.options.items()]
        done = subprocess.run(
            ["ssh", *words, f"{USER}@{self.address}", "sudo", "bash", "-euo", "pipefail", "-s"],
            input=script,
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )
        if not self.silent:
            print(f"[{self.name}]", done.stdout, done.stderr, sep="\n", flush=True)
        if status is not None:
            assert done.returncode == status, f"{self.name}: {done.stdout}{done.stderr}"
        return done.stdout

    def write(self, path: str, text: str, mode: str = "0600") -> None:
        """Put a file there."""
        packed = base64.b64encode(text.encode()).decode()
        self.run(f"install -D -m {mode} <(base64 -d <<< {packed}) {path}")

    def wait(self) -> None:
        """Until it lets us in and has booted."""
        until = time.monotonic() + BOOT_SECONDS
        while "running" not in (state := self._state()):
            assert time.monotonic() < until, f"{self.name} has not booted: {state}"
            time.sleep(3)

    def _state(self) -> str:
        try:
            return self.run("systemctl is-system-running --wait || true; echo running", None)
        except subprocess.TimeoutExpired:
            return "no answer"


@dataclass(slots=True)
class Outside:
    """The network and its guests, of one administrator's project; ``close`` removes all of it."""

    cloud: Connection
    slug: str
    folder: Path
    silent: bool = False
    made: list[tuple[Any, Any]] = field(default_factory=list)
    """How to remove what was made, and what that is; the newest last."""
    network: Any = None
    public: Any = None

    def open(self) -> None:
        """Make the network, and a key."""
        net, name = self.cloud.network, f"{self.slug}-outside"
        command = ("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(self.folder / "key"))
        subprocess.run(command, check=True)
        self.public = net.find_network("public", ignore_missing=False)
        self.network = self._add(net.delete_network, net.create_network(name=name))
        subnet = net.create_subnet(
            name=name, network_id=self.network.id, ip_version=4, cidr=CIDR,
            dns_nameservers=[],
        )  # fmt: skip
        gateway = {"network_id": self.public.id}
        router = net.create_router(name=name, external_gateway_info=gateway)
        self._add(net.delete_router, router)
        net.add_interface_to_router(router, subnet=subnet.id)
        self._add(lambda one: net.remove_interface_from_router(one, subnet=subnet.id), router)

    def boot(self, name: str, address: str, like: str) -> Guest:
        """Order a guest of the image and size that the server ``like`` has, at a floating IP."""
        cloud, full = self.cloud, f"{self.slug}-{name}"
        model = cloud.compute.get_server(like)
        flavor = cloud.compute.find_flavor(model.flavor.name, ignore_missing=False)
        port = cloud.network.create_port(
            name=full, network_id=self.network.id, port_security_enabled=False, security_groups=[]
        )
        self._add(cloud.network.delete_port, port)
        server = cloud.compute.create_server(
            name=full,
            image_id=model.image.id,
            flavor_id=flavor.id,
            networks=[{"port": port.id}],
            user_data=base64.b64encode(self._user_data().encode()).decode(),
        )
        self._add(self._remove_server, server)
        floating = cloud.network.create_ip(
            floating_network_id=self.public.id, floating_ip_address=address, port_id=port.id
        )
        self._add(cloud.network.delete_ip, floating)
        return Guest(name, address, self.folder / "key", self.silent)

    def close(self) -> None:
        """Remove everything, the newest first."""
        while self.made:
            remove, one = self.made.pop()
            remove(one)

    def _add(self, remove: Any, one: Any) -> Any:
        self.made.append((remove, one))
        return one

    def _remove_server(self, server: Any) -> None:
        self.cloud.compute.delete_server(server, force=True)
        self.cloud.compute.wait_for_delete(server)

    def _user_data(self) -> str:
        key = (self.folder / "key.pub").read_text().strip()
        return "\n".join(
            (
                "#cloud-config",
                "users:",
                f"  - name: {USER}",
                "    shell: /bin/bash",
                "    sudo: 'ALL=(ALL) NOPASSWD:ALL'",
                f"    ssh_authorized_keys: ['{key}']",
            )
        )


PROBE = """
import socket, sys, time
address, port = sys.argv[1], int(sys.argv[2])
while True:
    begun = time.time()
    try:
        socket.create_connection((address, port), timeout=1).close()
        print(f"{begun:.3f} {time.time():.3f}", flush=True)
    except OSError as error:
        print(f"{begun:.3f} -", flush=True)
    time.sleep(max(0, 0.2 - (time.time() - begun)))
"""
"""Opens a connection five times a second; a line for each: begun, and made or ``-``."""


@dataclass(frozen=True, slots=True)
class Watched:
    """What a :class:`Watch` has seen."""

    made: int
    lost: int
    longest: float
    """The longest time without a new connection, in seconds."""


@dataclass(frozen=True, slots=True)
class Watch:
    """Opens connections all the while."""

    guest: Guest
    target: str
    port: int

    def __enter__(self) -> Self:
        self.guest.write("/run/probe.py", PROBE)
        self.guest.run(
            "systemd-run --quiet --collect --unit=probe sh -c "
            f"'exec python3 /run/probe.py {self.target} {self.port} > /run/probe.log'"
        )
        return self

    def __exit__(self, *_: object) -> None:
        self.guest.run("systemctl stop probe", None)

    def seen(self) -> Watched:
        """Up to now, from the first connection on."""
        rows = [row.split() for row in self.guest.run("cat /run/probe.log").splitlines()]
        times = [float(made) for _, made in rows if made != "-"]
        assert times, "no connection was made at all"
        ends = [*times, max(times[-1], float(rows[-1][0]))]
        return Watched(
            made=len(times),
            lost=sum(made == "-" for _, made in rows),
            longest=max(b - a for a, b in pairwise(ends)),
        )


def reaches(guest: Guest, target: str, port: int, source: str = "") -> bool:
    """Whether a connection can be made, within five seconds."""
    script = (
        "import socket\n"
        f"socket.create_connection(({target!r}, {port}), 5, {(source, 0) if source else None})"
    )
    out = guest.run(f"python3 - <<'END' && echo reached || true\n{script}\nEND\n", None)
    return "reached" in out
