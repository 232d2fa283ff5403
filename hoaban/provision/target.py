"""What an operation is about: the province's foundation, or one agency's environment."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from hoaban.engine.embedded.backend import Backend, StackName
from hoaban.engine.embedded.journal import JournalContent
from hoaban.inventory.state import DRILL_PROJECT, read_stack
from hoaban.model import Province, load
from hoaban.model.drills import PROVINCE

if TYPE_CHECKING:
    from hoaban.model.environment import EnvironmentPlan
    from hoaban.model.outputs import StackOutputs
    from hoaban.workspace import Workspace

PROVINCE_PROJECT, AGENCY_PROJECT = "province", "agency"
PROVIDER_PREFIX = "pulumi:providers:"


@dataclass(frozen=True)
class Target:
    """A stack of the toolkit, by what it is built for. ``agency`` None is the foundation."""

    workspace: Workspace
    province: Province
    agency: str | None = None

    @classmethod
    def load(cls, workspace: Workspace, agency: str | None = None) -> Target:
        """Read the inventory; an error when there is no such agency."""
        province = load(workspace.inventory)
        if agency is not None:
            province.agency(agency)
        return cls(workspace, province, agency)

    def of(self, agency: str | None) -> Target:
        """Another target of the same province."""
        return Target(self.workspace, self.province, agency)

    @property
    def project(self) -> str:
        """The Pulumi project, which is also the program's folder in stacks/."""
        return PROVINCE_PROJECT if self.agency is None else AGENCY_PROJECT

    @property
    def stack_name(self) -> str:
        """The stack's name in its project."""
        return self.agency or self.province.spec.slug

    @property
    def name(self) -> str:
        """Project and stack, as in state and messages."""
        return f"{self.project}/{self.stack_name}"

    @cached_property
    def plan(self) -> EnvironmentPlan:
        """What is to be built."""
        if self.agency is None:
            return self.province.foundation()
        return self.province.environment(self.agency)

    @property
    def needs_approval(self) -> bool:
        """Whether it changes only by a saved plan that a second person has approved."""
        rule = self.province.spec.approval
        if self.agency is None:
            return rule.foundation
        return rule.agencies or self.province.agencies[self.agency].approval

    def built(self) -> StackOutputs | None:
        """What the last update left as outputs; None when nothing is built."""
        state = read_stack(self.workspace.backend, self.project, self.stack_name)
        return state.outputs if state else None

    def stands(self) -> bool:
        """Whether the cloud holds, or may hold, anything of it.

        Outputs don't tell: a program exports them at its end, and an update that failed or was
        interrupted has made servers before. Needs no passphrase; a damaged state is an error.
        """
        return _stands(Backend(self.workspace.backend), StackName(self.project, self.stack_name))

    def dependents(self) -> list[Target]:
        """Targets that stand on this one, whole or half built."""
        drill = DrillTarget(self.workspace, self.province, self.agency or PROVINCE)
        scratch: list[Target] = [drill] if drill.stands() else []
        if self.agency is not None:
            return scratch
        return scratch + [
            self.of(name.stack)
            for name in standing(self.workspace)
            if name.project == AGENCY_PROJECT
        ]


@dataclass(frozen=True)
class DrillTarget(Target):
    """The scratch server on which the backup of a host is tried, of an agency or ``province``.

    ``host`` is only needed to make it, not to take it away.
    """

    host: str = ""

    @property
    def project(self) -> str:
        """The Pulumi project, which is also the program's folder in stacks/."""
        return DRILL_PROJECT

    @cached_property
    def plan(self) -> EnvironmentPlan:
        """What is to be built."""
        return self.province.drill(self.stack_name, self.host)

    @property
    def needs_approval(self) -> bool:
        """A scratch server changes nothing of the agency's."""
        return False

    @property
    def config(self) -> dict[str, str]:
        """What the program must be told."""
        return {f"{DRILL_PROJECT}:host": self.host}

    def dependents(self) -> list[Target]:
        """Nothing stands on a scratch server."""
        return []


def standing(workspace: Workspace) -> list[StackName]:
    """All stacks that the cloud holds, or may hold, anything of; the whole and the half built."""
    backend = Backend(workspace.backend)
    names = {
        name
        for name in (*backend.stacks(), *backend.journals())
        if name.project in (PROVINCE_PROJECT, AGENCY_PROJECT)
    }
    order = sorted(names, key=lambda name: (name.project == AGENCY_PROJECT, name.stack))
    return [name for name in order if _stands(backend, name)]


def _stands(backend: Backend, name: StackName) -> bool:
    checkpoint, digest = backend.read(name)
    journal = JournalContent.read(backend.storage, backend.journal_key(name))
    if journal is not None and journal.changes and journal.committing != digest:
        return True
    latest = checkpoint.latest if checkpoint is not None else {}
    return bool(latest.get("pending_operations")) or any(
        one.get("custom") and not str(one.get("type", "")).startswith(PROVIDER_PREFIX)
        for one in latest.get("resources") or ()
    )
