"""Installs what is missing from Debian's packages."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

from hoaban.errors import HoabanError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hoaban.doctor.checks import Finding

LOCK_WAIT_SECONDS = 600
"""Another apt may be at work, in a parallel step of ours or a timer of the machine's."""


def apt_get(*args: str) -> None:
    """Run apt-get without questions; its output is told only when it fails.

    ``RUNLEVEL=1`` keeps packages from starting their services: those are the lab's to start.
    """
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"}
    command = ["apt-get", "-o", f"DPkg::Lock::Timeout={LOCK_WAIT_SECONDS}", "-q", "-y", *args]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise HoabanError(
            f"apt-get {args[0]} failed with status {done.returncode}",
            detail="\n".join((done.stdout + done.stderr).splitlines()[-15:]),
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
    apt_get("update")
    apt_get("install", "--no-install-recommends", *packages)
    return packages
