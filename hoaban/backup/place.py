"""Where the verbs about backups are carried out."""

from __future__ import annotations

from dataclasses import dataclass

from hoaban.backup.stream import RemoteHosts
from hoaban.inventory import sshconfig
from hoaban.inventory.fleet import Fleet
from hoaban.remote import Remote
from hoaban.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Place:
    """The workspace a verb is run in, its hosts, and the way to them."""

    workspace: Workspace
    fleet: Fleet
    hosts: RemoteHosts

    @classmethod
    def here(cls) -> Place:
        """Read the state; no host is asked."""
        workspace = Workspace.find()
        fleet = Fleet.read(workspace)
        return cls(workspace, fleet, RemoteHosts(Remote(sshconfig.write(workspace, fleet))))
