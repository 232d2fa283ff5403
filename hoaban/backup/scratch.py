"""The scratch server of drills as it is: a stack of the cloud, configured by Ansible."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hoaban.converge.run import converge
from hoaban.engine.api import Options
from hoaban.engine.embedded import lock
from hoaban.engine.embedded.backend import Backend, StackName
from hoaban.model.drills import owner_of, scratch_name
from hoaban.provision import operations
from hoaban.provision.guard import Consent

if TYPE_CHECKING:
    from pulumi.automation.events import EngineEvent

    from hoaban.console import Steps
    from hoaban.converge.console import Console
    from hoaban.engine.api import Engine
    from hoaban.provision.target import DrillTarget

PLAYBOOK = "drill.yml"
GONE = Consent(delete_data=True, allow_replace=True)
"""What is on a scratch server is a copy."""


@dataclass(frozen=True, slots=True)
class ScratchStage:
    """See :class:`hoaban.backup.drill.Stage`."""

    target: DrillTarget
    engine: Engine
    console: Console
    steps: Steps

    def clear(self) -> bool:
        """Remove what an earlier drill left; whether there was anything."""
        backend = Backend(self.target.workspace.backend)
        name = StackName(self.target.project, self.target.stack_name)
        left = lock.holders(backend, name)
        if left and all(holder.dead for holder in left):
            lock.release(backend, name)
        if not self.target.stands():
            return False
        self.remove()
        return True

    def build(self) -> None:
        """Make the server."""
        operations.up(self.target, self.engine, _ignore, consent=GONE, config=self.target.config)

    def configure(self) -> str:
        """Pin its key, mount its volumes, load its packet filter; the server's name."""
        owner = owner_of(self.target.stack_name)
        converge(self.target.workspace, owner, self.console, self.steps, playbook=PLAYBOOK)
        return scratch_name(self.target.stack_name)

    def remove(self) -> None:
        """Delete the server and all that was made for it."""
        operations.destroy(self.target, self.engine, _ignore, consent=GONE, options=Options())


def _ignore(_: EngineEvent) -> None:
    """Steps of a drill are shown by the drill."""
