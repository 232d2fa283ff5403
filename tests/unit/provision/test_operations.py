from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from hoaban.engine.api import PARALLEL, Options
from hoaban.engine.drift import Drift, Fate, Sight
from hoaban.errors import HoabanError, ManyErrors
from hoaban.provision import Consent, Decline, operations
from hoaban.provision.guard import VOLUME
from hoaban.provision.secrets import passphrase_file
from tests.unit.provision.fakes import FakeEngine, step
from tests.unit.provision.states import PROJECT, ROOT, resource, write_state

if TYPE_CHECKING:
    from pulumi.automation.events import EngineEvent

    from hoaban.engine.api import EventHandler, Stack, UpdateResult
    from hoaban.provision import Target
    from tests.cloud.province import SmallProvince

GONE = step("delete", VOLUME, "db", old={"name": "db", "size": 1})
MADE = step("create", VOLUME, "new", new={"name": "new", "size": 1})


def ignore(_: EngineEvent) -> None:
    pass


@pytest.fixture
def target(small: SmallProvince, monkeypatch: pytest.MonkeyPatch) -> Target:
    monkeypatch.setattr(operations, "preflight", lambda *_, **__: ["nothing was checked"])
    return small.target()


def test_a_plan_tells_what_was_not_checked(target: Target) -> None:
    plan = operations.plan(target, FakeEngine([MADE]), ignore)
    assert plan.unchecked == ["nothing was checked"]
    assert (plan.losses, plan.protected, plan.result.changes) == ([], [], {"create": 1})


def test_a_plan_shows_what_protection_would_refuse(target: Target) -> None:
    engine = FakeEngine([MADE, GONE], protected=[GONE.urn])
    plan = operations.plan(target, engine, ignore)
    assert plan.protected == [GONE.urn]
    assert [loss.urn for loss in plan.losses] == [GONE.urn]
    assert plan.result.changes == {"create": 1, "delete": 1}
    assert [options.released for _, options in engine.calls] == [(), [GONE.urn]]


def test_up_without_losses_asks_nobody(target: Target) -> None:
    engine = FakeEngine([MADE])
    result = operations.up(target, engine, ignore, consent=Consent())
    assert result.changes == {"create": 1}
    assert [name for name, _ in engine.calls] == ["preview", "up"]


def test_up_that_nobody_agreed_to_does_nothing(target: Target) -> None:
    engine = FakeEngine([GONE], protected=[GONE.urn])
    with pytest.raises(Decline):
        operations.up(target, engine, ignore, consent=Consent())
    assert "up" not in [name for name, _ in engine.calls]


def test_up_releases_just_what_was_agreed_to(target: Target) -> None:
    engine = FakeEngine([GONE], protected=[GONE.urn])
    operations.up(target, engine, ignore, consent=Consent(delete_data=True))
    name, options = engine.calls[-1]
    assert (name, options.released) == ("up", [GONE.urn])


QUOTA = "openstack:blockstorage/quoteSetV3:QuoteSetV3"


def test_quotas_fall_only_after_what_used_them_is_gone(target: Target) -> None:
    lowered = step("update", QUOTA, "q", old={"volumes": 3, "projectId": "p"}, new={"volumes": 1})
    engine = FakeEngine([GONE, lowered])
    result = operations.up(target, engine, ignore, consent=Consent(delete_data=True))
    assert [name for name, _ in engine.calls] == ["preview", "up", "up"]
    assert [dict(config) for config in engine.configs] == [
        {},
        {"agency:quotaFloor": '{"volumes": 3}'},
        {},
    ]
    assert result.changes == {"delete": 2, "update": 2}


def test_quotas_that_fall_while_nothing_goes_need_one_update(target: Target) -> None:
    lowered = step("update", QUOTA, "q", old={"volumes": 3}, new={"volumes": 1})
    assert operations.quota_floor([lowered, MADE]) == {}


