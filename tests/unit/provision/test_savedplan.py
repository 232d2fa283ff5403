"""Plans in files: what they pin, what stops them, and who may approve them."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import pytest

from hoaban.console import print_error
from hoaban.engine.api import Options, UpdateResult
from hoaban.engine.updateplan import PinnedStep, PlanError, UpdatePlan
from hoaban.engine.values import UNKNOWN, Secret
from hoaban.errors import HoabanError, PolicyError
from hoaban.provision import Consent, operations
from hoaban.provision.approval import approve, approvers_of, require_approval, sign_as_planner
from hoaban.provision.guard import VOLUME
from hoaban.provision.savedplan import SavedPlan
from hoaban.provision.secrets import passphrase_file
from tests.unit.provision.fakes import FakeEngine, step
from tests.unit.provision.states import ROOT, resource, write_state
from tests.user import rows

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from hoaban.provision import Target
    from tests.cloud.province import SmallProvince

NOTHING = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"  # of an empty state
URN = "urn:pulumi:so-thu-nghiem::agency::fake:index:Thing::"
SIZE = PinnedStep("create", URN + "db", "fake:index:Thing", "", {"size": 1, "net": UNKNOWN})
TOKEN = PinnedStep("create", URN + "web", "fake:index:Thing", "", {"token": Secret("hunter-2")})
DIFFERS = "an inventory that was changed after the plan was made"


@dataclass
class Recording(FakeEngine):
    """Tells ``pinned`` as the steps of its previews."""

    pinned: Sequence[PinnedStep] = (SIZE, TOKEN)
    held: list[UpdatePlan | None] = field(default_factory=list)

    def preview(self, stack: Any, options: Options, on_event: Any) -> UpdateResult:
        result = super().preview(stack, options, on_event)
        plan = UpdatePlan(NOTHING, self.pinned, {"password": Secret("hunter-3"), "id": UNKNOWN})
        return replace(result, plan=plan if options.record else None)

    def up(self, stack: Any, options: Options, on_event: Any) -> UpdateResult:
        self.held.append(options.plan)
        return super().up(stack, options, on_event)


def ignore(_: object) -> None:
    pass


@pytest.fixture
def target(small: SmallProvince, monkeypatch: pytest.MonkeyPatch) -> Target:
    monkeypatch.setattr(operations, "preflight", lambda *_, **__: [])
    return small.target()


def saved_plan(target: Target, engine: FakeEngine | None = None) -> SavedPlan:
    plan = operations.plan(target, engine or Recording(), ignore, options=Options(record=True))
    assert plan.saved is not None
    return plan.saved


def do(target: Target, engine: FakeEngine, plan: SavedPlan | None) -> UpdateResult:
    return operations.up(target, engine, ignore, consent=Consent(delete_data=True), saved=plan)


def test_a_plan_comes_back_from_its_file(target: Target, tmp_path: Path) -> None:
    plan, file = saved_plan(target), tmp_path / "plan.json"
    plan.write(file)
    assert file.stat().st_mode & 0o777 == 0o600
    assert "hunter" not in file.read_text("utf-8")
    again = SavedPlan.read(file)
    assert (again.body, again.digest) == (plan.body, plan.digest)
    (phase,) = again.phases(passphrase_file(target.workspace))
    assert phase.plan is not None
    assert phase.plan.steps == [SIZE, TOKEN]
    assert phase.plan.outputs == {"password": Secret("hunter-3"), "id": UNKNOWN}


def test_up_holds_the_engine_to_the_plan(target: Target) -> None:
    engine = Recording()
    do(target, engine, saved_plan(target))
    (held,) = engine.held
    assert held is not None
    assert (held.base, held.steps) == (NOTHING, [SIZE, TOKEN])


def test_without_a_plan_the_engine_is_free(target: Target) -> None:
    engine = Recording()
    do(target, engine, None)
    assert engine.held == [None]


def test_a_plan_has_its_own_options(target: Target) -> None:
    for options in (
        Options(record=True, refresh=True, targets=("x",), target_dependents=True),
        Options(record=True, excludes=("x", "y"), exclude_dependents=True, replace=("z",)),
    ):
        plan = operations.plan(target, Recording(), ignore, options=options).saved
        engine = Recording()
        do(target, engine, plan)
        assert [one.choices() for _, one in engine.calls] == [options.choices()] * 2
        assert plan is not None
        more = {**plan.body["options"], "released": ["x"]}
        assert replace(plan, body={**plan.body, "options": more}).options.released == ()


def test_what_differs_is_told_before_anything_is_done(
    target: Target, capsys: pytest.CaptureFixture[str]
) -> None:
    plan = saved_plan(target)
    larger = replace(SIZE, inputs={"size": 2, "net": UNKNOWN})
    engine = Recording(pinned=[larger, replace(TOKEN, inputs={"token": Secret("other")})])
    with pytest.raises(PlanError) as caught:
        do(target, engine, plan)
    assert engine.held == []
    assert caught.value.detail == (
        f"{URN}db: create: size: planned 1, now 2\n"
        f"{URN}web: create: token: planned [secret], now [secret]"
    )
    print_error(caught.value)
    row = rows()[DIFFERS]
    assert row.said == f"{caught.value.what}"
    assert row.mend == caught.value.mend
    assert row.code == caught.value.exit_code


def test_a_plan_is_of_its_state(target: Target) -> None:
    plan = saved_plan(target)
    write_state(target, resource(ROOT))
    engine = Recording()
    with pytest.raises(PlanError, match="the state has changed since the plan was made"):
        do(target, engine, plan)
    assert engine.calls == []


def test_a_plan_is_of_its_stack(small: SmallProvince, target: Target) -> None:
    plan, engine = saved_plan(target), Recording()
    with pytest.raises(PlanError, match="plan is of agency/so-thu-nghiem, not of province/thu-"):
        do(small.target(None), engine, plan)
    assert engine.calls == []


def test_a_plan_is_of_its_versions(target: Target, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = saved_plan(target)
    monkeypatch.setattr("hoaban.provision.savedplan.__version__", "9.9")
    with pytest.raises(PlanError, match=r"other versions: hoaban 0.1.0, now 9.9"):
        do(target, Recording(), plan)


QUOTA = "openstack:blockstorage/quoteSetV3:QuoteSetV3"


def test_quotas_that_fall_last_are_a_second_update_of_the_plan(target: Target) -> None:
    gone = step("delete", VOLUME, "db", old={"name": "db", "size": 1})
    lowered = step("update", QUOTA, "q", old={"volumes": 3}, new={"volumes": 1})
    plan, engine = saved_plan(target, Recording([gone, lowered])), Recording([gone, lowered])
    do(target, engine, plan)
    assert [one.base if one else None for one in engine.held] == [NOTHING, ""]
    assert [dict(config) for config in engine.configs[1:]] == [
        {"agency:quotaFloor": '{"volumes": 3}'},
        {},
    ]


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"plan": {}, "signatures": []}'])
def test_a_file_that_is_no_plan(tmp_path: Path, content: str) -> None:
    file = tmp_path / "plan.json"
    file.write_text(content)
    with pytest.raises(HoabanError, match="no saved plan, or a part of one"):
        SavedPlan.read(file)


def test_any_change_of_the_body_is_seen(target: Target, tmp_path: Path) -> None:
    file = tmp_path / "plan.json"
    saved_plan(target).write(file)
    content = json.loads(file.read_text("utf-8"))
    content["plan"]["phases"][0]["steps"][0]["inputs"]["size"] = 100
    file.write_text(json.dumps(content))
    with pytest.raises(HoabanError, match="the plan was altered after it was made"):
        SavedPlan.read(file)


@dataclass(frozen=True)
class Keys:
    """SSH keys of some people, in files of their names."""

    folder: Path
    allowed: Path

    def of(self, name: str) -> Path:
        file = self.folder / name
        if not file.exists():
            command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", str(file)]
            subprocess.run(command, check=True)
        return file

    def allow(self, *lines: tuple[str, str]) -> None:
        """Write the allowed signers: names (and options), and whose key."""
        texts = [f"{names} {self.of(key).with_suffix('.pub').read_text()}" for names, key in lines]
        self.allowed.write_text("".join(texts))


@pytest.fixture
def keys(small: SmallProvince, tmp_path: Path) -> Keys:
    folder = tmp_path / "keys"
    folder.mkdir()
    made = Keys(folder, small.workspace.inventory / "allowed_signers")
    made.allow(("an@x", "an"), ("binh@x", "binh"), ("an@x", "an-too"))
    return made


def test_a_plan_that_a_second_person_approved_may_be_done(
    small: SmallProvince, target: Target, keys: Keys, tmp_path: Path
) -> None:
    small.department["approval"] = True
    needy, inventory = small.target(), target.workspace.inventory
    with pytest.raises(PolicyError, match="only by a saved plan that a second person has approved"):
        do(needy, Recording(), None)
    plan = sign_as_planner(saved_plan(needy), keys.of("an"), inventory)
    with pytest.raises(PolicyError, match="no second person has approved this plan"):
        do(needy, Recording(), plan)
    plan, who = approve(plan, keys.of("binh"), inventory)
    assert str(who) == "binh@x"
    plan.write(tmp_path / "plan.json")
    engine = Recording()
    do(needy, engine, SavedPlan.read(tmp_path / "plan.json"))
    assert len(engine.held) == 1


@pytest.mark.parametrize("key", ["an", "an-too"])
def test_nobody_approves_their_own_plan(target: Target, keys: Keys, key: str) -> None:
    """Neither with the same key, nor with another of the same name."""
    inventory = target.workspace.inventory
    plan = sign_as_planner(saved_plan(target), keys.of("an"), inventory)
    with pytest.raises(PolicyError, match="an@x made this plan, and nobody approves their own"):
        approve(plan, keys.of(key), inventory)


def test_one_key_of_two_names_is_one_person(target: Target, keys: Keys) -> None:
    keys.allow(('an@x namespaces="hoaban-plan"', "an"), ("other@x", "an"))
    plan = sign_as_planner(saved_plan(target), keys.of("an"), target.workspace.inventory)
    with pytest.raises(PolicyError):
        approve(plan, keys.of("an"), target.workspace.inventory)


def test_a_plan_nobody_signed_cannot_be_approved(target: Target, keys: Keys) -> None:
    with pytest.raises(PolicyError, match="nobody has signed this plan as its planner"):
        approve(saved_plan(target), keys.of("binh"), target.workspace.inventory)


def test_a_signature_is_of_one_plan_and_one_role(target: Target, keys: Keys) -> None:
    inventory = target.workspace.inventory
    plan = sign_as_planner(saved_plan(target), keys.of("an"), inventory)
    signed, _ = approve(plan, keys.of("binh"), inventory)
    other = sign_as_planner(saved_plan(target), keys.of("an"), inventory)
    moved = other.with_signature(signed.signatures[1])
    with pytest.raises(PolicyError, match="the signature of binh@x does not hold"):
        approvers_of(moved, inventory)
    by_binh = sign_as_planner(saved_plan(target), keys.of("binh"), inventory)
    as_approval = replace(by_binh.signatures[0], role="hoaban-approval")
    with pytest.raises(PolicyError, match="does not hold"):
        approvers_of(by_binh.with_signature(as_approval), inventory)


def test_keys_count_as_the_inventory_says(target: Target, keys: Keys) -> None:
    inventory = target.workspace.inventory
    plan = sign_as_planner(saved_plan(target), keys.of("an"), inventory)
    with pytest.raises(PolicyError, match="a signature is of no key that counts"):
        approve(plan, keys.of("stranger"), inventory)
    keys.allow(("an@x", "an"), ('binh@x namespaces="hoaban-plan"', "binh"))
    with pytest.raises(PolicyError, match="the signature of binh@x does not hold"):
        approve(plan, keys.of("binh"), inventory)
    keys.allow(("an@x", "an"), ("*@x", "binh"))
    with pytest.raises(PolicyError, match=r"`\*@x`, which may be anybody"):
        approve(plan, keys.of("binh"), inventory)
    keys.allowed.unlink()
    with pytest.raises(HoabanError, match="no file that says whose signatures count") as caught:
        approve(plan, keys.of("binh"), inventory)
    assert str(caught.value.where) == "inventory/allowed_signers"


def test_who_needs_an_approval_is_said_by_the_inventory(small: SmallProvince) -> None:
    require_approval(small.target(), None)
    require_approval(small.target(None), None)
    small.province["approval"] = {"agencies": True}
    require_approval(small.target(None), None)
    with pytest.raises(PolicyError, match="agency/so-thu-nghiem changes only by a saved plan"):
        require_approval(small.target(), None)
    small.province["approval"] = {"foundation": True}
    require_approval(small.target(), None)
    with pytest.raises(PolicyError) as caught:
        require_approval(small.target(None), None)
    assert str(caught.value.mend).endswith("then hoaban up --plan FILE")
