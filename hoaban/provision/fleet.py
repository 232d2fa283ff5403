"""Many agencies side by side, each in a process of its own."""

from __future__ import annotations

import time
import traceback
from concurrent.futures import FIRST_COMPLETED, CancelledError, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from hoaban.engine.api import Interrupted, Options
from hoaban.engine.embedded.engine import ABANDONED, GO_ON
from hoaban.errors import HoabanError
from hoaban.interrupts import Abandoned, heard
from hoaban.model import Province, load
from hoaban.provision import operations
from hoaban.provision.engines import EngineName, engine_for
from hoaban.provision.guard import Consent, Decline
from hoaban.provision.results import QUIET, plan_json, result_json
from hoaban.provision.target import Target
from hoaban.provision.workers import Workers
from hoaban.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from concurrent.futures import Executor, Future
    from pathlib import Path

LOOK_UP_SECONDS = 0.5  # a signal's handler runs only when the main thread moves


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


STOPPED = HoabanError("not begun: it was asked to stop", mend="run the same command again")
DIED = HoabanError(
    "the process that worked on it died",
    mend="was it killed for want of memory? Take fewer side by side: --parallel 1; "
    "what it had begun is found and adopted",
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
    return result_json(operations.up(target, engine, _ignore, consent=consent, options=job.options))


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
    pending = set(futures)
    try:
        while pending and not given_up():
            done, pending = wait(pending, LOOK_UP_SECONDS, FIRST_COMPLETED)
            # A pool tells only later, and a broken one never, that it leaves out what is cancelled.
            taken_back = {future for future in pending if future.cancelled()}
            pending -= taken_back
            for future in done | taken_back:
                yield _outcome(futures[future], future)
    finally:
        for future in futures:
            future.cancel()


def local_executor(count: int) -> Workers:
    """Processes of this machine."""
    return Workers(count)


def run_side_by_side(jobs: Sequence[Job], count: int) -> Iterator[Outcome]:
    """Outcomes as they come; hears Ctrl-C. There is one for each job, also for those taken back.

    Raises :class:`~hoaban.interrupts.Abandoned` after a second Ctrl-C.
    """
    if not jobs:
        return
    with local_executor(min(count, len(jobs))) as workers, heard(workers.stop, workers.abandon):
        yield from up_all(jobs, workers, lambda: workers.abandoned)
        if workers.abandoned:
            raise Abandoned(ABANDONED, mend=GO_ON)


def _outcome(job: Job, future: Future[Outcome]) -> Outcome:
    try:
        return future.result()
    except CancelledError:
        return Outcome(job.agency, 0, error=STOPPED.to_json(), stopped=True)
    except BrokenProcessPool:
        return Outcome(job.agency, 0, error=DIED.to_json())


def _ignore(_: object) -> None:
    """Progress of one among many is not shown; its outcome is."""
