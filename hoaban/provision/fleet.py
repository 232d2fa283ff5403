"""Many agencies side by side, each in a process of its own."""

from __future__ import annotations

import multiprocessing
import time
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from hoaban.engine.api import Options
from hoaban.errors import HoabanError
from hoaban.provision.engines import EngineName, engine_for
from hoaban.provision.guard import Consent
from hoaban.provision.operations import up
from hoaban.provision.target import Target
from hoaban.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from concurrent.futures import Executor
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Job:
    """All that another process needs to bring one agency up; there is nobody there to ask."""

    root: Path
    home: Path
    agency: str
    engine: str = EngineName.AUTO
    delete_data: bool = False
    allow_replace: bool = False
    refresh: bool = False

    @classmethod
    def of(cls, target: Target, **how: Any) -> Job:
        """The job of a target that is an agency."""
        if target.agency is None:
            raise ValueError("the foundation is not one of many")
        return cls(target.workspace.root, target.workspace.home, target.agency, **how)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a job came to: changes by operation, or the error as JSON."""

    agency: str
    seconds: float
    changes: Mapping[str, int] = field(default_factory=dict)
    error: Mapping[str, Any] | None = None

    @property
    def ok(self) -> bool:
        """Whether the agency is as its file says."""
        return self.error is None


def run_job(job: Job) -> Outcome:
    """Bring one agency up. An error that people can mend is an outcome; a defect is raised."""
    started = time.monotonic()
    try:
        target = Target.load(Workspace(job.root, job.home), job.agency)
        result = up(
            target,
            engine_for(job.engine),
            _ignore,
            consent=Consent(delete_data=job.delete_data, allow_replace=job.allow_replace),
            options=Options(refresh=job.refresh),
        )
    except HoabanError as error:
        return Outcome(job.agency, time.monotonic() - started, error=error.to_json())
    return Outcome(job.agency, time.monotonic() - started, changes=dict(result.changes))


def up_all(jobs: Iterable[Job], executor: Executor) -> Iterator[Outcome]:
    """Outcomes as they come; one agency's failure stops no other.

    Where the caller stops listening, or is interrupted, jobs that have not begun are taken back,
    and those under way go on to a state that is whole.
    """
    futures = [executor.submit(run_job, job) for job in jobs]
    try:
        for future in as_completed(futures):
            yield future.result()
    finally:
        for future in futures:
            future.cancel()


def local_executor(workers: int) -> ProcessPoolExecutor:
    """Processes of this machine. They start fresh, since Pulumi's SDK keeps state in its module."""
    context = multiprocessing.get_context("spawn")
    return ProcessPoolExecutor(workers, mp_context=context)


def _ignore(_: object) -> None:
    """Progress of one among many is not shown; its outcome is."""
