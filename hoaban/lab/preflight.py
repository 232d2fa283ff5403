"""What a lab needs of its machine, looked at before anything is made."""

from __future__ import annotations

import errno
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

from hoaban.doctor import Purpose
from hoaban.doctor import examine as requirements
from hoaban.errors import HoabanError, ManyErrors
from hoaban.lab import network
from hoaban.lab.services import ADDRESS, APIS, MIRROR_ADDRESS
from hoaban.lab.supervisor import Supervisor
from hoaban.workspace import toolkit_root

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hoaban.lab.layout import Layout

PORTS = {api.port: api.name for api in APIS} | {5672: "rabbitmq", 11211: "memcached"}
LONGEST_ROOT = 60
"""Longer folders do not leave room for the names of sockets (108 bytes in all, unix(7))."""


def check(layout: Layout) -> None:
    """Raise all that is wrong at once."""
    errors = [*_machine(), *_place(layout), *_ports(layout), *network.conflicts(layout)]
    if errors:
        raise errors[0] if len(errors) == 1 else ManyErrors(errors)


def _machine() -> Iterable[HoabanError]:
    """The machine itself. Missing packages are no error: the role installs them."""
    for finding in requirements(Purpose.LAB):
        if not finding.ok and not finding.packages:
            yield HoabanError(
                f"this machine cannot hold a lab: {finding.name}: {finding.detail}",
                mend=finding.mend,
            )
    if platform.machine() != "x86_64":
        yield HoabanError(
            f"the lab's guests are x86_64, this machine is {platform.machine()}",
            mend="use an x86_64 machine, or name another cloud in clouds.yaml",
        )
    if shutil.which("apt-get") is None:
        yield HoabanError(
            "the lab is made of Debian packages, and there is no apt-get here",
            mend="use a machine with Debian 12",
        )
    trial = subprocess.run(
        ["unshare", "--mount", "--net", "true"], capture_output=True, text=True, check=False
    )
    if trial.returncode != 0:
        yield HoabanError(
            "the kernel refuses namespaces for mounts and networks",
            mend="run this outside a container, or in one with the capability SYS_ADMIN",
            detail=trial.stderr.strip(),
        )


def _place(layout: Layout) -> Iterable[HoabanError]:
    if len(str(layout.root)) > LONGEST_ROOT:
        yield HoabanError(
            f"the lab's folder has a name of {len(str(layout.root))} letters: {layout.root}",
            mend=f"set HOABAN_LAB_DIR to a folder of at most {LONGEST_ROOT} letters",
        )
    if layout.state.is_dir() and any(layout.state.iterdir()) and not layout.secrets.is_file():
        yield HoabanError(
            f"the lab has data but its passwords are gone ({layout.secrets})",
            mend="put the file back, or begin anew: hoaban lab destroy",
        )
    existing = next(path for path in (layout.root, *layout.root.parents) if path.is_dir())
    if not _keeps_attributes(existing):
        yield HoabanError(
            f"the file system of {existing} keeps no extended attributes, which objects need",
            mend="set HOABAN_LAB_DIR to a folder on ext4 or XFS",
        )


def _keeps_attributes(folder: Path) -> bool:
    """Whether files in ``folder`` can have attributes of their users (xattr(7)), as Swift sets."""
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            os.setxattr(file.fileno(), "user.swift.metadata", bytes(1024))
    except OSError as error:
        # What else is wrong with the folder is not this question's: a missing right, say.
        return error.errno not in {errno.ENOTSUP, errno.E2BIG, errno.ENOSPC}
    return True


def _ports(layout: Layout) -> Iterable[HoabanError]:
    """Ports that a process other than this lab's holds."""
    number = Supervisor(layout).pid()
    own: set[int] = set()
    if number is not None:
        own = {child.pid for child in psutil.Process(number).children(recursive=True)}
    for one in psutil.net_connections("inet"):
        if one.status != psutil.CONN_LISTEN or one.pid in own:
            continue
        address, port = tuple(one.laddr)
        places = {ADDRESS, MIRROR_ADDRESS, "0.0.0.0", "::"}  # noqa: S104 - not bound here
        if port in PORTS and address in places:
            yield HoabanError(
                f"port {port} on {address} is taken by {_process(one.pid)}; "
                f"the lab's {PORTS[port]} needs it",
                mend=f"stop it, or see what it is: ss -ltnp 'sport = :{port}'",
            )


def _process(number: int | None) -> str:
    try:
        process = psutil.Process(number) if number else None
        words = process.cmdline()[:3] if process else []
    except psutil.Error:
        words = []
    return f"process {number} ({' '.join(words)})" if words else "a process that cannot be seen"


def uv() -> Path:
    """The installer of Python packages: the one that set this checkout up, or any on PATH."""
    folders = [toolkit_root() / ".bootstrap/bin", Path(sys.executable).parent]
    places = [*map(str, folders), os.environ.get("PATH", "")]
    found = shutil.which("uv", path=os.pathsep.join(places))
    if found is None:
        raise HoabanError(
            "the program uv is not on this machine; it installs OpenStack's Python packages",
            mend="make setup",
        )
    return Path(found)
