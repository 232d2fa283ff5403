"""An inventory in figures: what ``hoaban check`` says when all is well."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hoaban.model.addresses import capacity
from hoaban.model.allocation import retired
from hoaban.model.ledger import Key

if TYPE_CHECKING:
    from hoaban.model.province import Province


@dataclass(frozen=True, slots=True)
class PoolUse:
    """How full a pool is: networks given (tombstones too), and networks that it has."""

    given: int
    capacity: int


@dataclass(frozen=True, slots=True)
class Summary:
    """Figures of an inventory; RAM in MiB, volumes in GiB."""

    province: str
    agencies: int
    agencies_by_kind: dict[str, int]
    systems: int
    hosts: int
    networks: int
    security_groups: int
    rules: int
    vcpus: int
    ram_mb: int
    volumes: int
    volumes_gb: int
    pools: dict[str, PoolUse]
    retired: int


def summarise(province: Province) -> Summary:
    """Work out all plans of a province and count what is in them.

    Also the last check: whatever keeps a plan from being worked out is raised here.
    """
    plans = [province.foundation(), *(province.environment(slug) for slug in province.agencies)]
    hosts = [host for plan in plans for host in plan.hosts]
    volumes = [volume for host in hosts for volume in host.every_volume]
    groups = [group for plan in plans for group in plan.security_groups]
    book = province.addresses.book
    given = Counter(key.kind for key in book.indexes)
    kinds = Counter(agency.kind.value for agency in province.agencies.values())
    pools = {
        name: PoolUse(given[key.kind], len(capacity(province.spec.pools, key)))
        for name, key in {
            "province": Key("zone", ""),
            "agencies": Key("agency", ""),
            "sites": Key("site", ""),
        }.items()
    }
    return Summary(
        province=province.spec.slug,
        agencies=len(province.agencies),
        agencies_by_kind=dict(sorted(kinds.items())),
        systems=sum(len(agency.systems) for agency in province.agencies.values()),
        hosts=len(hosts),
        networks=sum(len(plan.networks) for plan in plans),
        security_groups=len(groups),
        rules=sum(len(group.rules) for group in groups),
        vcpus=sum(host.size.vcpus for host in hosts),
        ram_mb=sum(host.size.ram_mb for host in hosts),
        volumes=len(volumes),
        volumes_gb=sum(volume.size_gb for volume in volumes),
        pools=pools,
        retired=len(retired(book, province.spec, province.agencies)),
    )
