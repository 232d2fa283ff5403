"""Backup hosts among each other: who keeps copies of whose backups, and by which rules."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from hoaban.model import rules
from hoaban.model.environment import OfflinePlan, VolumePlan
from hoaban.model.facts import both
from hoaban.model.faults import fault
from hoaban.model.problems import listed, near
from hoaban.model.rules import INGRESS, RuleBook
from hoaban.model.spec import ProvinceService
from hoaban.model.types import Text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hoaban.errors import HoabanError
    from hoaban.model.document import Document
    from hoaban.model.environment import SecurityGroupPlan
    from hoaban.model.facts import Facts
    from hoaban.model.spec import ProvinceHost, ProvinceSpec

COPIES = Text(vi="Chép bản sao thứ hai sang máy dự phòng", en="Second copies to the standby")


OFFLINE_MOUNT: Final = "/srv/offline"
"""Where a volume of the third copy is mounted while it is written."""
OFFLINE_LABEL: Final = "offline"


def standby_group(province: str) -> str:
    """Name of the group of the backup hosts that keep copies alone."""
    return f"{province}-backup-standby"


def standby_rules(facts: Facts) -> SecurityGroupPlan:
    """What a standby takes: copies of the backup host that it stands by for, and no client."""
    book = RuleBook()
    book.allow(INGRESS, rules.BACKUP, rules.hosts(both(facts.keepers())), COPIES)
    name = standby_group(facts.spec.slug)
    return book.group(name, f"{facts.spec.name.en}: copies of backups")


def offline_plan(name: str, host: ProvinceHost) -> OfflinePlan | None:
    """The volumes of a host's third copy; all are mounted at one place, one at a time."""
    if host.offline is None:
        return None
    labels = [f"{OFFLINE_LABEL}-{number}" for number in range(1, host.offline.volumes + 1)]
    return OfflinePlan(
        days=host.offline.days,
        volumes=[
            VolumePlan(
                name=f"{name}-{label}",
                label=label,
                size_gb=host.offline.size_gb,
                mount=OFFLINE_MOUNT,
                filesystem="xfs",
            )
            for label in labels
        ],
    )


def check_backup_hosts(document: Document, spec: ProvinceSpec) -> Iterator[HoabanError]:
    """Faults of backup hosts, and of those that stand by for them."""
    hosts = {
        name: host
        for name, host in spec.hosts.items()
        if ProvinceService.BACKUP_HOST in host.services
    }
    keepers = [name for name, host in hosts.items() if host.standby_of is None]
    for name, host in spec.hosts.items():
        if name in hosts and not host.volumes:
            yield fault(
                document,
                ("hosts", name, "volumes"),
                f"the backup host `{name}` has no volume, so backups would have no place of their "
                "own",
                "add a volume: {name: backup, size_gb: 100, mount: /srv/backup}",
            )
        yield from _standby(document, name, host, keepers)
        yield from _offline(document, name, host)
    if len(keepers) > 1:
        yield fault(
            document,
            ("hosts", keepers[1], "services"),
            f"all clients go to the backup host `{keepers[0]}`, so `{keepers[1]}` would keep "
            "nothing",
            f"for copies: add `standby_of: {keepers[0]}` to host `{keepers[1]}`; else take the "
            "service away",
        )


def _standby(
    document: Document, name: str, host: ProvinceHost, keepers: list[str]
) -> Iterator[HoabanError]:
    other = host.standby_of
    if other is None:
        return
    if ProvinceService.BACKUP_HOST not in host.services:
        yield fault(
            document,
            ("hosts", name, "standby_of"),
            f"`{name}` is to keep copies of backups, and has no service `backup_host`",
            f"add `backup_host` to the services of host `{name}`",
        )
    if other not in keepers:
        has = listed(keepers) if keepers else "none"
        yield fault(
            document,
            ("hosts", name, "standby_of"),
            f"`{name}` is to keep copies of `{other}`, which is no backup host with clients",
            near(other, keepers) or f"the province has {has}",
        )


def _offline(document: Document, name: str, host: ProvinceHost) -> Iterator[HoabanError]:
    if host.offline is None:
        return
    if ProvinceService.BACKUP_HOST not in host.services:
        yield fault(
            document,
            ("hosts", name, "offline"),
            f"`{name}` is to keep copies of backups, and has no service `backup_host`",
            f"add `backup_host` to the services of host `{name}`, or give `offline` to a host "
            "that has it",
        )
    for position, volume in enumerate(host.volumes):
        if volume.mount == OFFLINE_MOUNT or volume.mount.startswith(f"{OFFLINE_MOUNT}/"):
            yield fault(
                document,
                ("hosts", name, "volumes", position, "mount"),
                f"{volume.mount} is where the volumes of the third copy are mounted in turn",
                "mount this volume elsewhere",
            )
        if volume.name.startswith(f"{OFFLINE_LABEL}-"):
            yield fault(
                document,
                ("hosts", name, "volumes", position, "name"),
                f"`{volume.name}` is a name of volumes of the third copy",
                "give this volume another name",
            )
