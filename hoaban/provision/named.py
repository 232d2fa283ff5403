"""Stacks by name: those of the inventory, and those that only the backend still knows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hoaban.engine.embedded.backend import Backend, StackName
from hoaban.engine.embedded.urns import Urn
from hoaban.errors import HoabanError, Location
from hoaban.inventory.state import DRILL_PROJECT
from hoaban.model import load
from hoaban.provision.target import AGENCY_PROJECT, PROVINCE_PROJECT, Target

if TYPE_CHECKING:
    from hoaban.workspace import Workspace

PROJECTS = (AGENCY_PROJECT, PROVINCE_PROJECT, DRILL_PROJECT)

_NOWHERE = StackName("", "")


@dataclass(frozen=True)
class NamedTarget(Target):
    """A stack by its place in the backend, whatever the inventory says of it."""

    place: StackName = _NOWHERE

    @property
    def project(self) -> str:
        """The Pulumi project, which is also the program's folder in stacks/."""
        return self.place.project

    @property
    def stack_name(self) -> str:
        """The stack's name in its project."""
        return self.place.stack


def named(workspace: Workspace, name: str | None) -> Target:
    """The stack that a person names: an agency, the foundation (None), or ``project/stack``.

    It is in the inventory, or in the backend (an agency that was taken out or renamed since).
    """
    province = load(workspace.inventory)
    if name is None or name in province.agencies:
        return Target(workspace, province, name)
    for place in _places(name):
        if exists(Backend(workspace.backend), place):
            return NamedTarget(workspace, province, place.stack, place)
    province.agency(name)  # raises the error of one that is not there
    raise AssertionError(name)


def fresh(workspace: Workspace, name: str, project: str) -> Target:
    """The stack of a name that need not be anywhere yet."""
    province = load(workspace.inventory)
    return NamedTarget(workspace, province, name, StackName(project, name))


def of_urn(workspace: Workspace, urn: str) -> Target:
    """The stack that a URN is of."""
    try:
        parts = Urn.parse(urn)
    except ValueError as error:
        raise HoabanError(
            f"not a URN: {urn}",
            mend="copy it from: hoaban stack export AGENCY; it starts with urn:pulumi:",
        ) from error
    if parts.project not in PROJECTS:
        raise HoabanError(
            f"{parts.project} is no project of the toolkit",
            where=Location(urn=urn),
            mend=f"URNs here are of: {', '.join(PROJECTS)}",
        )
    province = load(workspace.inventory)
    return NamedTarget(workspace, province, parts.stack, StackName(parts.project, parts.stack))


def exists(backend: Backend, place: StackName) -> bool:
    """Whether the backend has anything of a stack."""
    return place in backend.stacks() or place in backend.journals()


def _places(name: str) -> list[StackName]:
    project, slash, stack = name.partition("/")
    if slash:
        return [StackName(project, stack)] if project in PROJECTS else []
    return [StackName(AGENCY_PROJECT, name), StackName(PROVINCE_PROJECT, name)]
