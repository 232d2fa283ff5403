"""Ansible filters for the hosts of the inventory."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hoaban.model.rules import BACKUP
from hoaban.model.spec import Retention

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

LEAST_KEPT: dict[str, int] = Retention().model_dump()
"""While there is no client yet; what the files say unless told otherwise."""


def as_peers(hosts: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Hosts (values of ``hoaban_host``) as the role ``base`` lists peers: names and addresses."""
    return [
        {
            "name": host["name"],
            "fqdn": host["fqdn"],
            "addresses": [str(address) for address in host["addresses"].values() if address],
        }
        for host in hosts
    ]


def purpose(host: Mapping[str, Any]) -> str:
    """What a host is for: system and tier, or its services, or its zone."""
    parts = [part for part in (host.get("system"), host.get("tier")) if part]
    return " / ".join(parts) or ", ".join(host.get("services") or []) or str(host.get("zone"))


def keeper(hosts: Iterable[Mapping[str, Any]]) -> str:
    """Name of the backup host to which clients go, of all backup hosts; empty when there is none.

    One that stands by for another has no clients of its own.
    """
    return next((str(host["name"]) for host in hosts if not host.get("standby_of")), "")


def standbys(
    hosts: Iterable[Mapping[str, Any]],
    name: str,
    policies: Iterable[Mapping[str, Any] | None] = (),
) -> list[dict[str, Any]]:
    """Backup hosts that keep copies of ``name``, as ``backup_host_copies`` lists places.

    ``policies`` are those of all clients: a copy is kept for as long as the longest of them says.
    """
    retentions = [policy["retention"] for policy in policies if policy]
    keep = {
        period: max((int(one[period]) for one in retentions), default=least)
        for period, least in LEAST_KEPT.items()
    }
    return [
        {
            "name": host["name"],
            "repository": f"rest:https://{host['fqdn']}:{BACKUP.port}/{name}/",
            "host": host["name"],
            "keep": keep,
        }
        for host in hosts
        if host.get("standby_of") == name
    ]


class FilterModule:
    """The filters, by the names that expressions use."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Ansible asks for this."""
        return {
            "as_peers": as_peers,
            "purpose": purpose,
            "keeper": keeper,
            "standbys": standbys,
        }
