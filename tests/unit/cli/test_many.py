"""Verbs over many agencies: who is chosen, what is told, how they exit."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import typer

from hoaban import console, deliveries
from hoaban.cli import plan as plan_verb
from hoaban.cli import up as up_verb
from hoaban.cli.operation import Failures, provisioned, targets_of
from hoaban.converge import many
from hoaban.converge.run import Converged
from hoaban.deliveries import How, deliver_many
from hoaban.engine.api import Interrupted, Options, UpdateKind, UpdateResult
from hoaban.errors import ExitCode, HoabanError, ManyErrors, UsageError, from_json, listed
from hoaban.provision.engines import EngineName
from hoaban.provision.fleet import Outcome
from hoaban.provision.guard import Consent
from hoaban.testing import estate
from hoaban.workspace import Workspace
from tests.cloud.province import SmallProvince

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from hoaban.provision.target import Target

AGENCIES = ["so-thu-nghiem", "xa-ba", "xa-hai"]
CREATED = {"changes": {"create": 3, "same": 1}}
WRONG = {"error": {"what": "the quota is too small", "mend": "raise it"}}


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SmallProvince:
    """A province with three agencies, nothing of it built."""
    small = SmallProvince(tmp_path / "checkout")
    for slug in AGENCIES[1:]:
        small.department["slug"] = slug
        small._dump(small.folder / "inventory/agencies" / f"{slug}.yml", small.department)
    small.department["slug"] = AGENCIES[0]
    small.write()
    monkeypatch.setenv("HOABAN_ROOT", str(small.folder))
    monkeypatch.delenv("HOABAN_HOME", raising=False)
    return small


@pytest.fixture(autouse=True)
def _fresh_consoles() -> None:
    console.stdout.cache_clear()
    console.stderr.cache_clear()


@pytest.fixture
def stands(monkeypatch: pytest.MonkeyPatch) -> None:
    """The foundation is built and up to date."""
    for module in (deliveries, plan_verb):
        monkeypatch.setattr(module, "tell_of_foundation", lambda _: None)


def outcomes(**by_slug: Outcome) -> Any:
    """In place of the pool: these outcomes, a creation for all others."""

    def operate(targets: Sequence[Target], *_: object, **how: Any) -> dict[str, Outcome]:
        calls.append(([target.stack_name for target in targets], how))
        found = {target.stack_name: Outcome(target.stack_name, 2, CREATED) for target in targets}
        return found | {name.replace("_", "-"): outcome for name, outcome in by_slug.items()}

    calls: list[Any] = []
    operate.calls = calls  # type: ignore[attr-defined]
    return operate


def names(targets: Sequence[Target]) -> list[str]:
    return [target.name for target in targets]


def test_who_is_chosen(small: SmallProvince) -> None:
    foundation = "province/thu-nghiem"
    assert names(targets_of(None, everything=False)) == [foundation]
    assert names(targets_of(["xa-hai", "xa-ba", "xa-hai"], everything=False)) == [
        "agency/xa-hai",
        "agency/xa-ba",
    ]
    assert names(targets_of(None, everything=True)) == [
        foundation,
        *(f"agency/{slug}" for slug in AGENCIES),
    ]
    with pytest.raises(UsageError, match="--all goes without names"):
        targets_of(["xa-ba"], everything=True)
    with pytest.raises(HoabanError, match="no agency `xa-bon`"):
        targets_of(["xa-ba", "xa-bon"], everything=False)


def test_who_is_chosen_among_what_is_provisioned(small: SmallProvince) -> None:
    workspace = Workspace.find()
    assert provisioned(workspace, ["xa-ba"], everything=False) == ["xa-ba"]
    with pytest.raises(HoabanError, match="nothing is provisioned yet"):
        provisioned(workspace, None, everything=True)
    estate.write_estate(workspace.backend)
    assert provisioned(workspace, None, everything=True) == [None, "so-y-te"]


@pytest.mark.parametrize(
    "error",
    [
        HoabanError("what", mend="mend", detail="one\ntwo"),
        ManyErrors([HoabanError("a"), HoabanError("b", mend="c")]),
    ],
)
def test_an_error_comes_back_whole_from_another_process(error: HoabanError) -> None:
    back = from_json(json.loads(json.dumps(error.to_json())))
    assert back.to_json() == error.to_json()
    assert listed(back) == listed(error)


def test_errors_that_are_alike_are_told_once(capsys: pytest.CaptureFixture[str]) -> None:
    failures = Failures()
    for slug in AGENCIES:
        failures.add(slug, from_json(WRONG))
    failures.add("xa-bon", HoabanError("another one"))
    with pytest.raises(typer.Exit) as caught:
        failures.tell(quiet=False)
    assert caught.value.exit_code == ExitCode.ERROR
    told = capsys.readouterr().err
    assert "so-thu-nghiem, xa-ba, xa-hai (3):\nerror: the quota is too small" in told
    assert told.count("the quota is too small") == 1
    assert "xa-bon:\nerror: another one" in told


def test_no_failure_is_no_exit(capsys: pytest.CaptureFixture[str]) -> None:
    Failures().tell(quiet=False)
    assert capsys.readouterr().err == ""


def test_being_stopped_has_an_exit_status_of_its_own() -> None:
    failures = Failures()
    failures.add("xa-ba", HoabanError("a"))
    failures.add("xa-hai", Interrupted("b"))
    with pytest.raises(typer.Exit) as caught:
        failures.tell(quiet=True)
    assert caught.value.exit_code == ExitCode.INTERRUPTED


def test_plan_of_many_has_an_entry_for_each(
    small: SmallProvince,
    stands: None,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    pool = outcomes(xa_ba=Outcome("xa-ba", 1, error=WRONG))
    monkeypatch.setattr(plan_verb, "operate", pool)
    with pytest.raises(typer.Exit) as caught:
        plan_verb.plan(["xa-ba", "xa-hai"], json_=True, parallel=3)
    assert caught.value.exit_code == ExitCode.ERROR
    bad, good = json.loads(capsys.readouterr().out)
    assert bad == {
        "stack": "agency/xa-ba",
        "errors": [{"what": "the quota is too small", "mend": "raise it"}],
    }
    assert good == {"stack": "agency/xa-hai", **CREATED, "errors": []}
    assert pool.calls[0][1]["parallel"] == 3


def test_plan_of_many_tells_changes_by_exit_status(
    small: SmallProvince, stands: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plan_verb, "operate", outcomes())
    plan_verb.plan(["xa-ba", "xa-hai"])
    with pytest.raises(typer.Exit) as caught:
        plan_verb.plan(["xa-ba", "xa-hai"], expect_no_changes=True)
    assert caught.value.exit_code == ExitCode.DRIFT
    same = {slug: Outcome(slug, 1, {"changes": {"same": 4}}) for slug in ("xa_ba", "xa_hai")}
    monkeypatch.setattr(plan_verb, "operate", outcomes(**same))
    plan_verb.plan(["xa-ba", "xa-hai"], expect_no_changes=True)


def test_many_need_a_foundation(small: SmallProvince) -> None:
    for verb in (plan_verb.plan, up_verb.up):
        with pytest.raises(HoabanError, match="foundation of Test Province has not been built"):
            verb(["xa-ba", "xa-hai"])  # type: ignore[operator]


def test_a_target_is_of_one_stack(small: SmallProvince) -> None:
    for verb in (plan_verb.plan, up_verb.up):
        with pytest.raises(UsageError, match="--target goes with one stack only"):
            verb(["xa-ba", "xa-hai"], target=["*"])  # type: ignore[operator]


class Recorded:
    """What each phase was given, in order."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.phases: list[tuple[str, Any]] = []
        monkeypatch.setattr(deliveries, "provision", self._provision)
        monkeypatch.setattr(many, "converge", self._converge)
        monkeypatch.setattr(many, "converge_many", self._converge_many)
        monkeypatch.setattr(deliveries, "_verify", self._rest("verify"))
        monkeypatch.setattr(deliveries, "_report", self._rest("report"))

    def _provision(self, target: Target, *_: object, **__: object) -> UpdateResult:
        self.phases.append(("provision", target.name))
        return UpdateResult(UpdateKind.UPDATE, {"same": 9}, [], {}, 0.1)

    def _converge(self, _: object, agency: str | None, *__: object) -> Converged:
        self.phases.append(("converge", agency))
        return Converged({}, 1.0, None)

    def _converge_many(self, _: object, agencies: Sequence[str], *__: object) -> dict[str, Any]:
        self.phases.append(("converge", list(agencies)))
        return {agency: Converged({}, 1.0, None) for agency in agencies}

    def _rest(self, phase: str) -> Any:
        def note(deliveries: Any, *_: object) -> None:
            whole = [one.target.stack_name for one in deliveries if one.error is None]
            self.phases.append((phase, whole))

        return note


