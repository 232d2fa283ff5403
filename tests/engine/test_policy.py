"""Policy packs: real ones, in processes of their own, asked through Pulumi's Analyzer service."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

import pytest

from hoaban.engine.api import Violation
from hoaban.errors import ExitCode, HoabanError, ManyErrors, PolicyError

if TYPE_CHECKING:
    from pathlib import Path

    from tests.engine.conftest import Lab

URN = "urn:pulumi:dev::shop::fake:index:Thing::"
PACK = """
from pulumi_policy import (EnforcementLevel as Level, PolicyPack, ResourceValidationPolicy,
                           StackValidationPolicy)

def small(args, report):
    if args.props.get("size", 0) > 10:
        report(f"{args.name} is of size {args.props['size']:g}")

def named(args, report):
    if args.resource_type == "fake:index:Thing" and not args.props.get("owner"):
        report("nobody owns it")

def labelled(args):
    if args.resource_type == "fake:index:Thing" and "label" not in args.props:
        return {**args.props, "label": "made-by-policy"}

def few(args, report):
    things = [one for one in args.resources if one.resource_type == "fake:index:Thing"]
    if len(things) > 2:
        report(f"{len(things)} things", things[-1].urn)

PolicyPack("shop-rules", [
    ResourceValidationPolicy("small", "Things are small.", small, Level.MANDATORY),
    ResourceValidationPolicy("named", "Things have owners.", named, Level.ADVISORY),
    ResourceValidationPolicy("labelled", "Things have labels.", remediate=labelled,
                             enforcement_level=Level.REMEDIATE),
    StackValidationPolicy("few", "Few things.", few, Level.MANDATORY),
])
"""
GOOD = 'Thing("a", size=1, owner="an", secret=Output.secret("hunter-2"))'


@pytest.fixture
def pack(tmp_path: Path) -> Path:
    folder = tmp_path / "pack"
    folder.mkdir()
    (folder / "PulumiPolicy.yaml").write_text("runtime: python\nversion: 1.2.3\n")
    (folder / "__main__.py").write_text(PACK)
    return folder


def test_remediations_and_advice(lab: Lab, pack: Path) -> None:
    """Inputs are put right before the step, secrets stay secret; advice stops nothing."""
    result = lab.up(f'{GOOD}\nThing("b", a=1)', policy_packs=[pack])
    assert lab.cloud.by_name("a").properties["label"] == "made-by-policy"
    assert "hunter-2" not in lab.checkpoint_file.read_text()
    (advice,) = result.violations
    assert advice == Violation(
        "named", "shop-rules", "1.2.3", "advisory", "Things have owners.\nnobody owns it", URN + "b"
    )
    (event,) = [one.policy_event for one in lab.events if one.policy_event]
    assert (event.policy_name, event.enforcement_level) == ("named", "advisory")
    assert (event.policy_pack_name, event.policy_pack_version) == ("shop-rules", "1.2.3")
    assert event.resource_urn == URN + "b"
    (summary,) = [one.summary_event for one in lab.events if one.summary_event]
    assert summary.policy_packs == {"shop-rules": "1.2.3"}
    assert any("labelled has put this right" in text for text in lab.messages("warning"))


def test_a_preview_tells_all_that_is_forbidden(lab: Lab, pack: Path) -> None:
    program = GOOD + '\nThing("b", size=20, owner="b")\nThing("c", size=30, owner="c")'
    with pytest.raises(ManyErrors) as caught:
        lab.preview(program, policy_packs=[pack])
    assert caught.value.exit_code is ExitCode.POLICY
    assert sorted(error.what for error in caught.value.errors) == [
        "the policy few forbids it: 3 things",
        "the policy small forbids it: b is of size 20",
        "the policy small forbids it: c is of size 30",
    ]
    assert {error.where.urn for error in caught.value.errors if error.where} >= {
        URN + "b",
        URN + "c",
    }
    assert [one.policy_event.enforcement_level for one in lab.events if one.policy_event] == [
        "mandatory"
    ] * 3


@pytest.mark.parametrize(
    "program",
    [
        GOOD + '\nThing("b", size=20, owner="b")',
        GOOD + '\nThing("b", owner="b")\nThing("c", owner="c")',
    ],
)
def test_an_update_stops_before_its_first_call(lab: Lab, pack: Path, program: str) -> None:
    """Of what one resource has in it, and of what all have together."""
    with pytest.raises(PolicyError):
        lab.up(program, policy_packs=[pack])
    assert lab.cloud.things == {}


def test_what_only_an_update_knows_stops_the_resource(lab: Lab, pack: Path) -> None:
    program = 'a = Thing("a", owner="an")\nThing("b", owner="an", size=a.address.apply(len))'
    with pytest.raises(PolicyError, match="b is of size") as caught:
        lab.up(program.replace("apply(len)", "apply(lambda _: 50)"), policy_packs=[pack])
    assert caught.value.exit_code is ExitCode.POLICY
    assert [thing.properties["__name"] for thing in lab.cloud.things.values()] == ["a"]


@pytest.mark.parametrize(
    ("main", "told"),
    [
        ("raise RuntimeError('no rules today')", "the policy pack does not start"),
        (PACK.replace('report(f"{args.name} is', 'nothing(f"{args.name} is'), "pack failed"),
    ],
)
def test_a_pack_that_fails_stops_everything(lab: Lab, pack: Path, main: str, told: str) -> None:
    (pack / "__main__.py").write_text(textwrap.dedent(main))
    with pytest.raises(HoabanError, match=told) as caught:
        lab.up('Thing("a", size=20)', policy_packs=[pack])
    assert str(pack) in str(caught.value.where)
    assert lab.cloud.things == {}


def test_what_is_no_pack(lab: Lab, tmp_path: Path) -> None:
    with pytest.raises(HoabanError, match="this is no policy pack"):
        lab.preview(GOOD, policy_packs=[tmp_path])
    (tmp_path / "PulumiPolicy.yaml").write_text("runtime: nodejs\n")
    with pytest.raises(HoabanError, match="only policy packs in Python"):
        lab.preview(GOOD, policy_packs=[tmp_path])
