"""What the engine asks of a place that keeps state.

A key is a path below ``.pulumi``, such as ``stacks/agency/so-y-te.json``. Blobs are replaced whole:
whoever reads one gets the old or the new content, at every instant.
"""

from __future__ import annotations

import contextlib
from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from hoaban.errors import HoabanError, Location

if TYPE_CHECKING:
    from collections.abc import Iterator

Place: TypeAlias = Path | str
"""The folder that holds ``.pulumi``, or its URL in Pulumi's grammar."""


class StateWriteError(HoabanError):
    """The state's place takes no more: the disk is full, or may not be written."""


class ExpelledError(StateWriteError):
    """Another writer took over; what this one would write is refused."""


class StateReadError(HoabanError):
    """The state's place doesn't answer, or may not be read."""


@contextlib.contextmanager
def explained(where: Path | str) -> Iterator[None]:
    """Turn a failed write into an error that says what is safe and what to do."""
    try:
        yield
    except OSError as error:
        raise StateWriteError(
            f"cannot write the state: {error.strerror}",
            where=Location(file=str(where)),
            mend=f"make room or give access under {str(where).rpartition('/')[0]}, then run the "
            "same command again; the file that was there is intact",
        ) from error


@dataclass(frozen=True, slots=True)
class Blob:
    """A blob as a listing tells of it; ``modified`` in seconds since 1970, by the place's clock."""

    key: str
    modified: float


class Log(ABC):
    """A blob that grows. What :meth:`sync` has made last is never lost, and never reordered.

    One thread at a time may :meth:`write` or :meth:`cut`; :meth:`sync` may run beside them.
    """

    @abstractmethod
    def write(self, content: bytes) -> None:
        """Add to what the next :meth:`cut` takes. Raises :class:`OSError` when it can't."""

    @abstractmethod
    def cut(self) -> None:
        """Have the next :meth:`sync` cover all that was written so far."""

    @abstractmethod
    def sync(self) -> None:
        """Return when all up to the last cut will be there after a power cut."""

    @abstractmethod
    def close(self) -> None:
        """Let go of it; it stays."""


class Storage(ABC):
    """Blobs by key. Reading raises :class:`StateReadError`, writing :class:`StateWriteError`."""

    url: str
    """The place in Pulumi's grammar, without credentials."""

    @abstractmethod
    def where(self, key: str) -> str:
        """How people find a blob: its file, or its URL."""

    @abstractmethod
    def copy_command(self, source: str, target: str) -> str:
        """What a person types to put one blob in the place of another."""

    @abstractmethod
    def read(self, key: str) -> bytes | None:
        """The content of a blob; None when there is none."""

    @abstractmethod
    def list(self, prefix: str) -> list[Blob]:
        """All blobs whose keys begin with a prefix that ends in ``/``, by key."""

    @abstractmethod
    def write(self, key: str, content: bytes, *, keep_as: str = "") -> None:
        """Put a blob in place in one step; what was there is kept under ``keep_as``."""

    @abstractmethod
    def create(self, key: str, content: bytes) -> bool:
        """Put a blob where there is none: of many that try, one is told True."""

    @abstractmethod
    def copy(self, source: str, target: str) -> None:
        """Put a copy of a blob in place; nothing when there is none."""

    @abstractmethod
    def delete(self, key: str) -> None:
        """Remove a blob, if it is there."""

    @abstractmethod
    def begin_log(self, key: str, first: bytes) -> Log:
        """Begin a log, in place of an older one; what is ``first`` lasts when this returns."""

    @abstractmethod
    def reopen_log(self, key: str) -> Log:
        """Go on with a log; a last line without its end is cut away."""

    @abstractmethod
    def read_log(self, key: str) -> bytes | None:
        """All of a log that lasts; None when there is none. Its last line may be cut off."""

    @abstractmethod
    def delete_log(self, key: str) -> None:
        """Remove a log in one step, if it is there."""

    @abstractmethod
    def seal_log(self, key: str) -> None:
        """Keep a log as it is from whoever has it open; nothing when there is none."""

    @abstractmethod
    def admitted(self, writer: str) -> Storage:
        """The same place for one writer, ``GROUP/NUMBER.TOKEN``, until it is expelled.

        What it writes later raises :class:`ExpelledError`, as far as the place can tell.
        """

    @abstractmethod
    def expel(self, group: str, number: int, *, but: str = "") -> None:
        """Refuse what a group's writers up to a number would write, all but one of them."""

    @abstractmethod
    def dismiss(self, writer: str) -> None:
        """Forget a writer that will write no more."""

    @abstractmethod
    def expelled(self) -> bool:
        """Whether this writer is known to be expelled, without a look over the network."""

    @abstractmethod
    def modified(self, key: str) -> float | None:
        """When a blob was put in place, in seconds since 1970; None when there is none."""

    def exists(self, key: str) -> bool:
        """Whether a blob is there."""
        return self.modified(key) is not None
