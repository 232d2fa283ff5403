"""Podman with configuration and storage of its own.

Test instances live apart from whatever else the machine runs: another storage, other networks,
and settings that work without systemd on the host and under mixed cgroups (where crun refuses and
runc does not).
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any

from hoaban.errors import HoabanError
from hoaban.runfolder import RUN_FOLDER

if TYPE_CHECKING:
    from pathlib import Path

PACKAGES = ("podman", "runc", "netavark", "iptables", "mmdebstrap")
"""Debian packages that the tests of roles need on the controller."""

# Podman's own profile denies mounts, which systemd in an instance makes; a kernel without AppArmor
# does not care for the setting.
_CONTAINERS_CONF = """\
[containers]
apparmor_profile = "unconfined"
cgroups = "enabled"
default_ulimits = ["nofile=10000:10000", "nproc=8192:8192"]
log_driver = "k8s-file"
pids_limit = 0

[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
lock_type = "file"
runtime = "runc"

[network]
network_backend = "netavark"
network_config_dir = "{home}/networks"
"""

_STORAGE_CONF = """\
[storage]
driver = "overlay"
graphroot = "{home}/storage"
runroot = "{run}"
"""


@dataclass(frozen=True, slots=True)
class Podman:
    """Podman as configured by the files in ``home``, which must be an absolute folder."""

    home: Path

    @classmethod
    def prepare(cls, home: Path) -> Podman:
        """Write the configuration below ``home``, and see that the programs are there."""
        missing = [name for name in ("podman", "runc", "mmdebstrap") if not shutil.which(name)]
        if missing:
            raise HoabanError(
                f"not on this machine: {', '.join(missing)}",
                mend=f"apt-get install --no-install-recommends {' '.join(PACKAGES)}",
            )
        if os.geteuid() != 0:
            raise HoabanError(
                "containers that boot systemd and filter packets need root",
                mend="run the tests of roles as root",
            )
        podman = cls(home.resolve())
        (podman.home / "networks").mkdir(mode=0o700, parents=True, exist_ok=True)
        values = {"home": podman.home, "run": podman.run_folder}
        (podman.home / "containers.conf").write_text(_CONTAINERS_CONF.format(**values))
        (podman.home / "storage.conf").write_text(_STORAGE_CONF.format(**values))
        return podman

    @property
    def run_folder(self) -> Path:
        """Where running containers' sockets are; short, since a socket's path has 107 bytes."""
        return RUN_FOLDER / hashlib.sha256(bytes(self.home)).hexdigest()[:8]

    @property
    def environment(self) -> dict[str, str]:
        """Variables that make any ``podman`` started with them use this configuration."""
        return {
            "CONTAINERS_CONF": str(self.home / "containers.conf"),
            "CONTAINERS_STORAGE_CONF": str(self.home / "storage.conf"),
        }

    def run(self, *args: str, check: bool = True, stdin: IO[bytes] | None = None) -> str:
        """Run ``podman ARGS`` and return what it printed, or raise with what it complained of."""
        done: subprocess.CompletedProcess[Any] = subprocess.run(
            ["podman", *args],
            env=os.environ | self.environment,
            stdin=stdin if stdin is not None else subprocess.DEVNULL,
            capture_output=True,
            check=False,
        )
        if check and done.returncode != 0:
            raise HoabanError(
                f"podman {' '.join(args[:2])} failed with status {done.returncode}",
                mend="the lines below are podman's own; a leftover goes away with: "
                "python -m hoaban.testing.molecule --action destroy",
                detail=done.stderr.decode(errors="replace").strip(),
            )
        return str(done.stdout.decode())

    def exists(self, kind: str, name: str) -> bool:
        """Whether an object (``image``, ``network``, ``container``) of that name is there."""
        done = subprocess.run(
            ["podman", kind, "exists", name],
            env=os.environ | self.environment,
            capture_output=True,
            check=False,
        )
        return done.returncode == 0
