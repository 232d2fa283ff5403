"""Many agencies side by side, each in a process of its own."""

from __future__ import annotations

import time
import traceback
from concurrent.futures import CancelledError
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from hoaban.engine.api import Interrupted, Options
from hoaban.errors import HoabanError
from hoaban.model import Province, load
from hoaban.provision import operations
from hoaban.provision.drift import drift_json
from hoaban.provision.engines import EngineName, engine_for
from hoaban.provision.guard import Consent, Decline
from hoaban.provision.results import QUIET, plan_json, result_json
from hoaban.provision.target import Target
from hoaban.provision.workers import Workers, as_they_come, side_by_side
from hoaban.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from concurrent.futures import Executor, Future
    from pathlib import Path


class Action(StrEnum):
    """What is done with each agency."""

    PLAN = "plan"
    UP = "up"
    REFRESH = "refresh"


@dataclass(frozen=True, slots=True)
class Job:
    """All that another process needs for one agency; there is nobody there to ask."""

    root: Path
    home: Path
    agency: str
    action: Action = Action.UP
    engine: str = EngineName.AUTO
    delete_data: bool = False
    allow_replace: bool = False
    options: Options = field(default_factory=Options)

    @classmethod
    def of(cls, target: Target, **how: Any) -> Job:
        """The job of a target that is an agency."""
        if target.agency is None:
            raise ValueError("the foundation is not one of many")
        return cls(target.workspace.root, target.workspace.home, target.agency, **how)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a job came to: the operation's result as plain values, or the error as JSON.

    ``stopped`` when that is because the person asked to stop.
    """

    agency: str
    seconds: float
    result: Mapping[str, Any] = field(default_factory=dict)
    error: Mapping[str, Any] | None = None
    stopped: bool = False

    @property
    def ok(self) -> bool:
        """Whether the job was done."""
        return self.error is None

    @property
    def changes(self) -> Mapping[str, int]:
        """Steps by operation."""
        changes: Mapping[str, int] = self.result.get("changes", {})
        return changes

    @property
    def changed(self) -> bool:
        """Whether anything was, or would be, other than before."""
        return any(count for op, count in self.changes.items() if op not in QUIET)


STOPPED = HoabanError("not done: it was asked to stop", mend="run the same command again")


def died(agency: str) -> HoabanError:
    """What to do about an agency whose process is no more; its lock is still there."""
    return HoabanError(
        "the process that worked on it died",
        mend=f"was it killed for want of memory? hoaban cancel {agency}, then run the same command "
        "again with fewer side by side: --parallel 1; what it had begun is found and adopted",
    )


def run_job(job: Job) -> Outcome:
    """Do one agency's job. Whatever goes wrong with it is its outcome, and nobody else's."""
    started = time.monotonic()
    try:
        result = _run(job)
    except HoabanError as error:
        stopped = isinstance(error, Interrupted)
        if isinstance(error, Decline):
            error.mend = f"to be asked about it: hoaban up {job.agency}; {error.mend}"
        seconds = time.monotonic() - started
        return Outcome(job.agency, seconds, error=error.to_json(), stopped=stopped)
    except Exception as defect:  # noqa: BLE001 (the others must not suffer from it)
        told = HoabanError(
            f"a defect of the program: {type(defect).__name__}: {defect}",
            mend="report it, with this traceback",
            detail=traceback.format_exc(),
        )
        return Outcome(job.agency, time.monotonic() - started, error=told.to_json())
    return Outcome(job.agency, time.monotonic() - started, result)


def _run(job: Job) -> dict[str, Any]:
    workspace = Workspace(job.root, job.home)
    province = _province(workspace.inventory)
    province.agency(job.agency)
    target = Target(workspace, province, job.agency)
    engine = engine_for(job.engine)
    if job.action is Action.PLAN:
        return plan_json(operations.plan(target, engine, _ignore, options=job.options))
    if job.action is Action.REFRESH:
        return result_json(operations.refresh(target, engine, _ignore, options=job.options))
    consent = Consent(delete_data=job.delete_data, allow_replace=job.allow_replace)
    result = operations.up(target, engine, _ignore, consent=consent, options=job.options)
    drift = drift_json(result, job.agency, refreshed=job.options.refresh)
    return {**result_json(result), "drift": drift}


@lru_cache(maxsize=1)
def _province(inventory: Path) -> Province:
    """The inventory, read once a process: all agencies of one command see the same."""
    return load(inventory)


def up_all(
    jobs: Iterable[Job], executor: Executor, given_up: Callable[[], bool] = lambda: False
) -> Iterator[Outcome]:
    """Outcomes as they come; one agency's failure stops no other.

    Where the caller stops listening, jobs that have not begun are taken back, and those under way
    go on to a state that is whole. Nothing is waited for once ``given_up`` says so.
    """
    futures = {executor.submit(run_job, job): job for job in jobs}
    for future in as_they_come(futures, given_up):
        yield _outcome(futures[future], future)


def local_executor(count: int) -> Workers:
    """Processes of this machine."""
    return Workers(count)


def run_side_by_side(jobs: Sequence[Job], count: int) -> Iterator[Outcome]:
    """Outcomes as they come; hears Ctrl-C. There is one for each job, also for those taken back.

    Raises :class:`~hoaban.interrupts.Abandoned` after a second Ctrl-C. A process that dies is the
    end of its own agency's job only.
    """
    for job, future in side_by_side(run_job, jobs, count):
        yield _outcome(job, future)


def _outcome(job: Job, future: Future[Outcome]) -> Outcome:
    try:
        return future.result()
    except CancelledError:
        return Outcome(job.agency, 0, error=STOPPED.to_json(), stopped=True)
    except BrokenProcessPool:
        return Outcome(job.agency, 0, error=died(job.agency).to_json())


def _ignore(_: object) -> None:
    """Progress of one among many is not shown; its outcome is."""
