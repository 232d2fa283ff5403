"""What servers write on their serial consoles, from Nova."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from openstack import exceptions

from hoaban.errors import HoabanError, Location
from hoaban.provision.credentials import find_entry

if TYPE_CHECKING:
    from pathlib import Path

    from openstack.connection import Connection

    from hoaban.model.spec import Cloud


class Console(Protocol):
    """Where the output of consoles comes from."""

    def output(self, server_id: str) -> str:
        """All that the cloud has kept of a server's console; empty while there is none."""


class CloudConsole:
    """Consoles of a cloud's servers. Logs in at the first call."""

    def __init__(self, cloud: Cloud, inventory: Path) -> None:
        self._cloud = cloud
        self._inventory_file = inventory / "province.yml"
        self._connection: Connection | None = None

    def output(self, server_id: str) -> str:
        """See :class:`Console`; a server that the cloud does not know is an error."""
        try:
            if self._connection is None:
                entry = find_entry(self._cloud.name, self._inventory_file)
                self._connection = entry.connect(self._cloud.region)
            answer = self._connection.compute.get_server_console_output(server_id)
        except exceptions.ConflictException:  # not booted yet
            return ""
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
                f"the cloud {self._cloud.name} did not give a server's console: {error}",
                where=_place(error),
                mend="is the cloud up, and may this account read the console of this project?",
            ) from error
        return str((answer or {}).get("output") or "")


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
