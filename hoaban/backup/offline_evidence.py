"""What an offline copy came to, as it goes into the journal."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from hoaban.model.types import Model

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from hoaban.backup.journal import Entry

KIND = "offline-copy"


class CopiedClient(Model):
    """The copy of one client on the volume, as the host tells it.

    ``files`` and ``bytes`` were written and read again from the volume; ``part`` of ``parts`` of
    all that the volume holds of the client was read as well.
    """

    name: str
    snapshots: int | None = None
    newest: datetime | None = None
    added: int = 0
    files: int = 0
    bytes: int = 0
    part: int | None = None
    parts: int | None = None
    error: str | None = None


class OfflineCopy(Model):
    """One volume that was attached, written, verified and detached."""

    schema_version: Literal[1] = 1
    kind: Literal["offline-copy"] = "offline-copy"
    host: str
    volume: str
    volume_id: str
    toolkit: str
    ordered: datetime
    detached: datetime | None = None
    """When the cloud said that no server had the volume any more; None when it never did."""
    took_seconds: float | None = None
    clients: list[CopiedClient] = Field(default_factory=list)
    free_bytes: int | None = None
    size_bytes: int | None = None
    trouble: str | None = None
    """What kept the copy from its end."""
    left_attached: str | None = None
    """Why the volume could not be detached; None when it is."""

    @property
    def broken(self) -> list[str]:
        """What is not as it must be, in words; nothing for a copy that counts."""
        return list(self._broken())

    def _broken(self) -> Iterator[str]:
        if self.trouble is not None:
            yield self.trouble
        elif not self.clients:
            yield f"{self.host} keeps no backups, so nothing was copied"
        for one in self.clients:
            if one.error is not None:
                yield f"{one.name}: {one.error}"
        if self.left_attached is not None:
            yield f"{self.volume} could not be detached: {self.left_attached}"

    def record(self) -> dict[str, Any]:
        """Plain values for the journal, with the verdict and its reasons."""
        broken = self.broken
        verdict = "failed" if broken else "copied"
        return {**self.model_dump(mode="json"), "verdict": verdict, "broken": broken}


def offline_in(entries: Iterable[Entry]) -> list[tuple[Entry, OfflineCopy]]:
    """The offline copies of a journal, the oldest first."""
    found = []
    for entry in entries:
        if entry.record.get("kind") == KIND:
            fields = {k: v for k, v in entry.record.items() if k in OfflineCopy.model_fields}
            with suppress(ValidationError):
                found.append((entry, OfflineCopy.model_validate(fields)))
    return found


class _ReadBack(BaseModel):
    model_config = ConfigDict(extra="ignore")
    files: int = 0
    bytes: int = 0


class _Check(BaseModel):
    model_config = ConfigDict(extra="ignore")
    part: int | None = None
    parts: int | None = None


class _Client(BaseModel):
    model_config = ConfigDict(extra="ignore")
    error: str | None = None
    added: int = 0
    snapshots: int | None = None
    newest: datetime | None = None
    read_back: _ReadBack = _ReadBack()
    check: _Check = _Check()


class HostFile(BaseModel):
    """The host's own file about its last copy to a volume."""

    model_config = ConfigDict(extra="ignore")
    started: str = ""
    outcome: str = ""
    clients: dict[str, _Client] = Field(default_factory=dict)
    free_bytes: int | None = None
    size_bytes: int | None = None

    def copied(self) -> list[CopiedClient]:
        """What it tells of each client."""
        return [
            CopiedClient(
                name=name,
                snapshots=one.snapshots,
                newest=one.newest,
                added=one.added,
                files=one.read_back.files,
                bytes=one.read_back.bytes,
                part=one.check.part,
                parts=one.check.parts,
                error=one.error,
            )
            for name, one in sorted(self.clients.items())
        ]

    def known(self) -> Mapping[str, Any]:
        """Fields of the evidence."""
        room = {"free_bytes": self.free_bytes, "size_bytes": self.size_bytes}
        return {"clients": self.copied(), **room}
