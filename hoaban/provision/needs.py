"""What a plan takes from a cloud, and whether quotas and capacity can give it. No calls here."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from hoaban.errors import HoabanError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from hoaban.model.environment import EnvironmentPlan, HostPlan, Quota
    from hoaban.model.spec import Size

UNLIMITED = -1

# Quotas by the service that keeps them: the API's name of each, and how many a plan takes.
COMPUTE_QUOTAS = ("instances", "cores", "ram", "server_groups")
VOLUME_QUOTAS = ("volumes", "gigabytes")
NETWORK_QUOTAS = (
    "network",
    "subnet",
    "port",
    "security_group",
    "security_group_rule",
    "floatingip",
)


def totals(plan: EnvironmentPlan) -> dict[str, int]:
    """Everything that a plan takes from its project's quotas, by the quotas' names in the APIs."""
    sizes = [host.size for host in plan.hosts]
    volumes = [volume.size_gb for host in plan.hosts for volume in host.every_volume]
    return {
        "instances": len(plan.hosts),
        "cores": sum(size.vcpus for size in sizes),
        "ram": sum(size.ram_mb for size in sizes),
        "server_groups": len(plan.server_groups),
        "volumes": len(volumes),
        "gigabytes": sum(volumes),
        "network": len(plan.networks),
        "subnet": 2 * len(plan.networks),
        "port": len(plan.hosts),
        "security_group": len(plan.security_groups),
        "security_group_rule": sum(len(group.rules) for group in plan.security_groups),
        "floatingip": sum(host.floating_ip for host in plan.hosts),
    }


def quota_errors(
    project: str,
    planned: Mapping[str, int],
    limits: Mapping[str, int],
    again: str = "hoaban up --refresh",
) -> Iterator[HoabanError]:
    """An error for each quota that is smaller than what is planned; ``again`` sets it back."""
    for name, need in planned.items():
        have = limits.get(name, UNLIMITED)
        if have != UNLIMITED and have < need:
            yield HoabanError(
                f"the quota `{name}` of the project {project} is {have}, {need} are planned",
                mend=f"it was changed by hand; set it back with: {again}",
            )


def granted(quota: Quota) -> dict[str, int]:
    """The limits that a plan sets in its project, by the quotas' names in the APIs."""
    return {
        "instances": quota.instances,
        "cores": quota.cores,
        "ram": quota.ram_mb,
        "volumes": quota.volumes,
        "gigabytes": quota.gigabytes,
        "network": quota.networks,
        "subnet": quota.subnets,
        "port": quota.ports,
        "security_group": quota.security_groups,
        "floatingip": quota.floating_ips,
    }


def additions(plan: EnvironmentPlan, built: EnvironmentPlan) -> dict[str, int]:
    """What a plan takes from its project's quotas beside what is built, by the same names.

    What it gives back is not counted: an engine deletes last.
    """
    new = NewThings.of(plan, built)
    old_volumes = {volume.name for host in built.hosts for volume in host.volumes}
    old_hosts = {host.name for host in built.hosts}
    networks = {one.name for one in plan.networks} - {one.name for one in built.networks}
    groups = {one.name for one in plan.security_groups}
    sizes = [*((None, size) for size in new.servers), *new.resized]
    return {
        "instances": len(new.servers),
        "cores": sum(max(0, b.vcpus - (a.vcpus if a else 0)) for a, b in sizes),
        "ram": sum(max(0, b.ram_mb - (a.ram_mb if a else 0)) for a, b in sizes),
        "volumes": sum(
            volume.name not in old_volumes for host in plan.hosts for volume in host.volumes
        ),
        "gigabytes": sum(new.volumes),
        "network": len(networks),
        "subnet": 2 * len(networks),
        "port": len({host.name for host in plan.hosts} - old_hosts),
        "security_group": len(groups - {one.name for one in built.security_groups}),
        "floatingip": new.floating_ips,
    }


@dataclass(frozen=True, slots=True)
class Usage:
    """How much of one quota is taken, by whomever."""

    used: int
    limit: int


def usage_errors(
    project: str, added: Mapping[str, int], limits: Mapping[str, int], usage: Mapping[str, Usage]
) -> Iterator[HoabanError]:
    """An error for each quota of which others have taken what is to be added.

    ``limits`` are those that the plan sets. One that is higher now may still be in force when
    things are made, so the higher one counts.
    """
    for name, need in added.items():
        now = usage.get(name)
        if not need or now is None or UNLIMITED in (now.limit, limits.get(name, UNLIMITED)):
            continue
        limit = max(now.limit, limits[name])
        if now.used + need > limit:
            yield HoabanError(
                f"of the quota `{name}` of the project {project}, {limit}, {now.used} are in use, "
                f"{need} more are planned",
                mend="something in the project is not of its plan: remove it (openstack server, "
                "volume, port or network list --project tells it)",
            )


