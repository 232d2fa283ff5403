"""Violations of policies around operations: their line of the inventory, and what is told."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pytest

from hoaban.engine.api import Options, UpdateResult, Violation
from hoaban.engine.embedded.policy import refusal
from hoaban.errors import ExitCode, ManyErrors, PolicyError
from hoaban.provision import Consent, operations
from hoaban.provision.origin import origin
from hoaban.workspace import toolkit_root
from stacks.policy.kinds import VOLUME
from stacks.policy.rule import ResourceRule, Seen
from stacks.policy.rules import RULES
from tests.unit.provision.fakes import FakeEngine
from tests.user import rows

if TYPE_CHECKING:
    from hoaban.provision import Target
    from tests.cloud.province import SmallProvince

AGENCY, PROVINCE = "so-thu-nghiem", "thu-nghiem"


def urn(name: str, project: str = "agency") -> str:
    return f"urn:pulumi:x::{project}::openstack:some/type:Type::{name}"


def line_of(target: Target, name: str) -> str:
    where = origin(target, urn(name))
    assert where.file is not None
    file = target.workspace.root / where.file
    assert where.line is not None
    return f"{where.key}: {file.read_text('utf-8').splitlines()[where.line - 1].strip()}"


@pytest.mark.parametrize(
    ("name", "told"),
    [
        (f"{AGENCY}-portal-data-1-db", "systems[0].tiers.data.volumes[0]: - name: db"),
        (f"{AGENCY}-portal-web-2", "systems[0].tiers.web: web:"),
        (f"{AGENCY}-portal-web-ingress-user-tcp-443-10.0.0.0", "systems[0].tiers.web: web:"),
        (f"{AGENCY}-base-ingress-ssh-tcp-22-10.0.0.5", "slug: slug: so-thu-nghiem"),
        ("nothing-we-know", "slug: slug: so-thu-nghiem"),
        (f"{AGENCY}-portal-files", "systems[0].containers[0]: - name: files"),
        (f"{AGENCY}-portal-web-ingress-user-tcp-443-any-ipv4", "systems[0].exposure.public: pub"),
    ],
)
def test_a_resource_of_an_agency_comes_from_a_line(
    small: SmallProvince, name: str, told: str
) -> None:
    system = small.department["systems"][0]
    system["containers"] = [{"name": "files", "quota_gb": 1}]
    system["exposure"] = {"own_agency": True, "public": True}
    assert line_of(small.target(), name).startswith(told)


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("backup-1-backup", "hosts.backup-1.volumes[0]: - name: backup"),
        ("bastion", "hosts.bastion: bastion:"),
        (f"{PROVINCE}-bastion-ingress-ssh-tcp-22-any-ipv4", "admin_networks: admin_networks:"),
        (f"{PROVINCE}-base-egress-x", "slug: slug: thu-nghiem"),
    ],
)
def test_a_resource_of_the_province_comes_from_a_line(
    small: SmallProvince, name: str, told: str
) -> None:
    assert line_of(small.target(None), name) == told


@dataclass
class Judging(FakeEngine):
    """Policies advise against one thing."""

    def preview(self, stack: Any, options: Options, on_event: Any) -> UpdateResult:
        result = super().preview(stack, options, on_event)
        name = urn(f"{AGENCY}-portal-web-1")
        told = Violation("small", "hoaban", "1", "advisory", "Things are small.\nit is not", name)
        return replace(result, violations=[told])


@pytest.fixture
def target(small: SmallProvince, monkeypatch: pytest.MonkeyPatch) -> Target:
    monkeypatch.setattr(operations, "preflight", lambda *_, **__: [])
    return small.target()


def test_the_pack_judges_every_plan_and_update(target: Target) -> None:
    engine = Judging()
    plan = operations.plan(target, engine, lambda _: None)
    operations.up(target, engine, lambda _: None, consent=Consent())
    packs = [options.policy_packs for _, options in engine.calls]
    assert packs == [(toolkit_root() / "stacks" / "policy",)] * 3
    assert (packs[0][0] / "PulumiPolicy.yaml").is_file()
    (advice,) = plan.violations
    assert advice.startswith("inventory/agencies/so-thu-nghiem.yml:")
    assert advice.endswith(f"{urn(f'{AGENCY}-portal-web-1')}: the policy small: it is not")


def test_a_violation_names_rule_resource_and_line(target: Target) -> None:
    name = urn(f"{AGENCY}-portal-data-1-db")
    rule = next(rule for rule in RULES if rule.id == "volumes-backed-up")
    assert isinstance(rule, ResourceRule)
    (wrong,) = rule.check(Seen(VOLUME, name, f"{AGENCY}-portal-data-1-db"))
    told = Violation(rule.id, "hoaban", "1", "mandatory", f"{rule.title.en}\n{wrong}", name)
    errors = [refusal(told), PolicyError("the policy few forbids it")]
    engine = Judging(broken=ManyErrors(errors))
    with pytest.raises(ManyErrors) as caught:
        operations.up(target, engine, lambda _: None, consent=Consent())
    assert caught.value.exit_code is ExitCode.POLICY
    where = caught.value.errors[0].where
    assert where is not None
    assert (where.file, where.urn) == ("inventory/agencies/so-thu-nghiem.yml", name)
    assert where.key == "systems[0].tiers.data.volumes[0]"
    row, error = rows()["a policy that is violated"], caught.value.errors[0]
    said = f"{error.where}: {error.what}"
    assert re.fullmatch(".*".join(map(re.escape, row.said.split("…"))), said), said
    assert (error.mend, error.exit_code) == (row.mend, row.code)
    assert [name for name, _ in engine.calls] == ["preview"]
