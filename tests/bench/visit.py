"""A guest that boots on this machine alone, and what is done to it: commands, files, roles."""

from __future__ import annotations

import subprocess
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from hoaban.converge.playbook import playbook_path
from hoaban.errors import HoabanError
from tests.bench.plays import apply

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from hoaban.testing.guest import Guest

REBOOT_SECONDS: Final = 600
HERE: Final = "10.0.2.2"
"""This machine, and all that comes from it, as the guest of QEMU's own network sees it."""
NAMES: Final = "10.0.2.3"
ADDRESSES: Final = {"ipv4": "10.0.2.15", "ipv6": "fec0::15"}
AGENCY: Final = "do-luong"


@dataclass(frozen=True, slots=True)
class Visit:
    """A guest that runs."""

    guest: Guest

    def run(self, command: str) -> str:
        """Run a shell command there; what it prints. An error when it fails."""
        words = ("ssh", "-F", self.guest.ssh_config, "-o", "LogLevel=ERROR", self.guest.name)
        # A program there may print bytes that are no text.
        done = subprocess.run(
            [*words, command], capture_output=True, text=True, errors="replace", check=False
        )
        if done.returncode:
            raise HoabanError(
                f"a command failed on the guest with status {done.returncode}: {command[:60]}",
                mend=f"see the end of its console: {self.guest.console}",
                detail=(done.stderr or done.stdout).strip()[-2000:],
            )
        return done.stdout

    def copy(self, files: Sequence[Path], folder: str) -> None:
        """Copy files to a folder there."""
        options = ("-q", "-F", str(self.guest.ssh_config))
        names = [str(file) for file in files]
        subprocess.run(["scp", *options, *names, f"{self.guest.name}:{folder}"], check=True)

    def reboot(self) -> None:
        """Boot it again, and wait until SSH answers."""
        boot = "cat /proc/sys/kernel/random/boot_id"
        before = self.run(boot)
        self.run("sudo systemd-run --quiet --on-active=1 systemctl reboot")
        until = time.monotonic() + REBOOT_SECONDS
        while time.monotonic() < until:
            time.sleep(3)
            try:
                if self.run(boot) != before:
                    return
            except HoabanError:
                continue  # it is down, or not up yet
        raise HoabanError(
            f"the guest did not answer SSH within {REBOOT_SECONDS} s after its reboot",
            mend=f"see the end of its console: {self.guest.console}",
        )

    def apply_roles(self, folder: Path, level: int) -> None:
        """Apply the playbook of agencies' servers."""
        apply(playbook_path("agency.yml"), self._inventory(level), folder)

    def _inventory(self, level: int) -> dict[str, Any]:
        """The guest as a server of an agency; it has no log host and no backup host to send to."""
        name = self.guest.name
        hosts: dict[str, Any] = {"hosts": {name: {}}}
        variables = {
            "ansible_ssh_common_args": f"-F {self.guest.ssh_config}",
            "hoaban_agency": {
                "slug": AGENCY,
                "name_vi": "Máy chủ đo lường",
                "name_en": "Server for measurements",
                "security_level": level,
            },
            "hoaban_host": {
                "name": name,
                "fqdn": f"{name}.{AGENCY}.example",
                "system": "web",
                "tier": "app",
                "zone": "app",
                "role": "app",
                "services": [],
                "addresses": ADDRESSES,
            },
            "hoaban_domain": "example",
            "hoaban_deploy_keys": [(self.guest.folder / "account.pub").read_text().strip()],
            "hoaban_operators": [],
            "hoaban_timezone": "Asia/Ho_Chi_Minh",
            "hoaban_ntp_servers": [HERE],
            "hoaban_mirror": None,
            "hoaban_rules": [
                _rule("management", "ingress", "tcp", 22, HERE),
                _rule("names", "egress", "udp", 53, NAMES),
            ],
            "hoaban_transit": [],
            "hoaban_volumes": [],
            "hoaban_backup": None,
        }
        groups = {
            "managed": hosts,
            "province": {"hosts": {}},
            "agency_do_luong": hosts,
            "system_do_luong_web": hosts,
        }
        return {"all": {"children": groups, "vars": variables}}


def _rule(name: str, direction: str, protocol: str, port: int, remote: str) -> dict[str, Any]:
    return {
        "id": name,
        "direction": direction,
        "protocol": protocol,
        "family": "ipv4",
        "port_min": port,
        "port_max": port,
        "remote": f"{remote}/32",
    }
