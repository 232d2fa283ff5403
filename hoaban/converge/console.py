"""What servers write on their serial consoles, from Nova."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

from keystoneauth1.exceptions import ClientException
from openstack import exceptions

from hoaban.errors import HoabanError, Location
from hoaban.openstack.cloud import COMPUTE
from hoaban.openstack.errors import from_exception
from hoaban.provision.credentials import CloudEntry, blame, find_entry

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from openstack.connection import Connection

    from hoaban.model.spec import Cloud

STOPPED: Final = frozenset(
    {"ERROR", "SHUTOFF", "PAUSED", "SUSPENDED", "SHELVED", "SHELVED_OFFLOADED", "SOFT_DELETED"}
)
"""Nova's states of a server that goes on by no means of its own (Compute API guide, Servers)."""
WITHOUT_UPTIME: Final = "2.87"  # the last microversion of Nova that lists hypervisors so
PRETENDS: Final = "fake"  # the type of Nova's driver for tests, which runs nothing


@dataclass(frozen=True, slots=True)
class Hindrance:
    """Why it is no use to wait for a server, in the cloud's words, and the mend."""

    what: str
    mend: str


class Console(Protocol):
    """What the cloud knows of servers that don't talk to us yet."""

    @property
    def boot_seconds(self) -> float:
        """How long a first boot may take there."""

    def output(self, server_id: str) -> str:
        """All that the cloud has kept of a server's console; empty while there is none."""

    def hindrance(self, server_id: str) -> Hindrance | None:
        """Why nothing more will come from a server; None while it may."""


class CloudConsole:
    """Consoles of a cloud's servers. Logs in at the first call."""

    def __init__(self, cloud: Cloud, inventory: Path) -> None:
        self._cloud = cloud
        self._inventory_file = inventory / "province.yml"
        self._entry: CloudEntry | None = None
        self._connection: Connection | None = None

    @property
    def boot_seconds(self) -> float:
        """See :class:`Console`: ``cloud.boot_seconds`` of the province."""
        return float(self._cloud.boot_seconds)

    def output(self, server_id: str) -> str:
        """See :class:`Console`; a server that the cloud does not know is an error."""
        with self._telling(server_id) as cloud:
            try:
                answer = cloud.compute.get_server_console_output(server_id)
            except exceptions.ConflictException:  # not booted yet
                return ""
        return str((answer or {}).get("output") or "")

    def hindrance(self, server_id: str) -> Hindrance | None:
        """See :class:`Console`: a server that is stopped, or that only pretends to run."""
        with self._telling(server_id) as cloud:
            server = cloud.compute.get_server(server_id)
            if server.status in STOPPED:
                said = (server.fault or {}).get("message")
                return Hindrance(
                    f"the cloud has its server in the state {server.status}"
                    + (f": {said}" if said else ""),
                    "bring it back to what the plan says: hoaban up --refresh",
                )
            try:
                types = hypervisor_types(cloud)
            except exceptions.ForbiddenException:  # not for every account to see
                return None
        if types.get(server.hypervisor_hostname) == PRETENDS:
            return Hindrance(
                f"the hypervisor {server.hypervisor_hostname} only pretends to run servers",
                "for the lab: hoaban lab up --hypervisor qemu; without real servers stop after: "
                "hoaban up --provision-only",
            )
        return None

    @contextmanager
    def _telling(self, server_id: str) -> Iterator[Connection]:
        """The connection; what goes wrong with it, in the toolkit's words."""
        try:
            if self._connection is None:
                self._entry = find_entry(self._cloud.name, self._inventory_file)
                self._connection = self._entry.connect(self._cloud.region)
            yield self._connection
        except exceptions.NotFoundException as error:
            raise HoabanError(
                f"the cloud has no server {server_id}, which the stack's state holds",
                where=_place(error),
                mend="read the cloud into the state and build it again: hoaban refresh, hoaban up",
            ) from error
        except exceptions.ConfigException as error:
            raise HoabanError(
                f"no way to log in to the cloud {self._cloud.name}: {error}",
                mend="add it to clouds.yaml, or for the lab: hoaban lab up",
            ) from error
        except exceptions.SDKException as error:
            raise HoabanError(
                f"the cloud {self._cloud.name} did not tell of a server: {error}",
                where=_place(error),
                mend="is the cloud up, and may this account read the console of this project?",
            ) from error
        except ClientException as error:
            environment = self._entry.environment if self._entry else {}
            raise blame(from_exception(error, COMPUTE), environment) from error


def hypervisor_types(cloud: Connection) -> dict[str, str]:
    """What kind each hypervisor is of, by its host name.

    From microversion 2.88 on, Nova asks each of them how long it has been up, and fails as a whole
    when one has just gone and does not answer; the SDK's own list uses the newest.
    """
    answer = cloud.compute.get("/os-hypervisors/detail", microversion=WITHOUT_UPTIME)
    exceptions.raise_from_response(answer)
    found: list[dict[str, str]] = answer.json()["hypervisors"]
    return {one["hypervisor_hostname"]: one["hypervisor_type"] for one in found}


def tail(text: str, lines: int = 15) -> str:
    """The last lines of a console, without the control sequences of its programs."""
    shown = [line for line in map(_printable, text.splitlines()) if line.strip()]
    return "\n".join(shown[-lines:])


def _printable(line: str) -> str:
    kept: list[str] = []
    escape = False
    for character in line:
        if escape:
            escape = not character.isalpha()
        elif character == "\x1b":
            escape = True
        elif character.isprintable() or character == "\t":
            kept.append(character)
    return "".join(kept).rstrip()


def _place(error: exceptions.SDKException) -> Location | None:
    request = getattr(error, "request_id", None)
    return Location(request_id=request) if request else None
