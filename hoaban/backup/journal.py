"""A journal whose entries are chained by SHA-256, so that no change of the past goes unseen.

One line an entry, in canonical JSON (sorted keys, no spaces)::

    {"digest":"…","number":2,"previous":"…","record":{…},"time":"2026-11-22T23:00:00+00:00"}

``digest`` is the SHA-256 (hex) of the canonical JSON of all other keys; ``previous`` is the digest
of the entry before, 64 zeros for the first. A chain alone does not tell that its last entries were
cut off: the file ``head`` beside it has the newest number and digest, and each verification and
report quotes the newest digest, so that the copies that people signed bear witness too.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from pydantic import ValidationError

from hoaban.errors import HoabanError, Location
from hoaban.files import write_atomic
from hoaban.model.types import Model

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

FIRST: Final = "0" * 64
"""What the first entry has as the digest of the one before."""


class Entry(Model):
    """One entry of the journal."""

    number: int
    time: datetime
    previous: str
    record: dict[str, Any]
    digest: str

    @property
    def line(self) -> str:
        """The entry as it stands in the file, without the line's end."""
        return canonical({**self._signed, "digest": self.digest})

    @property
    def _signed(self) -> dict[str, Any]:
        return signed(self.number, self.time, self.previous, self.record)

    @property
    def true_digest(self) -> str:
        """What the digest must be."""
        return digest_of(self._signed)


class Head(Model):
    """The newest entry, by number and digest; number 0 while there is none."""

    number: int = 0
    digest: str = FIRST


@dataclass(frozen=True, slots=True)
class Reading:
    """Entries as far as the chain holds, and the first fault in words (empty: there is none)."""

    entries: tuple[Entry, ...]
    fault: str = ""
    line: int | None = None

    @property
    def head(self) -> Head:
        """The newest of the entries."""
        if not self.entries:
            return Head()
        return Head(number=self.entries[-1].number, digest=self.entries[-1].digest)


class Journal:
    """The journal in a folder: ``journal.jsonl``, ``head``, and a lock among writers."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "journal.jsonl"
        self.head_file = folder / "head"
        self._lock = folder / "journal.lock"

    def append(self, record: Mapping[str, Any], time: datetime | None = None) -> Entry:
        """Add an entry; refuses to build on a chain that does not hold."""
        with self._alone():
            entries = self.entries()
            number, previous = len(entries) + 1, entries[-1].digest if entries else FIRST
            moment = time or datetime.now(UTC)
            plain = json.loads(canonical(record))
            entry = Entry(
                number=number,
                time=moment,
                previous=previous,
                record=plain,
                digest=digest_of(signed(number, moment, previous, plain)),
            )
            before = self.file.read_bytes() if entries else b""
            # The journal first: a head that is behind is an earlier entry, and no fault.
            write_atomic(self.file, before + entry.line.encode() + b"\n", mode=0o600)
            head = Head(number=number, digest=entry.digest)
            write_atomic(self.head_file, head.model_dump_json() + "\n", mode=0o600)
        return entry

    def entries(self) -> tuple[Entry, ...]:
        """All entries; an error when anything in the journal is not as it was written."""
        reading = self.read()
        if reading.fault:
            raise HoabanError(
                f"the journal of drills was changed or damaged: {reading.fault}",
                where=Location(file=str(self.file), line=reading.line),
                mend="take the journal and its head from a copy that verifies "
                "(hoaban backup journal verify); entries after the fault prove nothing",
            )
        return reading.entries

    def read(self) -> Reading:
        """Entries up to the first fault, and the fault."""
        try:
            content = self.file.read_bytes()
        except FileNotFoundError:
            content = b""
        reading = follow(content)
        return reading if reading.fault else self._with_head(reading)

    def _with_head(self, reading: Reading) -> Reading:
        """Compare with the head: what it knows of must be there, as it knows it."""
        try:
            head = Head.model_validate_json(self.head_file.read_bytes())
        except FileNotFoundError:
            if not reading.entries:
                return reading
            return Reading(reading.entries, f"its head {self.head_file.name} is gone")
        except ValidationError:
            return Reading(reading.entries, f"its head {self.head_file.name} can't be read")
        if head.number == 0:
            known = head.digest == FIRST
        else:
            known = any((e.number, e.digest) == (head.number, head.digest) for e in reading.entries)
        if known:
            return reading
        fault = (
            f"entry {head.number}, of which its head knows, is not in it "
            f"({len(reading.entries)} entries)"
        )
        return Reading(reading.entries, fault)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        self._lock.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with self._lock.open("w") as handle:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield


def follow(content: bytes) -> Reading:
    """Read a journal's bytes entry by entry, as far as the chain holds."""
    entries: list[Entry] = []
    *lines, rest = content.split(b"\n")
    for number, line in enumerate(lines, 1):
        fault, entry = _entry(line, number, entries[-1].digest if entries else FIRST)
        if entry is None:
            return Reading(tuple(entries), fault, number)
        entries.append(entry)
    if rest:
        return Reading(tuple(entries), "its last line is incomplete", len(lines) + 1)
    return Reading(tuple(entries))


def _entry(line: bytes, number: int, previous: str) -> tuple[str, Entry | None]:
    try:
        text = line.decode()
        entry = Entry.model_validate_json(text)
        same = entry.line == text
    except ValueError:  # pydantic's and the decoder's errors are ValueErrors too
        return f"line {number} is no entry", None
    if not same:
        return f"line {number} is not as it was written", None
    if entry.digest != entry.true_digest:
        return f"entry {number} does not have the digest that it bears", None
    if entry.number != number or entry.previous != previous:
        return f"entry {number} does not follow the one before", None
    return "", entry


def signed(number: int, time: datetime, previous: str, record: Mapping[str, Any]) -> dict[str, Any]:
    """What an entry's digest is of."""
    return {"number": number, "previous": previous, "record": record, "time": time.isoformat()}


def canonical(value: Mapping[str, Any]) -> str:
    """JSON of which there is only one form: sorted keys, no spaces, letters as they are."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def digest_of(value: Mapping[str, Any]) -> str:
    """SHA-256 (hex) of the canonical JSON."""
    return hashlib.sha256(canonical(value).encode()).hexdigest()
