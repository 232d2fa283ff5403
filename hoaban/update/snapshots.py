"""A backup of a host's data just before it is updated."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hoaban.backup.clients import client_of
from hoaban.backup.overview import run_now
from hoaban.backup.stream import RemoteHosts
from hoaban.errors import HoabanError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hoaban.inventory.fleet import ManagedHost
    from hoaban.remote import Remote


def ensure_possible(hosts: Sequence[ManagedHost]) -> None:
    """Refuse hosts that hold data of which no backup was promised."""
    bare = [host.name for host in hosts if host.plan.volumes and client_of(host) is None]
    if bare:
        raise HoabanError(
            f"{', '.join(bare)} {'holds' if len(bare) == 1 else 'hold'} data of which no backup "
            "was promised, so there is no snapshot to be had",
            mend="name other agencies or hosts (--host), or go without --snapshot",
        )


def keep(remote: Remote, host: ManagedHost) -> str | None:
    """Back a host up now; the snapshot's identifier, None for a host that holds no data."""
    if client_of(host) is None:
        return None
    ran = run_now(RemoteHosts(remote), host.name)
    if ran.error is not None:
        raise ran.error
    identifier = (ran.state.get("snapshot") or {}).get("id")
    if not identifier:
        raise HoabanError(
            f"{host.name}: the backup ended and names no snapshot",
            mend=f"see what there is: hoaban backup list {host.name}",
        )
    return str(identifier)
