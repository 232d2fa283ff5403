"""Stack of a restore drill; ``drill:host`` is whose backup it tries.

Its name is the agency's slug, or ``province`` for the foundation.
"""

from __future__ import annotations

import pulumi

from hoaban.model import load
from hoaban.model.drills import PROVINCE
from hoaban.model.outputs import SCHEMA_VERSION
from hoaban.workspace import Workspace
from stacks.components.drill import DrillComponent, DrillProps
from stacks.components.labels import Labels
from stacks.components.lent import Lent, LentToGuest
from stacks.components.program import deploy_key, export, plain_errors


def main() -> None:
    """Build the scratch server for the agency, or the foundation, that the stack is named after."""
    workspace = Workspace.find()
    province = load(workspace.inventory)
    name = pulumi.get_stack()
    agency = None if name == PROVINCE else name
    plan = province.drill(name, pulumi.Config().require("host"))
    owner = province.foundation() if agency is None else province.environment(agency)
    lent = Lent(province.spec.slug)
    drill = DrillComponent(
        DrillProps(
            plan=plan,
            labels=Labels.of(owner),
            region=province.spec.cloud.region,
            host=LentToGuest(province.spec.slug, agency),
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