def test_another_fault_beside_protection_is_told_as_it_is(target: Target) -> None:
    broken = ManyErrors([HoabanError("the program failed"), HoabanError("and more")])
    with pytest.raises(ManyErrors, match="the program failed"):
        operations.plan(target, FakeEngine(broken=broken), ignore)


def test_up_has_looked_already(target: Target) -> None:
    """So the engine need not run the program once more to see what protection refuses."""
    lowered = step("update", QUOTA, "q", old={"volumes": 3}, new={"volumes": 1})
    engine = FakeEngine([GONE, lowered])
    operations.up(target, engine, ignore, consent=Consent(delete_data=True))
    assert [(name, options.rehearsed) for name, options in engine.calls] == [
        ("preview", False),
        ("up", True),
        ("up", True),
    ]


def test_options_of_the_caller_reach_the_engine(target: Target) -> None:
    engine = FakeEngine()
    operations.up(
        target, engine, ignore, consent=Consent(), options=Options(refresh=True, targets=["x"])
    )
    _, options = engine.calls[-1]
    assert (options.refresh, options.targets) == (True, ["x"])
    assert options.parallel == PARALLEL


def test_what_is_asked_to_be_replaced_is_replaced_once(target: Target) -> None:
    """Where quotas make two updates of one."""
    lowered = step("update", QUOTA, "q", old={"volumes": 3}, new={"volumes": 1})
    engine = FakeEngine([GONE, lowered])
    asked = Options(replace=["x"])
    operations.up(target, engine, ignore, consent=Consent(delete_data=True), options=asked)
    assert [options.replace for _, options in engine.calls] == [["x"], ["x"], ()]


def test_the_foundation_stays_while_an_agency_stands_on_it(
    small: SmallProvince, monkeypatch: pytest.MonkeyPatch
) -> None:
    foundation, agency = small.target(None), small.target()
    monkeypatch.setattr(type(foundation), "dependents", lambda _: [agency])
    engine = FakeEngine()
    with pytest.raises(HoabanError, match="1 agencies stand on this foundation: so-thu-nghiem"):
        operations.destroy(foundation, engine, ignore, consent=Consent(delete_data=True))
    assert engine.calls == []


