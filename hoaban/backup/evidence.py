"""What a drill measured, as it goes into the journal."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field, ValidationError

from hoaban.model.types import Model

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from hoaban.backup.journal import Entry

CLOCK_ERROR = timedelta(minutes=5)
"""How far a snapshot may seem to come from the future."""


class Verdict(StrEnum):
    """What a drill came to. ``unproved``: it could not be carried out, so nothing is known."""

    PROVED = "proved"
    FAILED = "failed"
    UNPROVED = "unproved"


class Difference(Model):
    """A file that did not come back as it was."""

    path: str
    what: str


class Files(Model):
    """Restored files against the manifest of the backup.

    ``same`` came back as the manifest has them; ``changed`` were written while the backup was made,
    so that the manifest tells of another state; ``unknown`` came later than the manifest.
    """

    same: int = 0
    bytes: int = 0
    changed: int = 0
    unknown: int = 0
    differences: int = 0
    examples: list[Difference] = Field(default_factory=list)


class Database(Model):
    """A database that was restored from its dump; ``problem`` None when all rows were there.

    ``untried`` tells why there was nowhere to restore it into, so that nothing is known of it.
    """

    name: str
    tables: int
    rows: int
    problem: str | None = None
    untried: str | None = None


class Drill(Model):
    """One drill of one host. Seconds everywhere; times with their zone."""

    schema_version: Literal[1] = 1
    kind: Literal["restore-drill"] = "restore-drill"
    agency: str
    host: str
    toolkit: str
    ordered: datetime
    rpo_seconds: int
    rto_seconds: int
    snapshot: str | None = None
    snapshot_time: datetime | None = None
    took_seconds: float | None = None
    """From the order until all was restored and compared; None when it did not come to that."""
    phases: dict[str, float] = Field(default_factory=dict)
    files: Files | None = None
    databases: list[Database] = Field(default_factory=list)
    trouble: str | None = None
    """What kept the drill from its end."""
    left_behind: str | None = None
    """Why the scratch server could not be removed; None when it is gone."""

    @property
    def age(self) -> timedelta | None:
        """How much would have been lost, had the host been lost when the drill was ordered."""
        return self.ordered - self.snapshot_time if self.snapshot_time else None

    @property
    def broken(self) -> list[str]:
        """What of the promise was found broken, in words."""
        return list(self._broken())

    @property
    def verdict(self) -> Verdict:
        """Broken anything is failed; proved needs an end, and something that was compared."""
        if self.broken:
            return Verdict.FAILED
        done = self.trouble is None and self.took_seconds is not None
        compared = self.files is not None and self.files.same > 0
        whole = not any(one.untried for one in self.databases)
        return Verdict.PROVED if done and compared and whole else Verdict.UNPROVED

    @property
    def why_unproved(self) -> str:
        """Why nothing is known, for a verdict that says so."""
        if self.trouble is not None:
            return self.trouble
        if self.files is None:
            return "the snapshot holds no manifest of checksums to compare with"
        untried = [f"database {one.name}: {one.untried}" for one in self.databases if one.untried]
        return "; ".join(untried) or "no file could be compared"

    def _broken(self) -> Iterator[str]:
        if self.age is not None and self.age < -CLOCK_ERROR:
            yield f"the newest snapshot is of the future ({self.snapshot_time}): a clock is wrong"
        if self.age is not None and self.age.total_seconds() > self.rpo_seconds:
            yield (
                f"the newest snapshot was {self.age.total_seconds() / 3600:.1f} h old, "
                f"allowed are {self.rpo_seconds / 3600:g} h (RPO)"
            )
        if self.took_seconds is not None and self.took_seconds > self.rto_seconds:
            yield (
                f"the restore took {self.took_seconds / 3600:.1f} h, "
                f"allowed are {self.rto_seconds / 3600:g} h (RTO)"
            )
        if self.files is not None and self.files.differences:
            first = self.files.examples[0] if self.files.examples else None
            more = f", first {first.path}: {first.what}" if first else ""
            yield f"{self.files.differences} files did not come back as they were{more}"
        for one in self.databases:
            if one.problem is not None:
                yield f"database {one.name}: {one.problem}"

    def record(self) -> dict[str, Any]:
        """Plain values for the journal, with the verdict and its reasons."""
        return {
            **self.model_dump(mode="json"),
            "verdict": str(self.verdict),
            "broken": self.broken,
        }


def drills_in(entries: Iterable[Entry]) -> list[tuple[Entry, Drill]]:
    """The drills of a journal, the oldest first; what this version can't read proves nothing."""
    found = []
    for entry in entries:
        if entry.record.get("kind") == "restore-drill":
            with suppress(ValidationError):
                found.append((entry, Drill.model_validate(known(entry.record))))
    return found


def known(record: dict[str, Any]) -> dict[str, Any]:
    """What of a record is a drill's field: the verdict follows from the others."""
    return {key: value for key, value in record.items() if key in Drill.model_fields}
