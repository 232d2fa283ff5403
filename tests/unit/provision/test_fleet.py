from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from hoaban.engine.api import UpdateKind, UpdateResult
from hoaban.errors import HoabanError
from hoaban.provision import operations
from hoaban.provision.fleet import Job, Outcome, local_executor, run_job, up_all

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.cloud.province import SmallProvince


def patch_up(monkeypatch: pytest.MonkeyPatch, what: Callable[..., Any]) -> None:
    monkeypatch.setattr(operations, "up", what)


def changed(*_: Any, **__: Any) -> UpdateResult:
    return UpdateResult(UpdateKind.UPDATE, {"create": 2}, [], {}, 0.1)


def test_a_job_is_an_agency_and_its_workspace(small: SmallProvince) -> None:
    job = Job.of(small.target(), delete_data=True)
    assert (job.root, job.agency, job.delete_data) == (small.folder, "so-thu-nghiem", True)


def test_the_foundation_is_no_job(small: SmallProvince) -> None:
    with pytest.raises(ValueError, match="foundation"):
        Job.of(small.target(None))


def test_an_outcome_counts_changes(small: SmallProvince, monkeypatch: pytest.MonkeyPatch) -> None:
    patch_up(monkeypatch, changed)
    outcome = run_job(Job.of(small.target()))
    assert outcome.ok
    assert outcome.changes == {"create": 2}


def test_one_agencys_error_is_its_outcome_and_stops_no_other(
    small: SmallProvince, monkeypatch: pytest.MonkeyPatch
) -> None:
    good = Job.of(small.target())
    bad = Job(good.root, good.home, "so-khong-co")
    patch_up(monkeypatch, changed)
    with ThreadPoolExecutor(2) as executor:
        outcomes = {outcome.agency: outcome for outcome in up_all([bad, good], executor)}
    assert outcomes["so-thu-nghiem"].ok
    error = outcomes["so-khong-co"].error
    assert error is not None
    assert "so-khong-co" in error["error"]["what"]


def test_a_defect_is_told_with_its_traceback_and_stops_no_other(
    small: SmallProvince, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any, **__: Any) -> None:
        raise ZeroDivisionError("by nought")

    patch_up(monkeypatch, broken)
    outcome = run_job(Job.of(small.target()))
    assert outcome.error is not None
    assert outcome.error["error"]["what"] == (
        "a defect of the program: ZeroDivisionError: by nought"
    )
    assert "in broken" in outcome.error["error"]["detail"]


def test_jobs_that_have_not_begun_are_taken_back(
    small: SmallProvince, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: list[str] = []

    def slow(target: Any, *_: Any, **__: Any) -> UpdateResult:
        begun.append(target.agency)
        time.sleep(0.05)
        return changed()

    patch_up(monkeypatch, slow)
    with ThreadPoolExecutor(1) as executor:
        outcomes = up_all([Job.of(small.target())] * 50, executor)
        next(outcomes)
        outcomes.close()  # type: ignore[attr-defined]
    assert len(begun) < 50


def test_a_process_of_this_machine_gives_the_same_outcome(small: SmallProvince) -> None:
    """The job crosses to another process and back; there is no cloud, which is its error."""
    with local_executor(1) as executor:
        (outcome,) = up_all([Job.of(small.target())], executor)
    assert isinstance(outcome, Outcome)
    assert not outcome.ok
    assert outcome.error is not None
    assert "cannot reach the identity service" in outcome.error["error"]["what"]


def test_an_error_of_up_is_kept_whole(
    small: SmallProvince, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: Any, **__: Any) -> None:
        raise HoabanError("the quota is too small", mend="raise it")

    patch_up(monkeypatch, refused)
    assert run_job(Job.of(small.target())).error == {
        "error": {"what": "the quota is too small", "mend": "raise it"}
    }
