"""Stack of an agency's environment; its name is the agency's slug."""

from __future__ import annotations

import pulumi

from hoaban.model import load
from hoaban.workspace import Workspace
from stacks.components.agency import AgencyComponent, AgencyProps
from stacks.components.cloud import Cloud
from stacks.components.lent import Lent
from stacks.components.program import deploy_key, export, outputs_of, plain_errors


def main() -> None:
    """Build the environment of the agency that the stack is named after."""
    workspace = Workspace.find()
    province = load(workspace.inventory)
    plan = province.environment(pulumi.get_stack())
    lent = Lent(province.spec.slug)
    agency = AgencyComponent(
        AgencyProps(
            plan=plan,
            province=province.spec,
            cloud=Cloud.ask(pulumi.Config().get_object("quotaFloor")),
            router_id=lent.router_id,
            defaults=lent.defaults(plan, province.spec, deploy_key(workspace)),
        )
    )
    export(outputs_of(plan, province, agency.project, agency.tenant))


with plain_errors():
    main()
