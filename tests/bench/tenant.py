"""What stands inside a project, by plain calls of openstacksdk."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from stacks.components.cloud_init import first_boot
from stacks.components.labels import Labels
from stacks.components.security_group import ETHERTYPES, protocol_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from concurrent.futures import Future, ThreadPoolExecutor
    from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

    from hoaban.model.environment import (
        EnvironmentPlan,
        HostPlan,
        NetworkPlan,
        SecurityGroupPlan,
        VolumePlan,
    )

WAIT_SECONDS: Final = 300
POLL_SECONDS: Final = 1  # as the provider
TAGS_AT_CREATE: Final = {"tag-ports-during-bulk-creation", "tag-creation"}
"""Extensions of Neutron either of which says that new ports may come with tags."""
DHCP: Final = "dhcpv6-stateful"


@dataclass(frozen=True, slots=True, kw_only=True)
class Lent:
    """What the province lends, and what servers are told at their first boot."""

    router_id: str
    image_id: str
    key_pair: str
    flavor_ids: Mapping[str, str]
    external_network: str
    dns_servers: Sequence[IPv4Address | IPv6Address]
    deploy_key: str
    timezone: str


@dataclass(slots=True)
class Tenant:
    """Makes everything of ``plan`` through ``cloud``; ``admin`` owns the router.

    Only the thread that calls :meth:`make` waits; those of the pool work, and each object is asked
    for as soon as what it needs is there. What takes it away again is put at the end of ``undo``.
    Both are connections of openstacksdk, whose types do not tell a service's version.
    """

    admin: Any
    cloud: Any
    plan: EnvironmentPlan
    lent: Lent
    pool: ThreadPoolExecutor
    undo: list[Callable[[], Any]]
    bulk: bool

    def make(self) -> None:
        """Returns when servers run and volumes are in use."""
        plan, submit = self.plan, self.pool.submit
        networks = {one.zone: submit(self._network, one) for one in plan.networks}
        groups = {one.name: submit(self._group, one) for one in plan.security_groups}
        server_groups = {name: submit(self._server_group, name) for name in plan.server_groups}
        volumes = {
            host.name: [submit(self._volume, host, volume) for volume in host.volumes]
            for host in plan.hosts
        }
        subnets = {
            one.zone: [
                submit(self._subnet, networks[one.zone].result(), one, *family)
                for family in (
                    (one.ipv4, one.gateway_ipv4, one.pool_ipv4),
                    (one.ipv6, one.gateway_ipv6, one.pool_ipv6),
                )
            ]
            for one in plan.networks
        }
        rules = [
            rule
            for one in plan.security_groups
            for rule in self._rules(one, groups[one.name].result())
        ]
        routed = {
            zone: [submit(self._interface, subnet.result()) for subnet in made]
            for zone, made in subnets.items()
        }
        bodies = [
            self._port_body(
                host,
                networks[host.zone].result(),
                [subnet.result() for subnet in subnets[host.zone]],
                [groups[name].result() for name in host.security_groups],
            )
            for host in plan.hosts
        ]
        ports = self._ports(bodies)
        finish(*rules)  # cloud-init asks for metadata as soon as the guest runs
        servers = {
            host.name: submit(
                self._server,
                host,
                ports[host.name].result(),
                server_groups[host.server_group].result() if host.server_group else None,
            )
            for host in plan.hosts
        }
        finish(*(interface for made in routed.values() for interface in made))
        addresses = [
            submit(self._floating_ip, host, ports[host.name].result())
            for host in plan.hosts
            if host.floating_ip
        ]
        attached = [
            submit(self._attach, servers[name].result(), [volume.result() for volume in made])
            for name, made in volumes.items()
        ]
        finish(*addresses, *attached)

    @property
    def _labels(self) -> Labels:
        return Labels.of(self.plan)

    def _network(self, plan: NetworkPlan) -> str:
        network = self.cloud.network.create_network(
            name=plan.name,
            description=self._labels.describe(f"{plan.zone}: {plan.ipv4}, {plan.ipv6}"),
        )
        self.undo.append(lambda: self.cloud.network.delete_network(network))
        self.cloud.network.set_tags(network, self._labels.tags)
        return str(network.id)

    def _subnet(
        self,
        network_id: str,
        plan: NetworkPlan,
        cidr: IPv4Network | IPv6Network,
        gateway: IPv4Address | IPv6Address,
        pool: tuple[IPv4Address | IPv6Address, IPv4Address | IPv6Address],
    ) -> str:
        more = {}
        if cidr.version == 6:
            more = {"ipv6_ra_mode": DHCP, "ipv6_address_mode": DHCP}
        subnet = self.cloud.network.create_subnet(
            name=f"{plan.name}-ipv{cidr.version}",
            description=self._labels.describe(plan.zone),
            network_id=network_id,
            cidr=str(cidr),
            ip_version=cidr.version,
            gateway_ip=str(gateway),
            is_dhcp_enabled=True,
            allocation_pools=[{"start": str(pool[0]), "end": str(pool[1])}],
            dns_nameservers=[
                str(dns) for dns in self.lent.dns_servers if dns.version == cidr.version
            ],
            **more,
        )
        self.cloud.network.set_tags(subnet, self._labels.tags)
        return str(subnet.id)

    def _interface(self, subnet_id: str) -> None:
        network, router = self.admin.network, self.lent.router_id
        network.add_interface_to_router(router, subnet=subnet_id)
        self.undo.append(lambda: network.remove_interface_from_router(router, subnet=subnet_id))

    def _group(self, plan: SecurityGroupPlan) -> str:
        network = self.cloud.network
        group = network.create_security_group(
            name=plan.name, description=self._labels.describe(plan.description)
        )
        self.undo.append(lambda: network.delete_security_group(group))
        for rule in group.security_group_rules:
            network.delete_security_group_rule(rule["id"])
        network.set_tags(group, self._labels.tags)
        return str(group.id)

    def _rules(self, plan: SecurityGroupPlan, group_id: str) -> list[Future[Any]]:
        bodies = [
            {
                "security_group_id": group_id,
                "direction": rule.direction.value,
                "ethertype": ETHERTYPES[rule.family],
                "protocol": protocol_of(rule),
                "port_range_min": rule.port_min,
                "port_range_max": rule.port_max,
                "remote_ip_prefix": str(rule.remote),
                "description": self._labels.describe(f"{rule.id}: {rule.reason.en}"),
            }
            for rule in plan.rules
        ]
        network, submit = self.cloud.network, self.pool.submit
        if self.bulk:
            return [submit(lambda: list(network.create_security_group_rules(bodies)))]
        return [submit(network.create_security_group_rule, **body) for body in bodies]

    def _server_group(self, name: str) -> str:
        group = self.cloud.compute.create_server_group(name=name, policy="soft-anti-affinity")
        self.undo.append(lambda: self.cloud.compute.delete_server_group(group))
        return str(group.id)

    def _port_body(
        self, host: HostPlan, network_id: str, subnets: Sequence[str], groups: Sequence[str]
    ) -> dict[str, Any]:
        return {
            "name": host.name,
            "description": self._labels.describe(host.fqdn),
            "network_id": network_id,
            "fixed_ips": [
                {"subnet_id": subnet, "ip_address": str(address)}
                for subnet, address in zip(subnets, (host.ipv4, host.ipv6), strict=True)
            ],
            "security_groups": list(groups),
        }

    def _ports(self, bodies: Sequence[dict[str, Any]]) -> dict[str, Future[Any]]:
        """The ports by their hosts' names."""
        network, tags = self.cloud.network, self._labels.tags
        if not self.bulk:
            return {body["name"]: self.pool.submit(self._port, body) for body in bodies}
        with_tags = TAGS_AT_CREATE & {one.alias for one in network.extensions()}
        asked = [{**body, "tags": tags} if with_tags else body for body in bodies]
        return {port.name: self.pool.submit(self._tagged, port) for port in self._made(asked)}

    def _made(self, bodies: Sequence[dict[str, Any]]) -> list[Any]:
        ports = list(self.cloud.network.create_ports(bodies))
        self.undo.extend(partial(self.cloud.network.delete_port, port) for port in ports)
        return ports

    def _port(self, body: dict[str, Any]) -> Any:
        port = self.cloud.network.create_port(**body)
        self.undo.append(partial(self.cloud.network.delete_port, port))
        return self._tagged(port)

    def _tagged(self, port: Any) -> Any:
        """The port, with its tags: not every cloud took them along."""
        if set(port.tags) != set(self._labels.tags):
            self.cloud.network.set_tags(port, self._labels.tags)
        return port

    def _volume(self, host: HostPlan, plan: VolumePlan) -> Any:
        volume = self.cloud.block_storage.create_volume(
            name=plan.name,
            description=self._labels.describe(f"{plan.mount} of {host.fqdn}"),
            size=plan.size_gb,
            metadata={**self._metadata(host), "label": plan.label, "mount": plan.mount},
        )
        self.undo.append(lambda: self._remove_volume(volume))
        return self._await_volume(volume, "available")

    def _await_volume(self, volume: Any, status: str) -> Any:
        return self.cloud.block_storage.wait_for_status(
            volume, status, interval=POLL_SECONDS, wait=WAIT_SECONDS
        )

    def _remove_volume(self, volume: Any) -> None:
        self._await_volume(volume, "available")  # its server is gone, and soon it is told so
        self.cloud.block_storage.delete_volume(volume)
        self.cloud.block_storage.wait_for_delete(volume, wait=WAIT_SECONDS)

    def _server(self, host: HostPlan, port: Any, group_id: str | None) -> Any:
        compute = self.cloud.compute
        told = first_boot(host, self.lent.deploy_key, self.lent.timezone)
        server = compute.create_server(
            name=host.name,
            flavor_id=self.lent.flavor_ids[host.size_name],
            image_id=self.lent.image_id,
            key_name=self.lent.key_pair,
            networks=[{"port": port.id}],
            user_data=base64.b64encode(told.encode()).decode(),
            metadata=self._metadata(host),
            tags=self._labels.tags,
            **({"scheduler_hints": {"group": group_id}} if group_id else {}),
        )

        def remove() -> None:
            compute.delete_server(server)
            compute.wait_for_delete(server, interval=POLL_SECONDS, wait=WAIT_SECONDS)

        self.undo.append(remove)
        return compute.wait_for_server(server, interval=POLL_SECONDS, wait=WAIT_SECONDS)

    def _attach(self, server: Any, volumes: Sequence[Any]) -> None:
        for volume in volumes:  # one after the other: the guest finds its disks in this order
            self.cloud.compute.create_volume_attachment(server, volume_id=volume.id)
            self._await_volume(volume, "in-use")

    def _floating_ip(self, host: HostPlan, port: Any) -> None:
        network = self.cloud.network
        external = network.find_network(self.lent.external_network, ignore_missing=False)
        address = network.create_ip(
            floating_network_id=external.id,
            port_id=port.id,
            fixed_ip_address=str(host.ipv4),
            description=self._labels.describe(host.fqdn),
        )
        self.undo.append(lambda: network.delete_ip(address))
        network.set_tags(address, self._labels.tags)

    def _metadata(self, host: HostPlan) -> dict[str, str]:
        return self._labels.metadata(system=host.system, tier=host.tier)


def finish(*futures: Future[Any]) -> None:
    """Wait for all, and raise the first error."""
    for future in futures:
        future.result()
