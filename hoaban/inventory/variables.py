"""What Ansible is told of hosts: the contract between stacks and roles.

Every name starts with ``hoaban_``; values are plain JSON values. Roles read these and nothing
else of the plan.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hoaban.model.spec import ProvinceService

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hoaban.inventory.fleet import Fleet, ManagedHost
    from hoaban.inventory.state import StackState

ALL_HOSTS = "managed"
SCRATCH = "scratch"
"""Servers of restore drills, which stand for less than an hour."""


def identifier(*parts: str) -> str:
    """A group's name from slugs: ``agency``, ``so-y-te`` → ``agency_so_y_te``."""
    return "_".join(parts).replace("-", "_")


def stack_group(state: StackState) -> str:
    """Name of the group of all hosts of one stack."""
    agency = state.outputs.environment.agency
    return "province" if agency is None else identifier("agency", agency)


def groups_of(host: ManagedHost) -> Iterator[str]:
    """Names of the groups that a host is in, apart from the group of its stack.

    A system's group carries its agency, since systems of two agencies may share a slug.
    """
    plan = host.plan
    if host.state.drill:
        yield SCRATCH
    yield identifier("zone", plan.zone)
    if plan.tier is not None:
        yield identifier("tier", plan.tier)
    if plan.system is not None:
        yield identifier("system", host.environment.agency or "province", plan.system)
    for service in plan.services:
        yield identifier("role", service)


def stack_variables(fleet: Fleet, state: StackState) -> dict[str, Any]:
    """Variables that all hosts of a stack share."""
    environment = state.outputs.environment
    settings = fleet.settings_of(state)
    shared = settings.model_dump(mode="json") if settings is not None else {}
    return {
        **{f"hoaban_{key}": value for key, value in shared.items()},
        "hoaban_agency": {
            "slug": environment.agency or "province",
            "name_vi": environment.name.vi,
            "name_en": environment.name.en,
            "security_level": environment.security_level,
        },
        "hoaban_domain": environment.domain,
    }


def host_variables(host: ManagedHost) -> dict[str, Any]:
    """Variables of one host: who and where it is, the flows it allows, its volumes."""
    plan = host.plan
    services = [str(service) for service in plan.services]
    return {
        "hoaban_host": {
            "name": plan.name,
            "fqdn": plan.fqdn,
            "system": plan.system,
            "tier": plan.tier,
            "zone": plan.zone,
            "role": plan.tier or (services[0] if services else "server"),
            "services": services,
            "standby_of": plan.standby_of,
            "addresses": {"ipv4": str(plan.ipv4), "ipv6": str(plan.ipv6)},
        },
        "hoaban_rules": [rule.model_dump(mode="json") for rule in host.rules],
        "hoaban_transit": [rule.model_dump(mode="json") for rule in host.transit],
        "hoaban_volumes": [
            {**volume.model_dump(mode="json"), "volume_id": host.output.volume_ids.get(volume.name)}
            for volume in plan.volumes
        ],
        "hoaban_offline": _offline(host),
        **_tunnels(host),
        "hoaban_backup": plan.backup.model_dump(mode="json") if plan.backup else None,
    }


def _offline(host: ManagedHost) -> dict[str, Any] | None:
    """Volumes of a third copy, by whose labels the host mounts the one that is attached."""
    offline = host.plan.offline
    if offline is None:
        return None
    return {
        "days": offline.days,
        "volumes": [
            {**one.model_dump(mode="json"), "volume_id": host.output.offline_ids.get(one.name)}
            for one in offline.volumes
        ],
    }


def _tunnels(host: ManagedHost) -> dict[str, Any]:
    """The plan of the VPN, for hubs alone: it knows of all offices."""
    vpn = host.environment.vpn
    if vpn is None or ProvinceService.VPN_HUB not in host.plan.services:
        return {}
    return {"hoaban_vpn": vpn.model_dump(mode="json")}
