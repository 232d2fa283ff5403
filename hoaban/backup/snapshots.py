"""Snapshots of a repository, as restic lists them, and which one is meant."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from hoaban.errors import HoabanError, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

_NANOSECONDS = re.compile(r"(\.\d{6})\d+")
LEAST_ID = 4
"""restic takes the beginning of an identifier; fewer characters are seldom unique."""


class Totals(BaseModel):
    """What restic counted when it made the snapshot."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    total_files_processed: int = 0
    total_bytes_processed: int = 0


class Snapshot(BaseModel):
    """One snapshot. ``time`` is when it began, with its zone; what else restic tells is left."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    id: str = Field(pattern=r"^[0-9a-f]{64}$")
    time: datetime
    hostname: str = ""
    paths: list[str] = []
    tags: list[str] = []
    summary: Totals | None = None

    @property
    def short(self) -> str:
        """The identifier as restic shows it."""
        return self.id[:8]

    @property
    def bytes(self) -> int | None:
        """Size of all that is in it, in bytes; None where restic did not count."""
        return self.summary.total_bytes_processed if self.summary else None

    @property
    def files(self) -> int | None:
        """How many files are in it; None where restic did not count."""
        return self.summary.total_files_processed if self.summary else None

    def age(self, now: datetime) -> timedelta:
        """How old it is."""
        return now - self.time

    def to_json(self, now: datetime) -> dict[str, Any]:
        """Plain values for ``--json``; seconds and bytes."""
        return {
            "id": self.id,
            "time": self.time.isoformat(),
            "age_seconds": round(self.age(now).total_seconds()),
            "bytes": self.bytes,
            "files": self.files,
            "paths": self.paths,
            "tags": self.tags,
        }


_LIST: TypeAdapter[list[Snapshot]] = TypeAdapter(list[Snapshot])


def parse(listing: Any) -> list[Snapshot]:
    """What ``restic snapshots --json`` printed, the oldest first.

    It comes from a host: what is no list of snapshots is an error, not trusted.
    """
    try:
        text = _NANOSECONDS.sub(r"\1", json.dumps(listing if listing is not None else []))
        found = _LIST.validate_json(text)
    except ValidationError as error:
        raise HoabanError(
            f"what the host lists are no snapshots: {error.errors()[0]['msg']}",
            mend="is it restic 0.17 or newer that answers there?",
        ) from error
    aware = [one for one in found if one.time.tzinfo is not None]
    return sorted(aware, key=lambda one: one.time)


def choose(
    snapshots: Sequence[Snapshot],
    host: str,
    *,
    at: datetime | None = None,
    identifier: str | None = None,
) -> Snapshot:
    """The newest snapshot, or the newest not after ``at``, or the one of that identifier."""
    if not snapshots:
        raise HoabanError(f"{host} has no snapshot yet", mend=f"hoaban backup run {host}")
    if identifier is not None:
        return _by_identifier(snapshots, host, identifier)
    if at is None:
        return snapshots[-1]
    before = [one for one in snapshots if one.time <= at]
    if not before:
        raise HoabanError(
            f"{host} has no snapshot as old as {at.isoformat(timespec='seconds')}",
            mend=f"its oldest is of {snapshots[0].time.isoformat(timespec='seconds')}",
        )
    return before[-1]


def _by_identifier(snapshots: Sequence[Snapshot], host: str, identifier: str) -> Snapshot:
    found = [one for one in snapshots if one.id.startswith(identifier)]
    if len(identifier) >= LEAST_ID and len(found) == 1:
        return found[0]
    what = "several snapshots" if len(found) > 1 else "no snapshot"
    raise HoabanError(
        f"{host} has {what} whose identifier begins with `{identifier}`",
        mend=f"hoaban backup list {host}",
    )


def moment(text: str) -> datetime:
    """A time as people write it: ISO 8601; without a zone it is this machine's."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise UsageError(
            f"`{text}` is no time",
            mend="write it as 2026-11-22T23:00 or, with its zone, 2026-11-22T23:00:00+07:00",
        ) from None
    return found.astimezone(UTC)
