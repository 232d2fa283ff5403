"""Reboots hosts, and waits until each has come back with its pinned key."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Final

from hoaban.errors import HoabanError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hoaban.converge.reach import Door
    from hoaban.inventory.fleet import ManagedHost

BOOT_ID: Final = ("cat", "/proc/sys/kernel/random/boot_id")
"""Another one at each boot (random(4))."""
ANEW: Final = ("-o", "ControlPath=none")
"""A connection of its own: one that is kept may be to the boot that ended."""
PAUSE_SECONDS: Final = 3.0
ASK_SECONDS: Final = 45.0


def reboot(door: Door, hosts: Sequence[ManagedHost]) -> dict[str, HoabanError]:
    """Reboot hosts at one time; why one did not come back, by host.

    Each is waited for as long as a boot may take (``cloud.boot_seconds`` of the province's file).
    """
    with ThreadPoolExecutor(max_workers=max(1, len(hosts))) as pool:
        found = zip(hosts, pool.map(lambda host: _one(door, host), hosts), strict=True)
        return {host.name: error for host, error in found if error is not None}


def _one(door: Door, host: ManagedHost) -> HoabanError | None:
    before = door.remote.run(host.name, BOOT_ID)
    if not before.ok:
        return door.explain(host, before)
    asked = door.remote.run(host.name, ["sudo", "-n", "systemctl", "reboot"], timeout=ASK_SECONDS)
    if not asked.ok and asked.trouble is None:
        return HoabanError(
            f"{host.name} does not reboot: {asked.stderr or f'status {asked.status}'}",
            mend=f"see why: hoaban ssh {host.name} -- systemctl status reboot.target",
        )
    kept = [host.name, *(door.fleet.hosts if door.fleet.bastion is host else ())]
    for name in dict.fromkeys(kept):  # all ways that lead through it are cut
        door.remote.close(name)
    deadline = time.monotonic() + door.console.boot_seconds
    while True:
        result = door.remote.run(host.name, BOOT_ID, *ANEW, timeout=ASK_SECONDS)
        if result.ok and result.stdout.strip() != before.stdout.strip():
            return None
        if time.monotonic() + PAUSE_SECONDS >= deadline:
            break
        time.sleep(PAUSE_SECONDS)
    if result.ok:
        return HoabanError(
            f"{host.name} was told to reboot and did not",
            mend=f"see why: hoaban ssh {host.name} -- systemctl list-jobs",
        )
    return door.explain(host, result)