@dataclass(frozen=True, slots=True)
class NewThings:
    """What a plan asks of the cloud that is not there yet. GiB for volumes.

    ``resized`` are servers that take another size, as pairs of the size they have and the new one.
    """

    servers: Sequence[Size] = ()
    resized: Sequence[tuple[Size, Size]] = ()
    volumes: Sequence[int] = ()
    floating_ips: int = 0

    @classmethod
    def of(cls, plan: EnvironmentPlan, built: EnvironmentPlan | None) -> NewThings:
        """What ``plan`` has and ``built`` has not; a volume that grows counts with its growth."""
        before = {host.name: host for host in built.hosts} if built else {}
        return cls(
            servers=[host.size for host in plan.hosts if host.name not in before],
            resized=[
                (before[host.name].size, host.size)
                for host in plan.hosts
                if host.name in before and before[host.name].size != host.size
            ],
            volumes=[
                growth
                for host in plan.hosts
                for growth in _growths(host, before.get(host.name))
                if growth > 0
            ],
            floating_ips=sum(
                host.floating_ip and not getattr(before.get(host.name), "floating_ip", False)
                for host in plan.hosts
            ),
        )


def _growths(host: HostPlan, before: HostPlan | None) -> Iterator[int]:
    sizes = {volume.name: volume.size_gb for volume in before.every_volume} if before else {}
    for volume in host.every_volume:
        yield volume.size_gb - sizes.get(volume.name, 0)


@dataclass(frozen=True, slots=True)
class Machine:
    """What a hypervisor can still hold, and the largest server it takes, by resource class."""

    free: Mapping[str, float] = field(default_factory=dict)
    largest: Mapping[str, float] = field(default_factory=dict)

    def holds(self, size: Size) -> bool:
        """Whether one server of the size fits."""
        return all(
            min(self.free[name], self.largest[name]) >= amount
            for name, amount in classes(size).items()
            if name in self.free
        )


def classes(size: Size) -> dict[str, int]:
    """A size in Placement's resource classes."""
    return {"VCPU": size.vcpus, "MEMORY_MB": size.ram_mb, "DISK_GB": size.disk_gb}


WORDS = {"VCPU": "vCPUs", "MEMORY_MB": "MiB of memory", "DISK_GB": "GiB of disk for servers"}


def compute_errors(new: NewThings, machines: Sequence[Machine]) -> Iterator[HoabanError]:
    """Errors when no machine takes one of the servers, or all machines together not all of them.

    While a server is resized, Nova holds room of both its sizes: some machine must have room for
    the whole new one, even if it is the machine that the server is on. What counts in the end is
    its growth. Passing is no promise, since servers can't be cut in pieces. What a smaller size
    gives back is not counted for new servers, which are made meanwhile.
    """
    mend = "add a compute node, take smaller sizes, or remove what is no longer needed"
    wanted = [*new.servers, *(size for _, size in new.resized)]
    for size in {(s.vcpus, s.ram_mb, s.disk_gb): s for s in wanted}.values():
        if not any(machine.holds(size) for machine in machines):
            yield HoabanError(
                f"no machine of the cloud has room for a server of {size.vcpus} vCPUs, "
                f"{size.ram_mb} MiB of memory and {size.disk_gb} GiB of disk",
                mend=mend,
            )
    for name, words in WORDS.items():
        need = sum(classes(size)[name] for size in new.servers) + max(0, _growth(new, name))
        shares = [machine.free[name] for machine in machines if name in machine.free]
        if shares and sum(shares) < need:
            yield HoabanError(
                f"the cloud has {int(sum(shares))} {words} left, {need} more are planned",
                mend=mend,
            )


def _growth(new: NewThings, name: str) -> int:
    """What resized servers take more than now, of one resource class; less than 0 if they shrink.

    What one gives back, another can have.
    """
    return sum(classes(after)[name] - classes(before)[name] for before, after in new.resized)


def volume_errors(volumes: Sequence[int], pools: Sequence[float]) -> Iterator[HoabanError]:
    """Errors when the volumes don't fit into what the storage pools have left, in GiB."""
    mend = "add storage to the cloud's volume service, or plan smaller volumes"
    if volumes and max(volumes) > max(pools, default=0):
        yield HoabanError(
            f"no storage pool has room for a volume of {max(volumes)} GiB; "
            f"the roomiest has {int(max(pools, default=0))} GiB left",
            mend=mend,
        )
    elif sum(volumes) > sum(pools):
        yield HoabanError(
            f"the cloud has {int(sum(pools))} GiB left for volumes, "
            f"{sum(volumes)} GiB more are planned",
            mend=mend,
        )
