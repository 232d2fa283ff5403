"""Ansible filters for the hosts of the inventory."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping


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


class FilterModule:
    """The filters, by the names that expressions use."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Ansible asks for this."""
        return {"as_peers": as_peers, "purpose": purpose}