HOW = How(EngineName.AUTO, Consent(delete_data=True), Options(), quiet=True)


def test_the_foundation_comes_first_and_phases_take_what_is_whole(
    small: SmallProvince, stands: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    pool = outcomes(xa_ba=Outcome("xa-ba", 1, error=WRONG))
    monkeypatch.setattr(deliveries, "operate", pool)
    recorded = Recorded(monkeypatch)
    done = deliver_many(targets_of(None, everything=True), HOW)
    whole = ["so-thu-nghiem", "xa-hai"]
    assert recorded.phases == [
        ("provision", "province/thu-nghiem"),
        ("converge", None),
        ("converge", whole),
        ("verify", ["thu-nghiem", *whole]),
        ("report", ["thu-nghiem", *whole]),
    ]
    slugs, how = pool.calls[0]
    assert slugs == AGENCIES
    assert (how["delete_data"], how["allow_replace"]) == (True, False)
    assert [one.to_json()["errors"] for one in done] == [[], [], [WRONG["error"]], []]
    assert done[2].failed_at == "provisioned"


def test_who_is_asked_to_stop_goes_on_with_no_other_phase(
    small: SmallProvince, stands: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    stopped = Outcome("xa-ba", 1, error=WRONG, stopped=True)
    monkeypatch.setattr(deliveries, "operate", outcomes(xa_ba=stopped))
    recorded = Recorded(monkeypatch)
    done = deliver_many(targets_of(["xa-ba", "xa-hai"], everything=False), HOW)
    assert recorded.phases == []
    assert done[0].error is not None
    assert done[0].error.exit_code == ExitCode.INTERRUPTED


def test_a_bastion_that_is_gone_is_the_error_of_each_agency(
    small: SmallProvince, stands: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(*_: object) -> None:
        raise HoabanError("the bastion does not answer")

    monkeypatch.setattr(deliveries, "operate", outcomes())
    recorded = Recorded(monkeypatch)
    monkeypatch.setattr(many, "converge_many", gone)
    done = deliver_many(targets_of(["xa-ba", "xa-hai"], everything=False), HOW)
    assert [one.failed_at for one in done] == ["converged", "converged"]
    assert recorded.phases == [("verify", []), ("report", [])]


def test_provisioning_alone_is_told_in_one_shape(
    small: SmallProvince,
    stands: None,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Whether one stack is named or several."""
    result = UpdateResult(UpdateKind.UPDATE, {"create": 2}, [], {}, 0.1)
    monkeypatch.setattr("hoaban.provision.operations.up", lambda *_, **__: result)
    monkeypatch.setattr(up_verb, "engine_for", lambda _: None)
    monkeypatch.setattr(deliveries, "operate", outcomes())
    told = []
    for named in (["xa-ba"], ["xa-ba", "xa-hai"]):
        up_verb.up(named, provision_only=True, json_=True)
        told.append(json.loads(capsys.readouterr().out)[0])
    assert told[0].keys() == told[1].keys()
    assert told[0]["stack"] == "agency/xa-ba"
    assert told[0]["resources"] == {"create": 2}
