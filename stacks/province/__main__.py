"""Stack of a province's foundation; its name is the province's slug."""

from __future__ import annotations

import pulumi

from hoaban.errors import HoabanError
from hoaban.model import load
from hoaban.workspace import Workspace
from stacks.components.cloud import Cloud
from stacks.components.foundation import FoundationComponent, FoundationProps
from stacks.components.image_source import image_source
from stacks.components.labels import Labels
from stacks.components.program import deploy_key, export, outputs_of, plain_errors


def main() -> None:
    """Build the foundation of the inventory's province."""
    workspace = Workspace.find()
    province = load(workspace.inventory)
    if pulumi.get_stack() != province.spec.slug:
        raise HoabanError(
            f"the inventory is of the province `{province.spec.slug}`, "
            f"the stack of `{pulumi.get_stack()}`",
            mend=f"choose the stack: pulumi stack select {province.spec.slug}",
        )
    plan = province.foundation()
    foundation = FoundationComponent(
        FoundationProps(
            plan=plan,
            province=province.spec,
            cloud=Cloud.ask(pulumi.Config().get_object("quotaFloor")),
            image=image_source(pulumi.Config(), Labels.of(plan)),
            deploy_key=deploy_key(workspace),
        )
    )
    export(
        outputs_of(
            plan, province, foundation.project, foundation.tenant, foundation.resources(plan)
        )
    )


with plain_errors():
    main()