@pytest.fixture
def swept(small: SmallProvince, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Projects that were swept; the cloud is reached."""
    passphrase_file(small.workspace)
    found: list[str] = []
    monkeypatch.setattr(operations, "sweep", lambda _, project: found.append(project))
    monkeypatch.setattr(operations, "reach", lambda _: None)
    return found


class Emptying(FakeEngine):
    """Takes everything out of the state of a target, as a destroy does."""

    target: Target | None = None
    dies = False

    def destroy(self, stack: Stack, options: Options, on_event: EventHandler) -> UpdateResult:
        assert self.target is not None
        write_state(self.target)
        if self.dies:
            raise HoabanError("the process died")
        return super().destroy(stack, options, on_event)


def test_a_half_built_agency_is_swept(small: SmallProvince, swept: list[str]) -> None:
    """It exports nothing yet; its project is in the state."""
    engine, agency = Emptying(), small.target()
    engine.target = agency
    write_state(agency, resource(ROOT), resource(PROJECT, "project-1"))
    operations.destroy(agency, engine, ignore, consent=Consent())
    assert swept == ["project-1"]
    operations.destroy(agency, engine, ignore, consent=Consent())
    assert swept == ["project-1"], "and only once"


def volume(name: str) -> dict[str, Any]:
    made = resource(VOLUME, name, protect=True, inputs={"name": name, "size": 1})
    return {**made, "urn": made["urn"].replace("::it", f"::{name}")}


def test_only_what_is_chosen_is_lost(small: SmallProvince, swept: list[str]) -> None:
    engine, agency = FakeEngine(), small.target()
    write_state(agency, resource(ROOT), volume("keep"), volume("go"), resource(PROJECT, "p"))
    options = Options(targets=["**::go"])
    with pytest.raises(Decline, match="1 objects that hold it would go"):
        operations.destroy(agency, engine, ignore, consent=Consent(), options=options)
    operations.destroy(agency, engine, ignore, consent=Consent(delete_data=True), options=options)
    _, told = engine.calls[-1]
    assert told.released == [volume("go")["urn"]]
    assert swept == []
    rest = Options(excludes=["**:Volume::**"])
    operations.destroy(agency, engine, ignore, consent=Consent(), options=rest)
    assert engine.calls[-1][1].released == []
    assert swept == ["p"]
    mistyped = Options(targets=["**::goo"])
    with pytest.raises(HoabanError, match=r"no resource fits \*\*::goo\n.*::go"):
        operations.destroy(agency, engine, ignore, consent=Consent(), options=mistyped)


def test_a_sweep_is_gone_on_with(
    small: SmallProvince, swept: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What names the project goes out of the state before the project's rest is swept."""
    engine, agency = Emptying(), small.target()
    engine.target, engine.dies = agency, True
    write_state(agency, resource(ROOT), resource(PROJECT, "project-1"))
    with pytest.raises(HoabanError, match="the process died"):
        operations.destroy(agency, engine, ignore, consent=Consent())
    assert swept == []
    engine.dies = False

    def no_answer(*_: object) -> None:
        raise HoabanError("nobody answers")

    with monkeypatch.context() as patched:
        patched.setattr(operations, "sweep", no_answer)
        with pytest.raises(HoabanError, match="nobody answers"):
            operations.destroy(agency, engine, ignore, consent=Consent())
    operations.destroy(agency, engine, ignore, consent=Consent())
    assert swept == ["project-1"]


# --- what was changed by hand ------------------------------------------------------------------

BY_HAND = Sight([Drift(MADE.urn, VOLUME, "v-1", Fate.REMOVED)], [], looked=3)


def test_up_looks_again_only_where_something_was_changed(target: Target) -> None:
    engine = FakeEngine([MADE], sight=Sight([], [], looked=3))
    operations.up(target, engine, ignore, consent=Consent(), options=Options(look=True))
    assert [options.look for _, options in engine.calls] == [True, False]
    engine = FakeEngine([MADE], sight=BY_HAND)
    result = operations.up(target, engine, ignore, consent=Consent(), options=Options(look=True))
    assert [options.look for _, options in engine.calls] == [True, True]
    assert result.sight == BY_HAND


def test_up_brings_nothing_back_that_a_person_wants_kept(target: Target) -> None:
    engine = FakeEngine([MADE], sight=BY_HAND)
    shown: list[Any] = []

    def no(drift: Any) -> bool:
        shown.append(drift)
        return False

    with pytest.raises(Decline, match="nothing was changed") as caught:
        operations.up(
            target, engine, ignore, consent=Consent(revert=no), options=Options(look=True)
        )
    assert "hoaban refresh so-thu-nghiem" in (caught.value.mend or "")
    assert [one["up"] for one in shown[0]["changed"]] == ["create"]
    assert [name for name, _ in engine.calls] == ["preview"]


def test_an_engine_that_takes_no_look_is_not_asked_for_one(target: Target) -> None:
    engine = FakeEngine([MADE], looks=False)
    planned = operations.plan(target, engine, ignore, options=Options(look=True))
    assert not engine.calls[0][1].look
    assert planned.drift["compared_with"] == "state"


@pytest.mark.parametrize(
    ("options", "mends"),
    [
        (Options(), False),
        (Options(look=True), True),
        (Options(look=True, targets=("a",)), False),
        (Options(refresh=True), True),
    ],
)
def test_quotas_are_checked_first_unless_the_look_sees_to_them(
    target: Target, monkeypatch: pytest.MonkeyPatch, options: Options, mends: bool
) -> None:
    asked: list[bool] = []

    def checked(*_: object, refresh: bool) -> list[str]:
        asked.append(refresh)
        return []

    monkeypatch.setattr(operations, "preflight", checked)
    operations.plan(target, FakeEngine([MADE]), ignore, options=options)
    assert asked == [mends]
