"""A run of ``hoaban update`` as it is kept, so that it can be gone on with."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from hoaban.errors import HoabanError, Location
from hoaban.files import write_atomic
from hoaban.update.packages import Change

if TYPE_CHECKING:
    from pathlib import Path

    from hoaban.workspace import Workspace


class State(StrEnum):
    """How far a wave is."""

    WAITING = "waiting"
    RUNNING = "running"
    FAILED = "failed"
    DONE = "done"


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", validate_assignment=True)


class Wave(_Part):
    """Hosts that are updated together; ``problems`` say why the wave failed."""

    hosts: list[str]
    state: State = State.WAITING
    problems: list[str] = []


class HostUpdate(_Part):
    """What was done on a host."""

    changes: list[Change] = []
    snapshot: str | None = None
    reboot_due: bool = False
    rebooted: bool = False


class Journal(_Part):
    """One run: what was asked for, its waves, what came of each host."""

    schema_version: Literal[1] = 1
    id: str
    stacks: list[str | None]
    security: bool
    snapshot: bool
    reboot: bool
    started: datetime
    ended: datetime | None = None
    waves: list[Wave]
    hosts: dict[str, HostUpdate] = {}

    @property
    def failed(self) -> bool:
        """Whether a wave failed."""
        return any(wave.state is State.FAILED for wave in self.waves)


def folder(workspace: Workspace) -> Path:
    """Where the runs of a workspace are kept, one file each."""
    return workspace.home / "updates"


def keep(workspace: Workspace, journal: Journal) -> None:
    """Write a run down as it is."""
    workspace.ensure_home()
    text = journal.model_dump_json(indent=2) + "\n"
    write_atomic(folder(workspace) / f"{journal.id}.json", text, mode=0o600)


def unfinished(workspace: Workspace) -> Journal:
    """The newest run that has not ended; an error when the newest one has."""
    files = sorted(folder(workspace).glob("[0-9]*.json"))
    if not files:
        raise HoabanError("there is no update to go on with", mend="begin one: hoaban update --all")
    try:
        found = Journal.model_validate_json(files[-1].read_bytes())
    except ValidationError as error:
        raise HoabanError(
            "the kept update cannot be read",
            where=Location(file=str(files[-1])),
            mend="remove the file, and begin anew: hosts that are up to date cost little",
        ) from error
    if found.ended is not None:
        raise HoabanError(
            f"the last update ({found.id}) came to its end", mend="begin one: hoaban update --all"
        )
    return found
