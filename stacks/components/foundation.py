"""What all agencies of a province share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pulumi import ComponentResource, Input, InvokeOptions, ResourceOptions
from pulumi_openstack import compute, networking

from hoaban.errors import HoabanError
from hoaban.model.spec import ProvinceService
from stacks.components.guest_image import GuestImageComponent, GuestImageProps
from stacks.components.host import HostDefaults
from stacks.components.labels import Labels
from stacks.components.project import ProjectComponent, ProjectProps
from stacks.components.sizes import SizesComponent, SizesProps
from stacks.components.tenant import TenantComponent, TenantProps

if TYPE_CHECKING:
    from hoaban.model.environment import EnvironmentPlan, RoutePlan
    from hoaban.model.spec import ProvinceSpec
    from stacks.components.cloud import Cloud


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundationProps:
    """The province, the plan of its own hosts, and what they are made from."""

    plan: EnvironmentPlan
    province: ProvinceSpec
    cloud: Cloud
    image: GuestImageProps
    deploy_key: str


class FoundationComponent(ComponentResource):
    """A project with router, networks and hosts; guest image, sizes and deploy key for all.

    Zones for VPN, certificates and the exchange gateway are networks of the plan like the others:
    a host with such a service in ``province.yml`` is all that it takes to fill one.
    """

    def __init__(self, props: FoundationProps, opts: ResourceOptions | None = None) -> None:
        plan, province = props.plan, props.province
        super().__init__("hoaban:province:Foundation", province.slug, {}, opts)
        child = ResourceOptions(parent=self)
        labels = Labels.of(plan)
        self.image = GuestImageComponent(props.image, child)
        self.sizes = SizesComponent(SizesProps(sizes=province.sizes, labels=labels), child)
        self.key_pair = compute.Keypair(
            f"hoaban-{province.slug}",
            name=f"hoaban-{province.slug}",
            public_key=props.deploy_key,
            # A user's key pairs have unique names.
            opts=ResourceOptions(parent=self, delete_before_replace=True),
        )
        self.project = ProjectComponent(
            ProjectProps(
                plan=plan,
                labels=labels,
                user_id=props.cloud.user_id,
                region=province.cloud.region,
                quota_floor=props.cloud.quota_floor,
            ),
            child,
        )
        self.router = self._router(province, labels)
        self.tenant = TenantComponent(
            TenantProps(
                plan=plan,
                labels=labels,
                project=self.project,
                router_id=self.router.id,
                defaults=self._defaults(props),
                dns_servers=province.services.dns,
                object_storage=props.cloud.object_storage,
            ),
            child,
        )
        self.routes = [self._route(route, province.slug) for route in plan.routes]
        self.register_outputs({"router_id": self.router.id})

    def _router(self, province: ProvinceSpec, labels: Labels) -> networking.Router:
        external = networking.get_network(
            name=province.cloud.external_network,
            external=True,
            opts=InvokeOptions(parent=self),
        )
        name = f"{province.slug}-router"
        return networking.Router(
            name,
            name=name,
            description=labels.describe("the one router of the province"),
            external_network_id=external.id,
            tenant_id=self.project.project_id,
            tags=labels.tags,
            opts=ResourceOptions(parent=self, provider=self.project.provider),
        )

    def _route(self, route: RoutePlan, province: str) -> networking.RouterRoute:
        """A way past one of the province's hosts; its next hop must be in reach of the router."""
        return networking.RouterRoute(
            f"{province}-{str(route.destination).replace(':', '_')}",
            router_id=self.router.id,
            destination_cidr=str(route.destination),
            next_hop=str(route.next_hop),
            opts=ResourceOptions(
                parent=self,
                provider=self.project.provider,
                # Else packets would be shared out between the old next hop and the new one.
                delete_before_replace=True,
                depends_on=self.tenant.interfaces[route.zone],
            ),
        )

    def _defaults(self, props: FoundationProps) -> HostDefaults:
        cloud = props.province.cloud
        return HostDefaults(
            image_id=self.image.image_id,
            key_pair=self.key_pair.name,
            flavor_ids={name: flavor.id for name, flavor in self.sizes.flavors.items()},
            external_network=cloud.external_network,
            deploy_key=props.deploy_key,
            timezone=props.province.timezone,
            availability_zone=cloud.availability_zone,
            volume_type=cloud.volume_type,
        )

    def resources(self, plan: EnvironmentPlan) -> dict[str, Input[object]]:
        """Fields of :class:`hoaban.model.outputs.ProvinceResources`."""
        return {
            "router_id": self.router.id,
            "key_pair": self.key_pair.name,
            "image_id": self.image.image_id,
            "image_name": self.image.name,
            "flavor_ids": self.sizes.flavor_ids,
            "bastion": bastion_of(plan),
            "router_addresses": self.router.external_fixed_ips.apply(
                lambda fixed: [address.ip_address for address in fixed or []]
            ),
        }


def bastion_of(plan: EnvironmentPlan) -> str:
    """Name of the host through which all others are reached."""
    names = [host.name for host in plan.hosts if ProvinceService.BASTION in host.services]
    if not names:
        raise HoabanError(
            "the province has no bastion: no host could be reached",
            mend="give a host in inventory/province.yml the service `bastion` and a floating IP",
        )
    return names[0]
