"""Installs what is missing from Debian's packages."""

from __future__ import annotations

import os
import re
import subprocess
import time
from typing import TYPE_CHECKING

from hoaban.errors import HoabanError
from hoaban.image.mirror import ensure_backports, host_codename

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hoaban.doctor.checks import Finding

LOCK_WAIT_SECONDS = 600
"""Another apt may be at work, in a parallel step of ours or a timer of the machine's."""
_LOCK_LOOK_SECONDS = 2.0
# What apt-get and dpkg say, in the locale C, of a lock that another process holds. apt's own wait
# (DPkg::Lock::Timeout) is for dpkg's lock alone, not for that of the lists.
_LOCKED = re.compile(r"Could not get lock|Unable to lock directory|was locked by another process")
BACKPORTED = frozenset({"qemu-system-x86", "qemu-utils"})
"""Packages that Debian 12 has too old: guests of Debian 13 panic under QEMU 7."""
_RELEASE_TOO_OLD = "bookworm"


def apt_get(*args: str) -> None:
    """Run apt-get without questions; its output is told only when it fails."""
    wait = f"DPkg::Lock::Timeout={LOCK_WAIT_SECONDS}"
    _patiently("apt-get", "-o", wait, "-q", "-y", *args, name=f"apt-get {args[0]}")


def _patiently(*command: str, name: str) -> None:
    """Run ``command``, again and again as long as another process has the lock it needs.

    ``RUNLEVEL=1`` keeps packages from starting their services: those are the lab's to start.
    """
    environment = os.environ | {
        "DEBIAN_FRONTEND": "noninteractive",
        "LC_ALL": "C.UTF-8",
        "RUNLEVEL": "1",
    }
    end = time.monotonic() + LOCK_WAIT_SECONDS
    while True:
        done = subprocess.run(
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        said = done.stdout + done.stderr
        if not done.returncode:
            return
        if not _LOCKED.search(said) or time.monotonic() > end:
            break
        time.sleep(_LOCK_LOOK_SECONDS)
    raise HoabanError(
        f"{name} failed with status {done.returncode}",
        detail="\n".join(said.splitlines()[-15:]),
        mend=f"run it by hand and see: {' '.join(command)}",
    )


def mend(findings: Sequence[Finding]) -> list[str]:
    """Install the packages that the findings miss; returns their names."""
    packages = sorted({package for finding in findings for package in finding.packages})
    if not packages:
        return []
    if os.geteuid() != 0:
        raise HoabanError(
            "packages can be installed by root only",
            mend=f"sudo apt-get install --yes {' '.join(packages)}",
        )
    # apt refuses to work after an installation that was cut off.
    _patiently(
        "dpkg", "--force-confdef", "--force-confold", "--configure", "-a", name="dpkg --configure"
    )
    backported: list[str] = []
    if host_codename() == _RELEASE_TOO_OLD:
        backported = [package for package in packages if package in BACKPORTED]
    if backported:
        ensure_backports()
    apt_get("update")
    others = [package for package in packages if package not in backported]
    if others:
        apt_get("install", "--no-install-recommends", *others)
    if backported:
        release = f"{_RELEASE_TOO_OLD}-backports"
        # With the release named, a version that is here already is replaced by a younger one.
        apt_get("install", "--no-install-recommends", "--target-release", release, *backported)
    return packages
