"""Stack of a restore drill; its name is the agency's slug, ``drill:host`` whose backup it tries."""

from __future__ import annotations

import pulumi

from hoaban.model import load
from hoaban.model.outputs import SCHEMA_VERSION
from hoaban.workspace import Workspace
from stacks.components.drill import DrillComponent, DrillProps
from stacks.components.labels import Labels
from stacks.components.lent import Lent, LentByAgency
from stacks.components.program import deploy_key, export, plain_errors


def main() -> None:
    """Build the scratch server for the agency that the stack is named after."""
    workspace = Workspace.find()
    province = load(workspace.inventory)
    agency = pulumi.get_stack()
    plan = province.drill(agency, pulumi.Config().require("host"))
    lent = Lent(province.spec.slug)
    drill = DrillComponent(
        DrillProps(
            plan=plan,
            labels=Labels.of(province.environment(agency)),
            region=province.spec.cloud.region,
            agency=LentByAgency(agency),
            defaults=lent.defaults(plan, province.spec, deploy_key(workspace)),
        )
    )
    export(
        {
            "schema_version": SCHEMA_VERSION,
            "environment": plan.model_dump(mode="json"),
            "project_id": drill.project_id,
            "networks": {zone: one.identifiers for zone, one in drill.networks.items()},
            "hosts": {drill.host_name: drill.host.identifiers},
            "container_names": [],
            "unavailable_containers": [],
            "province": None,
            "settings": province.settings().model_dump(mode="json"),
        }
    )


with plain_errors():
    main()
