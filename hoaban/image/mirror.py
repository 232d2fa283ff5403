"""Debian's archive as this machine reaches it.

The address of a package mirror is a fact of the machine, not of the project: it is read from
apt's own configuration, through apt itself (so that ``.list`` and ``.sources`` files, and
whatever else apt understands, all count), and carried over to another release of Debian.
"""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

from hoaban.errors import HoabanError

KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
BACKPORTS_FILE = Path("/etc/apt/sources.list.d/hoaban-backports.sources")

_MIRROR_LIST = "mirror+file:"
_TARGETS = ("$(REPO_URI)", "$(RELEASE)", "$(COMPONENT)", "$(ORIGIN)")
# What a host sets to reach its mirror at all: proxies, certificates, a clock that is not to be
# trusted. Whatever weakens the check of signatures is left out on purpose.
_CARRIED = re.compile(r"^Acquire::(https?::|Retries|Check-Valid-Until|Check-Date|ForceIPv[46])")


@dataclass(frozen=True, slots=True)
class HostMirror:
    """Where this machine gets Debian from.

    ``codename`` is the host's own release, ``archive`` and ``security`` are base addresses
    without a trailing slash, ``options`` are lines in the syntax of apt.conf(5).
    """

    codename: str
    archive: str
    security: str
    options: tuple[str, ...] = ()

    def sources(self, codename: str) -> str:
        """Sources of release ``codename`` with its updates, in the format of sources.list(5)."""
        main = _stanza(self.archive, f"{codename} {codename}-updates")
        return f"{main}\n{_stanza(self.security, f'{codename}-security')}"

    def backports(self) -> str:
        """Sources of the backports to the host's own release."""
        return _stanza(self.archive, f"{self.codename}-backports")


def host_mirror() -> HostMirror:
    """Read apt's configuration of this machine."""
    codename = host_codename()
    listing = _run(
        "apt-get", "indextargets", "--format", "|".join(_TARGETS), "Created-By: Packages"
    )
    options = tuple(
        line for line in _run("apt-config", "dump").splitlines() if _CARRIED.match(line)
    )
    return parse_targets(listing, codename, options)


def host_codename() -> str:
    """Name of the release of Debian that this machine runs."""
    return _os_release()["VERSION_CODENAME"]


def parse_targets(listing: str, codename: str, options: tuple[str, ...] = ()) -> HostMirror:
    """Find Debian's archives in ``listing``.

    A line is ``address|release|component|origin``, as ``apt-get indextargets`` prints it; apt
    leaves ``$(ORIGIN)`` standing where it has not fetched the archive's index yet.
    """
    found: dict[str, str] = {}
    for line in listing.splitlines():
        address, release, component, origin = line.split("|")
        if component == "main" and origin in {"Debian", "$(ORIGIN)", ""}:
            found.setdefault(release, _server(address).rstrip("/"))
    archive = found.get(codename) or found.get(f"{codename}-updates")
    if archive is None:
        raise HoabanError(
            f"apt on this machine has no source for Debian {codename}, component main",
            mend="add one to /etc/apt/sources.list.d/debian.sources, then: apt-get update",
        )
    security = found.get(f"{codename}-security") or _security_beside(archive)
    return HostMirror(codename, archive, security, options)


def ensure_backports(path: Path = BACKPORTS_FILE) -> bool:
    """Add the backports archive to apt; true when the sources were changed and need an update."""
    text = host_mirror().backports()
    if path.is_file() and path.read_text() == text:
        return False
    beside = path.with_suffix(".new")
    beside.write_text(text)
    beside.chmod(0o644)
    beside.replace(path)
    return True


def _server(address: str) -> str:
    """The first address of apt's list of mirrors, where ``address`` is such a list on this machine.

    Debian's images for clouds have `mirror+file:/etc/apt/mirrors/debian.list` (apt-transport-
    mirror(1)): a path that another machine, or an image, does not have.
    """
    if not address.startswith(_MIRROR_LIST):
        return address
    path = Path("/" + address.removeprefix(_MIRROR_LIST).strip("/"))
    try:
        lines = path.read_text().splitlines()
    except OSError as error:
        raise HoabanError(
            f"apt's list of mirrors {path} cannot be read: {error.strerror}",
            mend=f"write a mirror's address into {path}, on a line of its own",
        ) from error
    # Address, then perhaps a tabulator and the metadata by which apt chooses.
    addresses = [line.split()[0] for line in lines if line.strip() and line.lstrip()[0] != "#"]
    if not addresses:
        raise HoabanError(
            f"apt's list of mirrors {path} names none",
            mend=f"write a mirror's address into {path}, on a line of its own",
        )
    return addresses[0]


def _security_beside(archive: str) -> str:
    """Mirrors lay ``debian-security`` beside ``debian``."""
    return re.sub(r"/debian$", "/debian-security", archive)


def _stanza(address: str, suites: str) -> str:
    return (
        f"Types: deb\nURIs: {address}\nSuites: {suites}\nComponents: main\nSigned-By: {KEYRING}\n"
    )


def _os_release() -> dict[str, str]:
    lines = Path("/etc/os-release").read_text().splitlines()
    return {key: value.strip('"') for key, _, value in (line.partition("=") for line in lines)}


def _run(*command: str) -> str:
    try:
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout
    except FileNotFoundError as error:
        raise HoabanError(
            f"{command[0]} is not on this machine",
            mend="run this on Debian 12 or later: the image is made with Debian's own tools",
        ) from error
    except subprocess.CalledProcessError as error:
        raise HoabanError(
            f"{' '.join(command[:2])} failed",
            mend="see that apt works on this machine: apt-get update",
            detail=error.stderr.strip(),
        ) from error
