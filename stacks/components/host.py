"""A server with its port, its data volumes and, where planned, its floating IP."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from pulumi import ComponentResource, Input, Resource, ResourceOptions
from pulumi_openstack import blockstorage, compute, networking

from hoaban.model.drills import RESTORED
from hoaban.model.spec import ProvinceService
from stacks.components.cloud_init import first_boot

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pulumi import Output

    from hoaban.model.environment import HostPlan, VolumePlan
    from stacks.components.labels import Labels
    from stacks.components.security_group import SecurityGroupComponent

# What these say is used at a server's first boot only. A new guest image, deploy key or template
# is for new servers; without this it would replace (image: rebuild) every server there is.
FIRST_BOOT_ONLY = ["image_id", "key_pair", "user_data"]


@dataclass(frozen=True, slots=True, kw_only=True)
class HostDefaults:
    """What all hosts of a province have in common."""

    image_id: Input[str]
    key_pair: Input[str]
    flavor_ids: Mapping[str, Input[str]]
    """By size."""
    external_network: str
    deploy_key: str
    """Public key of Ansible's login, in OpenSSH's format."""
    timezone: str
    availability_zone: str | None = None
    volume_type: str | None = None


def backup_told(plan: HostPlan) -> str | None:
    """The backup policy of a host's data, for its volumes' metadata; None where there is none."""
    if any(volume.mount.startswith(RESTORED) for volume in plan.volumes):
        return "none: it holds what a drill has restored"
    if ProvinceService.BACKUP_HOST in plan.services:
        return "none: it holds backups"
    if plan.backup is None:
        return None
    kept = plan.backup.retention
    return f"rpo {plan.backup.rpo_hours} h, kept {kept.daily}/{kept.weekly}/{kept.monthly}"


class Segment(Protocol):
    """A network that this stack makes, or that another one lends it."""

    @property
    def identifiers(self) -> Mapping[str, Output[str]]:
        """Fields of :class:`hoaban.model.outputs.NetworkOutput`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HostProps:
    """A planned host and what it is put into.

    ``routed`` are the router interfaces of its network: no floating IP works before them.
    """

    plan: HostPlan
    labels: Labels
    project_id: Input[str]
    defaults: HostDefaults
    network: Segment
    security_groups: Sequence[SecurityGroupComponent]
    server_group_id: Input[str] | None
    routed: Sequence[Resource]


