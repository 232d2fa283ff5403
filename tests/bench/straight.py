"""The same environment by plain calls of openstacksdk: what an engine is measured against.

It makes what ``stacks/agency`` makes (less tags and state), each object with one call, as many side
by side as the engine would have under way.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from hoaban.provision.credentials import find_entry

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    from openstack.connection import Connection

    from hoaban.model.environment import EnvironmentPlan, HostPlan, NetworkPlan, Rule

THREADS = 16


@dataclass(frozen=True, slots=True)
class Lent:
    """What the province lends: names and identifiers of its shared resources."""

    router_id: str
    image_id: str
    key_pair: str
    flavor_ids: Mapping[str, str]


@dataclass(slots=True)
class Straight:
    """Makes one environment, and removes it."""

    cloud: Connection
    plan: EnvironmentPlan
    lent: Lent
    undo: list[Callable[[], Any]] = field(default_factory=list)

    def up(self) -> None:
        """Make everything of the plan, each layer side by side."""
        project = self.cloud.identity.create_project(name=self.plan.project)
        self.undo.append(lambda: self.cloud.identity.delete_project(project))
        user = self.cloud.current_user_id
        role = self.cloud.identity.find_role("admin", ignore_missing=False)
        self.cloud.identity.assign_project_role_to_user(project, user, role)
        inside = self.cloud.connect_as(project_id=project.id, project_name=None)
        self._quotas(project.id)
        with ThreadPoolExecutor(THREADS) as pool:
            networks = pool.submit(
                lambda: dict(pool.map(lambda n: self._network(inside, n), self.plan.networks))
            )
            groups = dict(
                pool.map(lambda g: self._group(inside, g.name), self.plan.security_groups)
            )
            rules = pool.map(
                lambda pair: self._rule(inside, groups[pair[0]], pair[1]),
                [(group.name, rule) for group in self.plan.security_groups for rule in group.rules],
            )
            server_groups = dict(
                pool.map(lambda name: self._server_group(inside, name), self.plan.server_groups)
            )
            list(rules)
            made = networks.result()
            self._all(
                pool,
                lambda host: self._host(inside, host, made[host.zone], groups, server_groups),
                self.plan.hosts,
            )

    def down(self) -> None:
        """Remove all that :meth:`up` made, last first."""
        while self.undo:
            self.undo.pop()()

    @staticmethod
    def _all(pool: ThreadPoolExecutor, work: Callable[[Any], Any], items: Iterable[Any]) -> None:
        list(pool.map(work, items))

    def _quotas(self, project_id: str) -> None:
        quota = self.plan.quota
        self.cloud.compute.update_quota_set(
            project_id, instances=quota.instances, cores=quota.cores, ram=quota.ram_mb
        )
        self.cloud.block_storage.update_quota_set(
            project_id, volumes=quota.volumes, gigabytes=quota.gigabytes
        )
        self.cloud.network.update_quota(
            project_id,
            networks=quota.networks,
            subnets=quota.subnets,
            ports=quota.ports,
            security_groups=quota.security_groups,
            security_group_rules=quota.security_group_rules,
        )

    def _network(self, cloud: Connection, plan: NetworkPlan) -> tuple[str, tuple[str, str, str]]:
        network = cloud.network.create_network(name=plan.name)
        self.undo.append(lambda: cloud.network.delete_network(network))
        subnets = []
        for cidr, gateway, pool in (
            (plan.ipv4, plan.gateway_ipv4, plan.pool_ipv4),
            (plan.ipv6, plan.gateway_ipv6, plan.pool_ipv6),
        ):
            modes = {"ipv6_ra_mode": "dhcpv6-stateful", "ipv6_address_mode": "dhcpv6-stateful"}
            subnet = cloud.network.create_subnet(
                network_id=network.id,
                cidr=str(cidr),
                ip_version=cidr.version,
                gateway_ip=str(gateway),
                allocation_pools=[{"start": str(pool[0]), "end": str(pool[1])}],
                **(modes if cidr.version == 6 else {}),
            )
            self.cloud.network.add_interface_to_router(self.lent.router_id, subnet_id=subnet.id)
            self.undo.append(
                lambda subnet=subnet: self.cloud.network.remove_interface_from_router(
                    self.lent.router_id, subnet_id=subnet.id
                )
            )
            subnets.append(subnet.id)
        return plan.zone, (network.id, subnets[0], subnets[1])

    def _group(self, cloud: Connection, name: str) -> tuple[str, str]:
        group = cloud.network.create_security_group(name=name)
        self.undo.append(lambda: cloud.network.delete_security_group(group))
        for rule in group.security_group_rules:
            cloud.network.delete_security_group_rule(rule["id"])
        return name, group.id

    @staticmethod
    def _rule(cloud: Connection, group_id: str, rule: Rule) -> None:
        icmp = {"ipv4": "icmp", "ipv6": "ipv6-icmp"}[rule.family]
        cloud.network.create_security_group_rule(
            security_group_id=group_id,
            direction=rule.direction,
            ethertype={"ipv4": "IPv4", "ipv6": "IPv6"}[rule.family],
            protocol=icmp if rule.protocol == "icmp" else str(rule.protocol),
            port_range_min=rule.port_min,
            port_range_max=rule.port_max,
            remote_ip_prefix=str(rule.remote),
        )

    def _server_group(self, cloud: Connection, name: str) -> tuple[str, str]:
        group = cloud.compute.create_server_group(name=name, policy="soft-anti-affinity")
        self.undo.append(lambda: cloud.compute.delete_server_group(group))
        return name, group.id

    def _host(
        self,
        cloud: Connection,
        host: HostPlan,
        network: tuple[str, str, str],
        groups: Mapping[str, str],
        server_groups: Mapping[str, str],
    ) -> None:
        network_id, ipv4, ipv6 = network
        port = cloud.network.create_port(
            name=host.name,
            network_id=network_id,
            fixed_ips=[
                {"subnet_id": ipv4, "ip_address": str(host.ipv4)},
                {"subnet_id": ipv6, "ip_address": str(host.ipv6)},
            ],
            security_group_ids=[groups[name] for name in host.security_groups],
        )
        self.undo.append(lambda: cloud.network.delete_port(port))
        volumes = []
        for volume in host.volumes:
            made = cloud.block_storage.create_volume(name=volume.name, size=volume.size_gb)
            self.undo.append(lambda made=made: cloud.block_storage.delete_volume(made))
            volumes.append(made)
        hints = {"group": server_groups[host.server_group]} if host.server_group else None
        server = cloud.compute.create_server(
            name=host.name,
            flavor_id=self.lent.flavor_ids[host.size_name],
            image_id=self.lent.image_id,
            networks=[{"port": port.id}],
            **({"scheduler_hints": hints} if hints else {}),
        )

        def remove() -> None:
            cloud.compute.delete_server(server)
            cloud.compute.wait_for_delete(server, wait=300)

        self.undo.append(remove)
        cloud.compute.wait_for_server(server, interval=1, wait=600)
        for made in volumes:
            cloud.block_storage.wait_for_status(made, "available", interval=1, wait=300)
            cloud.compute.create_volume_attachment(server, volume_id=made.id)
            cloud.block_storage.wait_for_status(made, "in-use", interval=1, wait=300)


def connect(inventory: Path) -> Connection:
    """A connection of its own to the province's cloud."""
    return find_entry("lab", inventory / "province.yml").connect()
