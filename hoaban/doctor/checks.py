"""Requirements by purpose, as a table; examining one never changes the machine."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from hoaban.doctor.mend import BACKPORTED
from hoaban.workspace import image_dir, lab_dir

if TYPE_CHECKING:
    from collections.abc import Callable

GIB = 1024**3
# Where Debian keeps programs that a person seldom calls, and the helpers of podman.
_BESIDE_PATH = "/usr/sbin:/sbin:/usr/lib/podman"


class Purpose(StrEnum):
    """What a machine is wanted for."""

    CORE = "core"
    LAB = "lab"
    IMAGE = "image"
    MOLECULE = "molecule"


@dataclass(frozen=True, slots=True)
class Finding:
    """One requirement as it was found. ``mend`` is a command where a command can mend it."""

    purpose: Purpose
    name: str
    ok: bool
    detail: str
    mend: str = ""
    packages: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Program:
    """A program on PATH and the Debian package that carries it.

    ``at_least`` is the major version from which on it will do; 0 is any.
    """

    purpose: Purpose
    name: str
    package: str
    at_least: int = 0

    def examine(self) -> Finding:
        """Look for the program, and for its version where that matters."""
        found = shutil.which(self.name) or shutil.which(self.name, path=_BESIDE_PATH)
        problem = "" if found else f"the program {self.name} is not installed"
        if found and self.at_least and (version := _major(found)) < self.at_least:
            problem = f"{found} is of version {version}, {self.at_least} needed"
        return Finding(
            self.purpose,
            self.name,
            ok=not problem,
            detail=problem or str(found),
            mend=self._mend() if problem else "",
            packages=(self.package,) if problem else (),
        )

    def _mend(self) -> str:
        # Where the release's own version is too old, another archive has to be made known first.
        if self.package in BACKPORTED:
            return f"hoaban doctor {self.purpose} --mend"
        return f"apt-get install --yes {self.package}"


def _major(program: str) -> int:
    """First number of the version that ``program --version`` tells; 0 when it tells none."""
    done = subprocess.run(
        [program, "--version"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    found = re.search(r"version (\d+)", done.stdout)
    return int(found[1]) if found else 0


PROGRAMS = (
    Program(Purpose.CORE, "ssh", "openssh-client"),
    Program(Purpose.CORE, "ssh-keygen", "openssh-client"),
    Program(Purpose.CORE, "git", "git"),
    Program(Purpose.CORE, "ip", "iproute2"),
    # uWSGI and libvirt's Python binding are built from source for the lab.
    Program(Purpose.LAB, "cc", "gcc"),
    Program(Purpose.LAB, "pkg-config", "pkg-config"),
    Program(Purpose.LAB, "nft", "nftables"),
    Program(Purpose.IMAGE, "mmdebstrap", "mmdebstrap"),
    Program(Purpose.IMAGE, "mke2fs", "e2fsprogs"),
    Program(Purpose.IMAGE, "qemu-img", "qemu-utils"),
    Program(Purpose.MOLECULE, "podman", "podman"),
    Program(Purpose.MOLECULE, "runc", "runc"),
    Program(Purpose.MOLECULE, "netavark", "netavark"),
    Program(Purpose.MOLECULE, "iptables", "iptables"),
    Program(Purpose.MOLECULE, "mmdebstrap", "mmdebstrap"),
    Program(Purpose.MOLECULE, "genisoimage", "genisoimage"),
    # Under QEMU 7, the kernel of our servers panics.
    Program(Purpose.MOLECULE, "qemu-system-x86_64", "qemu-system-x86", at_least=9),
    Program(Purpose.MOLECULE, "qemu-img", "qemu-utils"),
)


def _python() -> Finding:
    version = ".".join(map(str, sys.version_info[:3]))
    ok = (3, 11) <= sys.version_info[:2] < (3, 14)
    return Finding(
        Purpose.CORE, "Python 3.11 to 3.13", ok, version, "" if ok else "apt-get install python3"
    )


def _root() -> Finding:
    ok = os.geteuid() == 0
    return Finding(
        Purpose.LAB,
        "root",
        ok,
        "running as root" if ok else "the lab makes bridges, mounts and guests",
        "" if ok else "sudo --preserve-env=PATH hoaban lab up",
    )


def _memory() -> Finding:
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / GIB
    need = 10  # 3 for the services, 1 a guest, the rest for the page cache and the builds
    return Finding(
        Purpose.LAB,
        "memory",
        total >= need,
        f"{total:.0f} GiB, {need} needed",
        "" if total >= need else f"use a machine with {need} GiB of memory or more",
    )


def _disk(purpose: Purpose, folder: Path, need: int) -> Callable[[], Finding]:
    def examine_disk() -> Finding:
        existing = next(path for path in (folder, *folder.parents) if path.exists())
        free = shutil.disk_usage(existing).free / GIB
        return Finding(
            purpose,
            f"disk for {folder}",
            free >= need,
            f"{free:.0f} GiB free, {need} needed",
            "" if free >= need else f"free {need - free:.0f} GiB under {existing}",
        )

    return examine_disk


def _device(path: str, why: str) -> Callable[[], Finding]:
    def examine_device() -> Finding:
        ok = Path(path).exists()
        detail = "present" if ok else f"missing: {why}"
        return Finding(Purpose.LAB, path, ok, detail, "" if ok else "modprobe tun")

    return examine_device


def _ipv6(purpose: Purpose) -> Callable[[], Finding]:
    def examine_ipv6() -> Finding:
        try:
            problem = _ipv6_problem()
        except OSError as error:
            problem = f"the kernel has none: {error.strerror}"
        return Finding(
            purpose,
            "IPv6",
            not problem,
            problem or "interfaces can have addresses of it",
            _IPV6_MEND if problem else "",
        )

    return examine_ipv6


# The switch of all interfaces is copied to those that are made later; `default` is theirs alone.
_IPV6_MEND = "sysctl -w net.ipv6.conf.all.disable_ipv6=0 net.ipv6.conf.default.disable_ipv6=0"
_IPV6_SETTINGS = Path("/proc/sys/net/ipv6/conf")


def _ipv6_problem() -> str:
    """What keeps new interfaces from having IPv6 addresses; empty for nothing."""
    for name in ("all", "default"):
        if (_IPV6_SETTINGS / name / "disable_ipv6").read_text().strip() != "0":
            return f"disabled: net.ipv6.conf.{name}.disable_ipv6 is 1"
    return ""


OTHERS: tuple[Callable[[], Finding], ...] = (
    _python,
    _root,
    _memory,
    _disk(Purpose.LAB, lab_dir(), 12),
    _disk(Purpose.IMAGE, image_dir(), 4),
    _ipv6(Purpose.LAB),
    _ipv6(Purpose.MOLECULE),
    _device("/dev/net/tun", "guests are joined to the network by tap devices"),
)


def examine(*purposes: Purpose) -> list[Finding]:
    """Findings for the purposes (all when none is named), missing things first."""
    wanted = set(purposes or Purpose)
    findings = [program.examine() for program in PROGRAMS if program.purpose in wanted]
    findings += [finding for look in OTHERS if (finding := look()).purpose in wanted]
    order = list(Purpose)
    return sorted(findings, key=lambda each: (each.ok, order.index(each.purpose)))