class HostComponent(ComponentResource):
    """A host whose addresses and data outlive its server.

    The addresses are its port's, and the volumes are protected.
    """

    def __init__(self, props: HostProps, opts: ResourceOptions | None = None) -> None:
        plan = props.plan
        super().__init__("hoaban:components:Host", plan.name, {}, opts)
        self._props = props
        self.port = self._port()
        self.volumes = {volume.name: self._volume(volume) for volume in plan.volumes}
        # Attached by `hoaban backup offline` while it writes to one, and by no stack.
        offline = plan.offline.volumes if plan.offline else []
        self.offline = {volume.name: self._volume(volume) for volume in offline}
        self.server = self._server()
        self.attachments = self._attach()
        self.floating_ip = self._floating_ip() if plan.floating_ip else None
        self.register_outputs({"server_id": self.server.id})

    @property
    def _metadata(self) -> dict[str, str]:
        plan = self._props.plan
        return self._props.labels.metadata(system=plan.system, tier=plan.tier)

    def _port(self) -> networking.Port:
        props, plan = self._props, self._props.plan
        network = props.network.identifiers
        return networking.Port(
            plan.name,
            name=plan.name,
            description=props.labels.describe(plan.fqdn),
            network_id=network["network_id"],
            tenant_id=props.project_id,
            fixed_ips=[
                networking.PortFixedIpArgs(subnet_id=network[subnet], ip_address=str(address))
                for subnet, address in (
                    ("subnet_ipv4_id", plan.ipv4),
                    ("subnet_ipv6_id", plan.ipv6),
                )
            ],
            security_group_ids=[group.group.id for group in props.security_groups],
            allowed_address_pairs=[
                networking.PortAllowedAddressPairArgs(ip_address=str(network))
                for network in plan.carries
            ]
            or None,
            tags=props.labels.tags,
            # The address is the port's own: a second port can't have it before this one is gone.
            opts=ResourceOptions(parent=self, delete_before_replace=True),
        )

    def _volume(self, volume: VolumePlan) -> blockstorage.Volume:
        props = self._props
        return blockstorage.Volume(
            volume.name,
            name=volume.name,
            description=props.labels.describe(f"{volume.mount} of {props.plan.fqdn}"),
            size=volume.size_gb,
            enable_online_resize=True,
            volume_type=props.defaults.volume_type,
            metadata=props.labels.metadata(
                system=props.plan.system,
                tier=props.plan.tier,
                label=volume.label,
                mount=volume.mount,
                backup=backup_told(props.plan),
            ),
            opts=ResourceOptions(parent=self, protect=True),
        )

    def _server(self) -> compute.Instance:
        props, plan, defaults = self._props, self._props.plan, self._props.defaults
        hints = (
            [compute.InstanceSchedulerHintArgs(group=props.server_group_id)]
            if props.server_group_id is not None
            else None
        )
        return compute.Instance(
            plan.name,
            name=plan.name,
            flavor_id=defaults.flavor_ids[plan.size_name],
            image_id=defaults.image_id,
            key_pair=defaults.key_pair,
            networks=[compute.InstanceNetworkArgs(port=self.port.id)],
            availability_zone=defaults.availability_zone,
            scheduler_hints=hints,
            config_drive=False,
            # A clean end, so that file systems on the volumes are whole for what comes next.
            stop_before_destroy=bool(plan.volumes),
            user_data=first_boot(plan, defaults.deploy_key, defaults.timezone),
            metadata=self._metadata,
            tags=props.labels.tags,
            opts=ResourceOptions(
                parent=self,
                # The port is taken until the old server is gone.
                delete_before_replace=True,
                ignore_changes=FIRST_BOOT_ONLY,
                # cloud-init asks for metadata within seconds of the start: the rules that let it
                # must be there by then.
                depends_on=list(props.security_groups),
            ),
        )

    def _attach(self) -> list[compute.VolumeAttach]:
        attachments: list[compute.VolumeAttach] = []
        for name, volume in self.volumes.items():
            attachments.append(
                compute.VolumeAttach(
                    name,
                    instance_id=self.server.id,
                    volume_id=volume.id,
                    opts=ResourceOptions(
                        parent=self,
                        # So the guest finds its disks in the plan's order.
                        depends_on=attachments[-1:],
                        # A volume can't be attached anew before it is detached.
                        delete_before_replace=True,
                        # A running guest must help to detach a disk, and one that hangs doesn't:
                        # where the server goes as well, its end is the better way.
                        deleted_with=self.server,
                    ),
                )
            )
        return attachments

    def _floating_ip(self) -> networking.FloatingIp:
        props, plan = self._props, self._props.plan
        return networking.FloatingIp(
            plan.name,
            pool=props.defaults.external_network,
            port_id=self.port.id,
            fixed_ip=str(plan.ipv4),
            tenant_id=props.project_id,
            description=props.labels.describe(plan.fqdn),
            tags=props.labels.tags,
            opts=ResourceOptions(parent=self, depends_on=list(props.routed)),
        )

    @property
    def identifiers(self) -> dict[str, Input[object]]:
        """Fields of :class:`hoaban.model.outputs.HostOutput`."""
        return {
            "server_id": self.server.id,
            "port_id": self.port.id,
            "floating_ip": self.floating_ip.address if self.floating_ip else None,
            "volume_ids": {name: volume.id for name, volume in self.volumes.items()},
            "offline_ids": {name: volume.id for name, volume in self.offline.items()},
        }
