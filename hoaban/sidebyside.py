"""One kind of work on many agencies side by side, shown while it goes on."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import TYPE_CHECKING, Any, TypeVar

from hoaban.console import stderr
from hoaban.errors import ExitCode, HoabanError, from_json
from hoaban.provision.display.fleet import FleetProgress
from hoaban.provision.display.tree import DONE
from hoaban.provision.fleet import Action, Job, Outcome, run_side_by_side
from hoaban.provision.results import QUIET
from hoaban.provision.workers import usual_count

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from hoaban.provision.target import Target

Result = TypeVar("Result")
TITLES = {
    Action.PLAN: "Planning agencies",
    Action.UP: "Provisioning agencies",
    Action.REFRESH: "Reading agencies",
}


def operate(
    targets: Sequence[Target],
    action: Action,
    *,
    parallel: int | None = None,
    quiet: bool = False,
    **how: Any,
) -> dict[str, Outcome]:
    """Run an operation on agencies, each in a process; outcomes by slug, in the order given."""
    jobs = [Job.of(target, action=action, **how) for target in targets]
    count = parallel or usual_count()
    width = max((len(job.agency) for job in jobs), default=0)
    found: dict[str, Outcome] = {}
    with FleetProgress(
        TITLES[action], len(jobs), side_by_side=count, width=width, quiet=quiet
    ) as progress:
        for outcome in run_side_by_side(jobs, count):
            found[outcome.agency] = outcome
            words = describe(outcome, action)
            progress.took(outcome.agency, ok=outcome.ok, words=words, seconds=outcome.seconds)
    return {job.agency: found[job.agency] for job in jobs}


def describe(outcome: Outcome, action: Action) -> str:
    """An outcome in a few words."""
    error = error_of(outcome)
    if error is not None:
        return error.what
    if action is Action.PLAN:
        words = [f"{count} to {op}" for op, count in outcome.changes.items() if op not in QUIET]
    else:
        words = [
            f"{count} {DONE.get(op, op)}"
            for op, count in outcome.changes.items()
            if op not in QUIET
        ]
    by_hand = len(outcome.result.get("drift", {}).get("changed", ()))
    words += [f"{by_hand} changed by hand"] if by_hand else []
    losses = len(outcome.result.get("losses", ()))
    words += [f"loses data: {losses} objects"] if losses else []
    return ", ".join(words) or "unchanged"


def error_of(outcome: Outcome) -> HoabanError | None:
    """The error of an outcome; one that stopped on request says so by its exit code."""
    if outcome.error is None:
        return None
    error = from_json(outcome.error)
    if outcome.stopped:
        error.exit_code = ExitCode.INTERRUPTED
    return error


def each(
    title: str,
    agencies: Sequence[str],
    work: Callable[[str], Result],
    words: Callable[[Result], tuple[bool, str]],
    *,
    parallel: int | None = None,
    quiet: bool = False,
) -> dict[str, Result | HoabanError]:
    """Do work that waits more than it computes, in threads; ``words`` judges and describes it.

    An error of one is its result. Ctrl-C lets go what has not begun.
    """
    count = parallel or usual_count()
    width = max(map(len, agencies), default=0)
    found: dict[str, Result | HoabanError] = {}

    def timed(agency: str) -> tuple[str, Result | HoabanError, float]:
        started = time.monotonic()
        try:
            result: Result | HoabanError = work(agency)
        except HoabanError as error:
            result = error
        return agency, result, time.monotonic() - started

    pool = ThreadPoolExecutor(count)
    try:
        with FleetProgress(
            title, len(agencies), side_by_side=count, width=width, quiet=quiet
        ) as progress:
            for future in as_completed([pool.submit(timed, agency) for agency in agencies]):
                agency, result, seconds = future.result()
                found[agency] = result
                ok, told = (
                    (False, result.what) if isinstance(result, HoabanError) else words(result)
                )
                progress.took(agency, ok=ok, words=told, seconds=seconds)
    finally:
        pool.shutdown(cancel_futures=True)
    return {agency: found[agency] for agency in agencies}


def tell_of_foundation(targets: Sequence[Target]) -> None:
    """Raise when agencies have nothing to stand on; say when what they stand on is not up to date.

    It is not brought up unasked: what a command changes is what it names.
    """
    target = targets[0]
    foundation = target.of(None)
    built = foundation.built()
    if built is None:
        raise HoabanError(
            f"the foundation of {target.province.spec.name.en} has not been built",
            mend="hoaban up",
        )
    named = any(one.agency is None for one in targets)
    if not named and built.environment != foundation.plan:
        stderr().print(
            "the foundation is not as the inventory says; it is not among what is named: "
            "hoaban plan, hoaban up",
            style="yellow",
        )
