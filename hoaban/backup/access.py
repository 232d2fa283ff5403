"""Access to a repository from another host than its own: from the escrow, for one command.

What a host can't be without to open its backups was sealed when the host was made a client
(roles/backup_client), and is kept as ``<home>/escrow/HOST.age``. Opened, it is a file of restic's
variables. It is never written down again: it goes to a host over standard input, and is in the
environment of one run of restic there.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit, urlunsplit

from hoaban.errors import HoabanError, Location
from hoaban.model.spec import ProvinceService
from hoaban.sealing import IDENTITY_FILE, open_sealed, read_identity

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from hoaban.backup.stream import Hosts
    from hoaban.inventory.fleet import Fleet, ManagedHost
    from hoaban.workspace import Workspace

NEEDED: Final = (
    "RESTIC_REPOSITORY",
    "RESTIC_PASSWORD",
    "RESTIC_REST_USERNAME",
    "RESTIC_REST_PASSWORD",
)
PORT: Final = 8000
ASK: Final = "import ssl; print(ssl.get_server_certificate(('127.0.0.1', {port})))"
PEM: Final = "-----BEGIN CERTIFICATE-----"


@dataclass(frozen=True, slots=True)
class Access:
    """What opens one repository. Its secrets stay out of what is printed of it."""

    environment: Mapping[str, str] = field(repr=False)
    certificate: str

    def asked(self) -> dict[str, Any]:
        """As the agent that runs restic wants it."""
        return {"environment": dict(self.environment), "certificate": self.certificate}


def escrow_file(workspace: Workspace, host: str) -> Path:
    """Where the sealed copy of a host's access is kept."""
    return workspace.home / "escrow" / f"{host}.age"


def borrow(
    workspace: Workspace, fleet: Fleet, hosts: Hosts, host: str, identity: Path | None = None
) -> Access:
    """The access of a host, for use elsewhere; ``identity`` opens the escrow.

    The backup host is called by its address, since a scratch server knows no names, and by the
    certificate that it shows itself on its own loopback, asked over SSH with its pinned key.
    """
    environment = opened(workspace, host, identity)
    parts = urlsplit(environment["RESTIC_REPOSITORY"].removeprefix("rest:"))
    keeper = keeper_of(fleet, parts.hostname or "")
    port = parts.port or PORT
    url = urlunsplit(parts._replace(netloc=f"{keeper.plan.ipv4}:{port}"))
    environment["RESTIC_REPOSITORY"] = f"rest:{url}"
    answer = hosts.output(keeper.name, ["python3", "-I", "-c", ASK.format(port=port)])
    if not answer.ok or PEM not in answer.stdout:
        words = (answer.stderr.splitlines() or ["it showed no certificate"])[-1]
        raise HoabanError(
            f"the backup host {keeper.name} does not answer on port {port}: {words}",
            mend=f"hoaban ssh {keeper.name} -- systemctl status restic-rest-server",
        )
    return Access(environment, answer.stdout)


def opened(workspace: Workspace, host: str, identity: Path | None = None) -> dict[str, str]:
    """The variables in a host's escrow."""
    file = escrow_file(workspace, host)
    try:
        sealed = file.read_bytes()
    except FileNotFoundError:
        raise HoabanError(
            f"there is no escrow of {host} in this workspace",
            where=Location(file=str(file)),
            mend="hoaban converge of its agency brings it while the host lives; else put the "
            "sealed copy there that was kept elsewhere",
        ) from None
    key = identity or workspace.keys / IDENTITY_FILE
    try:
        text = open_sealed(sealed, read_identity(key)).decode()
    except HoabanError as error:
        error.where = error.where or Location(file=str(file))
        error.mend = f"{error.mend}; name its file with --identity FILE"
        raise
    lines = (line.split("=", 1) for line in text.splitlines() if "=" in line)
    found = {name.strip(): value.strip().strip("\"'") for name, value in lines}
    missing = [name for name in NEEDED if not found.get(name)]
    if missing:
        raise HoabanError(
            f"the escrow of {host} lacks {', '.join(missing)}",
            where=Location(file=str(file)),
            mend="converge the host anew: its escrow is written again",
        )
    return {name: found[name] for name in NEEDED}


def keeper_of(fleet: Fleet, address: str) -> ManagedHost:
    """The backup host that a repository's URL names, by name or address."""
    keepers = [
        host for host in fleet.hosts.values() if ProvinceService.BACKUP_HOST in host.plan.services
    ]
    for host in keepers:
        plan = host.plan
        if address in (plan.name, plan.fqdn, str(plan.ipv4), str(plan.ipv6)):
            return host
    raise HoabanError(
        f"the escrow names a backup host `{address}` that this province does not have",
        mend=f"it has {', '.join(host.name for host in keepers) or 'none'}: hoaban status",
    )
