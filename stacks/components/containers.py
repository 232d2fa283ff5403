"""Containers of object storage, where the cloud has any."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pulumi import ComponentResource, ResourceOptions, log
from pulumi_openstack import objectstorage

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hoaban.model.environment import ContainerPlan
    from stacks.components.labels import Labels

GIB = 1024**3


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainersProps:
    """Planned containers. ``available`` tells whether the cloud's catalog has object storage."""

    name: str
    plans: Sequence[ContainerPlan]
    labels: Labels
    available: bool


class ContainersComponent(ComponentResource):
    """The containers of a project, each with its quota, protected. None where there is no Swift.

    One that is given up all the same goes with its objects, as a volume goes with its files.
    """

    def __init__(self, props: ContainersProps, opts: ResourceOptions | None = None) -> None:
        super().__init__("hoaban:components:Containers", props.name, {}, opts)
        self.unavailable = [] if props.available else [plan.name for plan in props.plans]
        if self.unavailable:
            names = ", ".join(self.unavailable)
            log.warn(f"this cloud has no object storage; containers not made: {names}", self)
        self.containers = [
            objectstorage.Container(
                plan.name,
                name=plan.name,
                # Swift's container_quotas middleware refuses uploads beyond this.
                metadata={**props.labels.metadata(), "Quota-Bytes": str(plan.quota_gb * GIB)},
                force_destroy=True,
                opts=ResourceOptions(parent=self, protect=True),
            )
            for plan in (props.plans if props.available else ())
        ]
        self.register_outputs({"names": [container.name for container in self.containers]})
