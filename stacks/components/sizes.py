"""The sizes of servers, as flavors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pulumi import ComponentResource, ResourceOptions
from pulumi_openstack import compute

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hoaban.model.spec import Size
    from stacks.components.labels import Labels


@dataclass(frozen=True, slots=True, kw_only=True)
class SizesProps:
    """The province's sizes, by name."""

    sizes: Mapping[str, Size]
    labels: Labels


class SizesComponent(ComponentResource):
    """A public flavor for each size, named ``hoaban.<province>.<size>``."""

    def __init__(self, props: SizesProps, opts: ResourceOptions | None = None) -> None:
        province = props.labels.province
        super().__init__("hoaban:components:Sizes", province, {}, opts)
        self.flavors = {
            name: compute.Flavor(
                name,
                name=f"hoaban.{province}.{name}",
                description=props.labels.describe(f"size {name}"),
                vcpus=size.vcpus,
                ram=size.ram_mb,
                disk=size.disk_gb,
                is_public=True,
                # Names of flavors are unique, and any change makes a new one. Servers keep a copy
                # of theirs, so its absence for a moment harms none.
                opts=ResourceOptions(parent=self, delete_before_replace=True),
            )
            for name, size in props.sizes.items()
        }
        self.register_outputs({"flavor_ids": self.flavor_ids})

    @property
    def flavor_ids(self) -> dict[str, object]:
        """Flavors by size."""
        return {name: flavor.id for name, flavor in self.flavors.items()}
