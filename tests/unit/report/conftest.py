"""The sample inventory's department of three tiers, provisioned and measured as promised."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from hoaban import model
from hoaban.inventory.fleet import Fleet
from hoaban.model.outputs import ProvinceResources
from hoaban.testing import exported, measured
from hoaban.verify.checks import CHECKS
from hoaban.verify.model import Measured, Status, VerifyReport
from hoaban.verify.run import mark
from hoaban.verify.scene import HERE
from hoaban.workspace import Workspace

if TYPE_CHECKING:
    from hoaban.model.province import Province
    from hoaban.verify.scene import Scene

INVENTORY = Path(__file__).parents[3] / "inventory"
DEPARTMENT = "so-khoa-hoc-va-cong-nghe"


@pytest.fixture(scope="session")
def province() -> Province:
    return model.load(INVENTORY)


@pytest.fixture
def workspace(tmp_path: Path, province: Province) -> Workspace:
    """A workspace in which the province and the department are provisioned."""
    workspace = Workspace(tmp_path, tmp_path / ".hoaban")
    plan = province.foundation()
    resources = ProvinceResources(
        router_id="r",
        key_pair="k",
        image_id="i",
        image_name="hoaban-debian-13-0123456789ab",
        flavor_ids={},
        bastion=plan.hosts[0].name,
    )
    outputs = exported.export(plan, settings=province.settings(), province=resources)
    exported.write_checkpoint(workspace.backend, "province", plan.province, outputs)
    outputs = exported.export(province.environment(DEPARTMENT), settings=province.settings())
    exported.write_checkpoint(workspace.backend, "agency", DEPARTMENT, outputs)
    return workspace


def judged(scene: Scene) -> VerifyReport:
    """The report on a scene."""
    state = scene.fleet.state_of(scene.agency)
    return VerifyReport(
        province=state.outputs.environment.province,
        agency=scene.agency,
        name=state.outputs.environment.name,
        stack=mark(state),
        toolkit="0.1.0",
        started=datetime(2026, 11, 22, 10, 0, tzinfo=UTC),
        seconds=61.0,
        hosts={
            name: Measured.model_validate(
                facts.system.model_dump(include=set(Measured.model_fields))
            )
            for name, facts in scene.facts.items()
        },
        checks=[check().report(scene) for check in CHECKS],
    )


def proved(report: VerifyReport) -> VerifyReport:
    """The report of a province that lacks nothing which checks would need; the sample's does."""
    checks = [
        check.model_copy(
            update={"findings": [f for f in check.findings if f.status is not Status.SKIP]}
        )
        for check in report.checks
    ]
    return report.model_copy(update={"checks": checks})


@pytest.fixture
def scene(workspace: Workspace) -> Scene:
    scene = measured.scene(Fleet.read(workspace), DEPARTMENT)
    forbidden = [trial.flow for trial in scene.inside if not trial.flow.allowed]
    own = {host.name for host in scene.hosts}
    outside = [replace(flow, source=HERE) for flow in forbidden if flow.destination in own]
    return replace(scene, outside=[measured.trial(flow) for flow in outside])
