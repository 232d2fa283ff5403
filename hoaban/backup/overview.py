"""``list`` and ``run``: what there is, and one more now."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from hoaban.backup.repository import Repository
from hoaban.errors import HoabanError, listed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hoaban.backup.clients import Client
    from hoaban.backup.snapshots import Snapshot
    from hoaban.backup.stream import Hosts

WRAPPER: Final = "/usr/local/sbin/hoaban-backup"
STATE: Final = "/var/lib/hoaban-backup/client.json"
SIDE_BY_SIDE: Final = 8


@dataclass(frozen=True, slots=True)
class Kept:
    """What there is of one client, or why that can't be told."""

    client: Client
    snapshots: Sequence[Snapshot]
    asked: datetime
    error: HoabanError | None = None

    @property
    def newest(self) -> Snapshot | None:
        """The newest snapshot."""
        return self.snapshots[-1] if self.snapshots else None

    @property
    def in_time(self) -> bool | None:
        """Whether the newest is as young as the policy wants it; None when nothing is known."""
        if self.error is not None:
            return None
        return self.newest is not None and self.newest.age(self.asked) <= self.client.rpo

    def to_json(self) -> dict[str, Any]:
        """Plain values for ``--json``."""
        return {
            "host": self.client.name,
            "agency": self.client.agency,
            "rpo_hours": self.client.policy.rpo_hours,
            "in_time": self.in_time,
            "snapshots": [one.to_json(self.asked) for one in self.snapshots],
            "errors": listed(self.error),
        }


def survey(hosts: Hosts, clients: Sequence[Client]) -> list[Kept]:
    """Ask all clients side by side; one that can't be asked is told with its error."""

    def ask(client: Client) -> Kept:
        try:
            found = Repository(hosts, client.name).snapshots()
        except HoabanError as error:
            return Kept(client, (), datetime.now(UTC), error)
        return Kept(client, found, datetime.now(UTC))

    with ThreadPoolExecutor(max_workers=SIDE_BY_SIDE) as pool:
        return list(pool.map(ask, clients))


@dataclass(frozen=True, slots=True)
class Ran:
    """One backup that was made now, or why not."""

    host: str
    state: dict[str, Any]
    error: HoabanError | None = None

    def to_json(self) -> dict[str, Any]:
        """Plain values for ``--json``."""
        last, made = self.state.get("last") or {}, self.state.get("snapshot") or {}
        return {
            "host": self.host,
            "ok": self.error is None,
            "seconds": last.get("seconds"),
            "snapshot": made.get("id"),
            "files": made.get("files"),
            "bytes": made.get("bytes"),
            "added_bytes": made.get("added_bytes"),
            "errors": listed(self.error),
        }


def run_now(hosts: Hosts, host: str) -> Ran:
    """Make a backup of one host now, and wait for its end."""
    try:
        _wrapper(hosts, host)
        answer = hosts.output(host, ["cat", STATE])
        state = json.loads(answer.stdout) if answer.ok else {}
    except HoabanError as error:
        return Ran(host, {}, error)
    except ValueError:
        state = {}
    return Ran(host, state if isinstance(state, dict) else {})


def _wrapper(hosts: Hosts, host: str) -> None:
    result = hosts.work(host, ["sudo", "-n", WRAPPER, "run"])
    if result.ok:
        return
    words = result.stderr.splitlines() or [f"status {result.status}"]
    if result.trouble is not None:
        raise HoabanError(
            f"{host}: no connection, or it was cut: {words[-1]}",
            mend=f"does it answer: hoaban ssh {host} -- true; then run the same again",
        )
    raise HoabanError(
        f"{host}: the backup failed: {words[-1]}",
        mend=f"hoaban ssh {host} -- sudo journalctl -u hoaban-backup tells more; "
        "was its agency converged since backups were promised?",
        detail="\n".join(words) if len(words) > 1 else None,
    )
