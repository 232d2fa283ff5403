"""``hoaban ssh``."""

from __future__ import annotations

import os
import shlex
from typing import Annotated

import typer

from hoaban.converge.pins import PinStore
from hoaban.errors import HoabanError
from hoaban.inventory import sshconfig
from hoaban.inventory.fleet import Fleet
from hoaban.remote import Remote
from hoaban.workspace import Workspace


def ssh(
    host: Annotated[str, typer.Argument(help="Name or full domain name of a host")],
    command: Annotated[
        list[str] | None, typer.Argument(help="What to run there; a shell unless told")
    ] = None,
) -> None:
    """Log in to a host, through the bastion, with its key pinned.

    The exit status is ssh's own: the command's, or 255 when there was no connection.

    Examples: `hoaban ssh so-y-te-cong-web-1`, `hoaban ssh son-la-bastion -- chronyc sources`
    """
    workspace = Workspace.find()
    fleet = Fleet.read(workspace)
    chosen = fleet.host(host)
    if chosen.name not in PinStore(workspace.known_hosts, chosen.state.key).read():
        agency = chosen.environment.agency
        raise HoabanError(
            f"the host key of {chosen.name} is not pinned, since it was never configured",
            mend=shlex.join(["hoaban", "converge", *([agency] if agency else [])]),
        )
    remote = Remote(sshconfig.write(workspace, fleet))
    words = [*remote.command(chosen.name), *(["--", *command] if command else [])]
    os.execvp(words[0], words)  # noqa: S606 - a shell would come between ssh and its terminal
