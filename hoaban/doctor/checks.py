"""Requirements by purpose, as a table; examining one never changes the machine."""

from __future__ import annotations

import os
import shutil
import sys
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

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
    """A program on PATH and the Debian package that carries it."""

    purpose: Purpose
    name: str
    package: str

    def examine(self) -> Finding:
        """Look for the program."""
        found = shutil.which(self.name) or shutil.which(self.name, path=_BESIDE_PATH)
        return Finding(
            self.purpose,
            self.name,
            ok=found is not None,
            detail=found or f"the program {self.name} is not installed",
            mend="" if found else f"apt-get install --yes {self.package}",
            packages=() if found else (self.package,),
        )


PROGRAMS = (
    Program(Purpose.CORE, "ssh", "openssh-client"),
    Program(Purpose.CORE, "ssh-keygen", "openssh-client"),
    Program(Purpose.CORE, "git", "git"),
    # uWSGI and libvirt's Python binding are built from source for the lab.
    Program(Purpose.LAB, "cc", "gcc"),
    Program(Purpose.LAB, "pkg-config", "pkg-config"),
    Program(Purpose.LAB, "ip", "iproute2"),
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
    Program(Purpose.MOLECULE, "qemu-system-x86_64", "qemu-system-x86"),
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


OTHERS: tuple[Callable[[], Finding], ...] = (
    _python,
    _root,
    _memory,
    _disk(Purpose.LAB, lab_dir(), 12),
    _disk(Purpose.IMAGE, image_dir(), 4),
    _device("/dev/net/tun", "guests are joined to the network by tap devices"),
)


def examine(*purposes: Purpose) -> list[Finding]:
    """Findings for the purposes (all when none is named), missing things first."""
    wanted = set(purposes or Purpose)
    findings = [program.examine() for program in PROGRAMS if program.purpose in wanted]
    findings += [finding for look in OTHERS if (finding := look()).purpose in wanted]
    order = list(Purpose)
    return sorted(findings, key=lambda each: (each.ok, order.index(each.purpose)))
