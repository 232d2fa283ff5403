"""Two guests on one network of the lab, with both kinds of tunnel between them.

The product's own roles set them up: ``wireguard`` and ``ipsec_gateway``, with the MTU, the ciphers
and the settings of the kernel that those choose. There is no packet filter, no routing protocol and
no translation of addresses between the two.
"""

from __future__ import annotations

import subprocess
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeVar

import yaml

from tests.bench.archive import Archive
from tests.bench.plays import apply
from tests.e2e.centre import Authority
from tests.e2e.outside import USER

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from tests.e2e.outside import Guest

Result = TypeVar("Result")
INTERFACE: Final = "wg-bench"
PORT: Final = 51820
WIREGUARD: Final = ("192.0.2.1", "192.0.2.2")
IPSEC: Final = ("198.51.100.1", "203.0.113.1")


@dataclass(frozen=True, slots=True)
class Pair:
    """Both guests, and their addresses on the network that they share."""

    guests: tuple[Guest, Guest]
    addresses: tuple[str, str]
    folder: Path

    @classmethod
    def of(cls, guests: tuple[Guest, Guest], folder: Path) -> Pair:
        """Wait for the guests, and ask them for their addresses."""
        pair = cls(guests, ("", ""), folder)
        pair.each(lambda guest: guest.wait())
        one, two = (told.split()[0] for told in pair.each(lambda guest: guest.run("hostname -I")))
        return cls(guests, (one, two), folder)

    def each(self, work: Callable[[Guest], Result]) -> list[Result]:
        """Do one piece of work on both, side by side."""
        with ThreadPoolExecutor(max_workers=2) as pool:
            return list(pool.map(work, self.guests))

    def install(self, codename: str, *names: str) -> None:
        """Bring packages of Debian to both."""
        status = self.guests[0].run("cat /var/lib/dpkg/status")
        debs = Archive(codename, self.folder / codename, status).fetch(*names)

        def bring(guest: Guest) -> None:
            for deb in debs:
                send(guest, deb)
            guest.run("dpkg --install /var/tmp/*.deb && rm /var/tmp/*.deb")

        self.each(bring)

    def open_tunnels(self) -> None:
        """Apply the roles: keys and requests first, then what was signed of these."""
        for guest, address in zip(self.guests, IPSEC, strict=True):
            guest.run(f"ip address add {address}/32 dev lo")
        hosts = self.folder / "both.yml"
        play = {"hosts": "all", "become": True, "roles": ["wireguard", "ipsec_gateway"]}
        hosts.write_text(yaml.safe_dump([play]))
        apply(hosts, self.inventory(), self.folder)
        authority = Authority.make()
        requests = self.each(lambda guest: guest.run("cat /etc/swanctl/gateway-*.csr"))
        certificates = [authority.answer(request) for request in requests]
        ours = self.folder / "ipsec.yml"
        ours.write_text(yaml.safe_dump([play | {"roles": ["ipsec_gateway"]}]))
        apply(ours, self.inventory(certificates, authority), self.folder)

    def inventory(
        self, certificates: Sequence[str] = ("", ""), authority: Authority | None = None
    ) -> dict[str, Any]:
        """Variables of the roles for both; without an authority nobody is trusted yet."""
        trust = {
            "ipsec_gateway_authorities": [authority.pem] if authority else [],
            "ipsec_gateway_crls": [authority.revoked()] if authority else [],
        }
        hosts = {
            self.guests[own].name: {
                **self._connection(self.guests[own]),
                **self._wireguard(own, other),
                **self._ipsec(own, other),
                **trust,
                "ipsec_gateway_certificate": certificates[own],
            }
            for own, other in ((0, 1), (1, 0))
        }
        return {"all": {"hosts": hosts}}

    def _connection(self, guest: Guest) -> dict[str, Any]:
        config = self.folder / f"ssh_{guest.name}"
        options = guest.options | {"HostName": guest.address, "StrictHostKeyChecking": "yes"}
        lines = [f"Host {guest.name}", *(f"  {key} {value}" for key, value in options.items())]
        config.write_text("\n".join(lines) + "\n")
        return {
            "ansible_user": USER,
            "ansible_ssh_common_args": f"-F {config} -o ControlPath=none",
        }

    def _wireguard(self, own: int, other: int) -> dict[str, Any]:
        peer = {
            "name": self.guests[other].name,
            "host": self.guests[other].name,
            "endpoint": f"{self.addresses[other]}:{PORT}",
            "allowed_ips": [f"{WIREGUARD[other]}/32"],
            "tunnel_addresses": [WIREGUARD[other]],
        }
        interface = {
            "name": INTERFACE,
            "listen_port": PORT,
            "addresses": [f"{WIREGUARD[own]}/32"],
            "peers": [peer],
        }
        return {
            "wireguard_key_file": str(self.folder / "keys.yml"),
            "wireguard_interfaces": [interface],
        }

    def _ipsec(self, own: int, other: int) -> dict[str, Any]:
        names = [f"{guest.name}.example" for guest in self.guests]
        peer = {
            "name": self.guests[other].name,
            "addresses": [self.addresses[other]],
            "identity": names[other],
        }
        return {
            "ipsec_gateway_identity": names[own],
            "ipsec_gateway_peers": [peer],
            "ipsec_gateway_local_networks": [f"{IPSEC[own]}/32"],
            "ipsec_gateway_remote_networks": [f"{IPSEC[other]}/32"],
        }


def send(guest: Guest, file: Path) -> None:
    """Copy a file into a guest's /var/tmp."""
    words = [f"-o{name}={value}" for name, value in guest.options.items()]
    place = f"{USER}@{guest.address}:/var/tmp/"
    subprocess.run(["scp", "-q", *words, file, place], check=True)
