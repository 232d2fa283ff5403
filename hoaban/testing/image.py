"""The container images in which roles are tested: Debian that boots systemd.

That of the release of our servers carries the packages of all roles for servers, as the guest
image does, so that a test spends its time on configuration and not on downloads. That of another
release, which a scenario's platform asks for by name, is bare.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from hoaban.errors import HoabanError
from hoaban.image.mirror import host_mirror
from hoaban.roles import guest_packages

if TYPE_CHECKING:
    from hoaban.testing.podman import Podman

CODENAME = "trixie"
"""Release of our servers, and of a platform that asks for no other."""
MEMORY = Path("/dev/shm")  # noqa: S108  # a file system, chosen for its speed
_UNPACKED = 3 * 1024**3
"""What the tree and its archive take at most, with room to spare."""
UNITS_FOLDER = ".config/molecule/image"
REPOSITORY = "localhost/hoaban-molecule"

_PACKAGES = (
    "ca-certificates",
    "dbus",
    "iproute2",
    "iputils-ping",
    "libpam-systemd",
    "openssh-server",
    "procps",
    "python3",
    "python3-apt",
    "systemd",
    "systemd-sysv",
    # What only the tests use: to speak to ports, to be a client of the backup host, to be refused
    # by cron, and to be removed.
    "cron",
    "inetutils-telnet",
    "ncat",
    "restic",
    # Stands in for the kernel's WireGuard, where the machine that tests has none.
    "wireguard-go",
)
# Units that have no business in a container, or that would work behind a test's back.
_MASKED = (
    "dev-hugepages.mount",
    "e2scrub_all.timer",
    "fstrim.timer",
    "sys-kernel-debug.mount",
    "sys-kernel-tracing.mount",
    "systemd-firstboot.service",
    "systemd-modules-load.service",
    "systemd-udev-trigger.service",
    "systemd-udevd.service",
)
# Units that Debian starts by itself, and that fail in a container: roles enable them.
_DISABLED = (
    "audit-rules.service",
    "auditd.service",
    "frr.service",
    "keepalived.service",
    "nginx.service",
    "strongswan.service",
)
_HOOK = """\
set -eu
rm -f "$1"/etc/ssh/ssh_host_*
: > "$1"/etc/machine-id
for unit in {masked}; do ln -sf /dev/null "$1/etc/systemd/system/$unit"; done
for unit in {disabled}; do chroot "$1" systemctl disable --quiet "$unit" 2>/dev/null || :; done
cp {units}/*.service "$1/etc/systemd/system/"
for unit in {units}/*.service; do chroot "$1" systemctl enable --quiet "${{unit##*/}}"; done
"""
_BOOT = (
    '--change=CMD ["/lib/systemd/systemd"]',
    "--change=STOPSIGNAL SIGRTMIN+3",
    "--change=ENV container=podman",
)


@dataclass(frozen=True, slots=True)
class Recipe:
    """Everything that decides what is in the image, but for the state of Debian's archive."""

    packages: tuple[str, ...]
    units: Path
    codename: str = CODENAME

    @classmethod
    def of(cls, root: Path, codename: str = CODENAME) -> Recipe:
        """The recipe of the checkout at ``root``, for the release ``codename`` of Debian."""
        roles = guest_packages(root) if codename == CODENAME else ()
        return cls(tuple(sorted({*_PACKAGES, *roles})), root / UNITS_FOLDER, codename)

    @property
    def name(self) -> str:
        """Name of the image, with a digest of the recipe as its tag."""
        parts = [self.codename, *self.packages, *_MASKED, *_DISABLED, _HOOK]
        digest = hashlib.sha256("\0".join(parts).encode())
        for unit in sorted(self.units.glob("*.service")):
            digest.update(unit.name.encode() + b"\0" + unit.read_bytes())
        return f"{REPOSITORY}:{digest.hexdigest()[:16]}"


def ensure_image(podman: Podman, recipe: Recipe) -> bool:
    """Build the image unless it is there; true when it was built."""
    if podman.exists("image", recipe.name):
        return False
    with tempfile.TemporaryDirectory(
        prefix="hoaban-molecule-", dir=_scratch(podman.home)
    ) as folder:
        archive = Path(folder) / "root.tar"
        _bootstrap(recipe, Path(folder), archive)
        with archive.open("rb") as stream:
            podman.run("import", "--quiet", *_BOOT, "-", recipe.name, stdin=stream)
    podman.run("image", "prune", "--force")
    return True


def _bootstrap(recipe: Recipe, scratch: Path, archive: Path) -> None:
    """Make the root file system as a tar archive, with the mirror that this machine uses."""
    mirror = host_mirror()
    sources = scratch / "debian.sources"
    sources.write_text(mirror.sources(recipe.codename))
    hook = scratch / "hook"
    hook.write_text(
        _HOOK.format(masked=" ".join(_MASKED), disabled=" ".join(_DISABLED), units=recipe.units)
    )
    command = [
        "mmdebstrap",
        "--quiet",
        "--variant=apt",
        f"--include={','.join(recipe.packages)}",
        *(f"--aptopt={line}" for line in mirror.options),
        '--aptopt=Acquire::Languages "none"',
        "--dpkgopt=force-unsafe-io",
        "--dpkgopt=path-exclude=/usr/share/man/*",
        # The lists stay, so that a role can install what the image lacks.
        "--skip=cleanup/apt/lists",
        f'--customize-hook=sh {hook} "$1"',
        recipe.codename,
        str(archive),
        str(sources),
    ]
    done = subprocess.run(
        command,
        env={"TMPDIR": str(scratch), "PATH": _PATH},
        capture_output=True,
        check=False,
        umask=0o022,  # the image's files are not the builder's alone
    )
    if done.returncode != 0:
        raise HoabanError(
            f"the container image of {recipe.codename} could not be built",
            mend="see that apt works on this machine: apt-get update",
            detail=done.stderr.decode(errors="replace").strip()[-4000:],
        )


_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def _scratch(home: Path, memory: Path = MEMORY) -> Path:
    """Where to unpack: in memory where that has room and runs programs, else under ``home``.

    Memory takes a third of the time. A container often has 64 MiB of it, a hardened host forbids
    programs in it, and those of the new system have to run.
    """
    if memory.is_dir():
        state = os.statvfs(memory)
        if state.f_bavail * state.f_frsize >= _UNPACKED and not state.f_flag & os.ST_NOEXEC:
            return memory
    folder = home / "scratch"
    folder.mkdir(parents=True, exist_ok=True)
    return folder
