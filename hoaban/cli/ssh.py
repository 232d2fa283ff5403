"""``hoaban ssh``."""

from __future__ import annotations

import os
from typing import Annotated

import typer

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
    remote = Remote(sshconfig.write(workspace, fleet))
    words = [*remote.command(fleet.host(host).name), *(["--", *command] if command else [])]
    os.execvp(words[0], words)  # noqa: S606 - a shell would come between ssh and its terminal
