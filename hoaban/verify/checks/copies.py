"""Second copies of backups, at the standbys of the backup host."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from hoaban.verify.checks.base import both, judged
from hoaban.verify.checks.kept import HOUR, kept_problems, untold
from hoaban.verify.model import Finding, Status

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hoaban.backup.clients import Client
    from hoaban.backup.watch import CopyState
    from hoaban.model.types import Text
    from hoaban.verify.scene import Scene

FIRST_HOURS: Final = 48
"""As the role backup_host has it: how long a first copy may take, and how old the last may be."""


def copied(scene: Scene, client: Client) -> Iterator[Finding]:
    """A finding for each standby; none where the backup host has none."""
    for standby in scene.fleet.hosts.values():
        keeper = standby.plan.standby_of
        if keeper is None:
            continue
        copy = scene.backups.copies.get(client.name, {}).get(standby.name)
        if copy is None:
            yield untold(scene, client.name, keeper)
            continue
        problems = list(_problems(scene, client, standby.name, copy))
        if not problems and copy.age is None:
            waiting = both(
                f"máy mới, chưa chép sang {standby.name} lần nào",
                f"a new host, not copied to {standby.name} yet",
            )
            yield Finding(host=client.name, status=Status.SKIP, evidence=waiting)
            continue
        yield judged(client.name, problems, _measured(standby.name, copy))


def _problems(scene: Scene, client: Client, standby: str, copy: CopyState) -> Iterator[Text]:
    state = copy.state
    if state is not None and state.outcome != "done":
        yield both(
            f"chép sang {standby} thất bại: {state.error}",
            f"copying to {standby} failed: {state.error}",
        )
    allowed = state.hours if state else max(FIRST_HOURS, client.policy.rpo_hours)
    if copy.age is not None and not -HOUR <= copy.age <= allowed * HOUR:
        yield both(
            f"bản sao ở {standby} {copy.age / HOUR:.1f} giờ tuổi, cho phép {allowed} giờ",
            f"the copy at {standby} is {copy.age / HOUR:.1f} h old, allowed are {allowed} h",
        )
    since = copy.since_age
    if since is None:  # nobody has tried: as old as the client's own backups
        told = scene.backups.clients.get(client.name)
        since = told.since_age if told else None
    if copy.age is None and since is not None and since > allowed * HOUR:
        yield both(
            f"{since / HOUR:.0f} giờ rồi vẫn chưa có bản sao nào ở {standby}",
            f"there is no copy at {standby} after {since / HOUR:.0f} h",
        )
    kept = scene.backups.kept.get(f"{standby}/{client.name}")
    for words in kept_problems(kept) if kept else ():
        yield both(f"{standby}: {words.vi}", f"{standby}: {words.en}")


def _measured(standby: str, copy: CopyState) -> Text:
    hours = (copy.age or 0) / HOUR
    count = copy.state.snapshots if copy.state else None
    return both(
        f"{count} bản ở {standby}, chép cách đây {hours:.1f} giờ",
        f"{count} snapshots at {standby}, copied {hours:.1f} h ago",
    )
