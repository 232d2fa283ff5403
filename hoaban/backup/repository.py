"""A repository as a host reaches it: its snapshots, and what a restore would do and does."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from hoaban.backup.snapshots import parse
from hoaban.errors import HoabanError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from hoaban.backup.access import Access
    from hoaban.backup.snapshots import Snapshot
    from hoaban.backup.stream import Hosts

OWN_ACCESS: Final = "/etc/hoaban-backup"
"""Folder of a client's own access, made by the role backup_client."""
LOCK_PATIENCE: Final = "30m"
"""The backup host holds the repository's lock while it prunes; a restore waits for it."""
MIB: Final = 1 << 20
FATAL: Final = "Fatal: "
"""Begins the line in which restic says why it gave up."""
NO_PROGRAM: Final = 127
MENDS: Final = {
    # restic's exit statuses: https://restic.readthedocs.io/en/stable/075_scripting.html
    10: "no backup was ever made: hoaban backup run HOST",
    11: "somebody else works on the repository (restic locks it): wait, then run the same again",
    12: "the password is not the repository's: is the escrow of this very host, and of today?",
    NO_PROGRAM: "the role backup_client has not been here: hoaban converge its agency",
}


@dataclass(frozen=True, slots=True)
class What:
    """What is restored to where: all of a snapshot, or the ``paths``, below ``target``.

    ``delete``: what lies at the restored places and is not in the snapshot is removed.
    """

    snapshot: Snapshot
    target: str
    paths: Sequence[str] = ()
    delete: bool = False

    def arguments(self) -> list[str]:
        """Arguments for restic.

        To delete, places are named even for the whole, so that nothing beside them can go.
        """
        places = self.paths or (self.snapshot.paths if self.delete else ())
        includes = [part for place in places for part in ("--include", literal(place))]
        more = ["--delete"] if self.delete else []
        return ["restore", self.snapshot.id, "--target", self.target, "--json", *includes, *more]


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """What a restore would do: files (and new folders) by what becomes of them, some by name."""

    restored: int = 0
    updated: int = 0
    unchanged: int = 0
    deleted: int = 0
    names: Mapping[str, Sequence[str]] = field(default_factory=dict)

    @property
    def touched(self) -> int:
        """How many files there are that would be overwritten or deleted."""
        return self.updated + self.deleted

    @property
    def total(self) -> int:
        """How many files and folders it is about."""
        return self.restored + self.updated + self.unchanged + self.deleted


@dataclass(frozen=True, slots=True)
class Restored:
    """What a restore wrote: files and folders, and their bytes."""

    files: int
    bytes: int


@dataclass(slots=True)
class _Heard:
    """What an agent said, sorted."""

    lines: list[Any] = field(default_factory=list)
    counts: Mapping[str, int] = field(default_factory=dict)
    names: Mapping[str, Sequence[str]] = field(default_factory=dict)
    status: int = -1
    words: str = ""


class Repository:
    """One client's repository, reached from the host ``via``, with its own or a lent access."""

    def __init__(
        self, hosts: Hosts, client: str, via: str | None = None, access: Access | None = None
    ) -> None:
        self.client = client
        self.via = via or client
        self._hosts = hosts
        self._access = access

    def snapshots(self) -> list[Snapshot]:
        """All snapshots, the oldest first."""
        heard = self._restic(["snapshots", "--json", "--no-lock"])
        listing = next((line for line in heard.lines if isinstance(line, list)), [])
        return parse(listing)

    def rehearse(self, what: What) -> Rehearsal:
        """What the restore would do; nothing is written."""
        heard = self._restic([*what.arguments(), "--no-lock", "--dry-run", "--verbose=2"])
        kinds = ("restored", "updated", "unchanged", "deleted")
        counts = {kind: int(heard.counts.get(kind, 0)) for kind in kinds}
        return Rehearsal(**counts, names=heard.names)

    def restore(
        self, what: What, progress: Callable[[str], None], *, verify: bool = True
    ) -> Restored:
        """Restore; ``progress`` gets words. With ``verify`` all is read again and compared."""

        def tell(line: Mapping[str, Any]) -> None:
            if line.get("message_type") == "status":
                progress(_words(line))

        more = [f"--retry-lock={LOCK_PATIENCE}", *(["--verify"] if verify else [])]
        heard = self._restic([*what.arguments(), *more], tell)
        summary = next(
            (
                line
                for line in reversed(heard.lines)
                if isinstance(line, dict) and line.get("message_type") == "summary"
            ),
            None,
        )
        if summary is None:
            raise HoabanError(
                f"{self.via}: restic ended without saying what it restored",
                mend="run the same again",
                detail=heard.words or None,
            )
        return Restored(_whole(summary, "files_restored"), _whole(summary, "bytes_restored"))

    def _restic(
        self, arguments: Sequence[str], on_line: Callable[[Mapping[str, Any]], None] | None = None
    ) -> _Heard:
        heard = _Heard()

        def take(event: Mapping[str, Any]) -> None:
            match event.get("event"):
                case "restic":
                    line = event.get("line")
                    if on_line and isinstance(line, dict):
                        on_line(line)
                    if not (isinstance(line, dict) and line.get("message_type") == "status"):
                        heard.lines.append(line)
                case "files":
                    heard.counts = event.get("counts") or {}
                    heard.names = {key: event.get(key) or [] for key in ("updated", "deleted")}
                case "end":
                    heard.status = _whole(event, "status")
                    heard.words = str(event.get("words") or "")

        asked: dict[str, Any] = {"arguments": list(arguments)}
        if self._access is None:
            asked["folder"] = OWN_ACCESS
        else:
            asked["access"] = self._access.asked()
        self._hosts.run(self.via, "restic", asked, take)
        if heard.status != 0:
            raise self._failed(heard)
        return heard

    def _failed(self, heard: _Heard) -> HoabanError:
        plain = plain_words(heard.words)
        said = plain.splitlines() or [f"status {heard.status}"]
        last = next((line for line in said if line.startswith(FATAL)), said[-1])
        mend = MENDS.get(
            heard.status, "the detail is what restic said; hoaban verify looks further"
        )
        return HoabanError(
            f"{self.via}: the backups of {self.client} can't be used: {last.removeprefix(FATAL)}",
            mend=mend.replace("HOST", self.client),
            detail=plain if "\n" in plain else None,
        )


def plain_words(words: str) -> str:
    """What restic said on its error output, out of the JSON that it may be in."""
    lines = []
    for line in words.splitlines():
        try:
            told = json.loads(line)
        except ValueError:
            told = None
        if isinstance(told, dict):
            inner = told.get("error")
            text = told.get("message") or (inner.get("message") if isinstance(inner, dict) else "")
            lines.append(": ".join(str(part) for part in (told.get("item"), text) if part) or line)
        else:
            lines.append(line)
    return "\n".join(lines)


def literal(path: str) -> str:
    """A path as a pattern of restic's that means it alone (Go's filepath.Match)."""
    return "".join(f"\\{letter}" if letter in "*?[]\\" else letter for letter in path)


def _words(status: Mapping[str, Any]) -> str:
    share = status.get("percent_done")
    done = f"{100 * share:.0f} %" if isinstance(share, int | float) else ""
    files = f"{_whole(status, 'files_restored')} of {_whole(status, 'total_files')} files"
    size = f"{_whole(status, 'bytes_restored') / MIB:.0f} MiB"
    return ", ".join(part for part in (done, files, size) if part)


def _whole(line: Mapping[str, Any], key: str) -> int:
    value = line.get(key)
    return int(value) if isinstance(value, int | float) else 0
