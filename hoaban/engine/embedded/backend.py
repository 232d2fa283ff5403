"""Pulumi's own backend: where the blobs of a stack lie, and how they are read and written."""

from __future__ import annotations

import hashlib
import json
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from hoaban.engine.embedded.checkpoint import Checkpoint
from hoaban.engine.embedded.state import StateFormatError
from hoaban.engine.storage import open_storage
from hoaban.errors import HoabanError, Location

if TYPE_CHECKING:
    from hoaban.engine.embedded.history import HistoryEntry
    from hoaban.engine.embedded.lock import Lock
    from hoaban.engine.storage import Place, Storage

ORGANIZATION: Final = "organization"  # the only one a file backend knows
META: Final = "meta.yaml"
NANO: Final = 1_000_000_000  # stamps in names are nanoseconds since 1970
_LAYOUT: Final = b"version: 1\n"  # projects have folders of their own


@dataclass(frozen=True, slots=True)
class StackName:
    """A stack's place in a backend."""

    project: str
    stack: str

    def __str__(self) -> str:
        return f"{ORGANIZATION}/{self.project}/{self.stack}"

    def command(self, verb: str) -> str:
        """The command line of a verb for this stack."""
        if self.project == "drill":  # no verb is about it alone: drills begin by clearing it away
            return f"hoaban backup drill {self.stack} --clean"
        return f"hoaban {verb} {self.stack}" if self.project == "agency" else f"hoaban {verb}"

    @classmethod
    def parse(cls, text: str) -> StackName:
        """The name that :meth:`__str__` writes."""
        _, project, stack = text.split("/")
        return cls(project, stack)


class Backend:
    """The stacks of a place."""

    def __init__(self, place: Place) -> None:
        self.storage: Storage = open_storage(place)
        self.lock: Lock | None = None

    def check(self) -> None:
        """Raise when this process held a lock in this backend and has lost it."""
        if self.lock is not None:
            self.lock.check()

    def ensure(self) -> None:
        """Make the layout; one of another version is refused."""
        meta = self.storage.read(META)
        if meta is None:
            if self.storage.list("stacks/"):
                raise HoabanError(
                    "the backend is of the old layout, without a folder for each project",
                    where=Location(file=self.storage.where("stacks")),
                    mend="pulumi state upgrade",
                )
            self.storage.write(META, _LAYOUT)
        elif meta.strip() != _LAYOUT.strip():
            raise HoabanError(
                "the backend's layout is not known: "
                f"{meta.decode('utf-8', errors='replace').strip()}",
                where=Location(file=self.storage.where(META)),
                mend="use the engine that made it",
            )

    @staticmethod
    def checkpoint_key(name: StackName) -> str:
        """The current checkpoint."""
        return f"stacks/{name.project}/{name.stack}.json"

    @classmethod
    def backup_key(cls, name: StackName) -> str:
        """The checkpoint before the current one."""
        return f"{cls.checkpoint_key(name)}.bak"

    @staticmethod
    def journal_key(name: StackName) -> str:
        """What a running update did since the last checkpoint (known to this engine only)."""
        return f"journals/{name.project}/{name.stack}.jsonl"

    @staticmethod
    def backups_prefix(name: StackName) -> str:
        """Where the result of each operation is kept."""
        return f"backups/{name.project}/{name.stack}/"

    @staticmethod
    def history_prefix(name: StackName) -> str:
        """Where the entry of each operation is kept, and its result once more."""
        return f"history/{name.project}/{name.stack}/"

    @staticmethod
    def locks_prefix(name: StackName) -> str:
        """Where each operation on the stack puts a blob of its own."""
        return f"locks/{ORGANIZATION}/{name.project}/{name.stack}/"

    @staticmethod
    def leases_prefix(name: StackName) -> str:
        """Where each operation of this engine claims its turn."""
        return f"leases/{name.project}/{name.stack}/"

    def where(self, name: StackName) -> str:
        """How people find a stack's checkpoint: its file, or its URL."""
        return self.storage.where(self.checkpoint_key(name))

    def read(self, name: StackName) -> tuple[Checkpoint | None, str]:
        """The checkpoint and the digest of its content; None when the stack has no state yet."""
        content = self.storage.read(self.checkpoint_key(name))
        if content is None:
            self._refuse_compressed(name)
            return None, digest(b"")
        try:
            checkpoint = Checkpoint.parse(content)
            _ = checkpoint.salt
        except StateFormatError as error:
            raise self.explain(name, error) from error
        if checkpoint.stack != str(name):
            raise HoabanError(
                f"the file holds the state of {checkpoint.stack}, not of {name}",
                where=Location(file=self.where(name)),
                mend=f"put the file of {name} back: {self._restore(name)}",
            )
        return checkpoint, digest(content)

    def explain(self, name: StackName, error: StateFormatError) -> HoabanError:
        """An unreadable state, with the file and what there is to restore it from."""
        return HoabanError(
            f"the state cannot be used: {error.what}",
            where=Location(file=self.where(name)),
            mend=error.mend or self._restore(name),
        )

    def _restore(self, name: StackName) -> str:
        """The newest copy that can be used: one of the same content as the file may be damaged."""
        backup = self.backup_key(name)
        copies = [
            *(one for one in self.storage.list(f"stacks/{name.project}/") if one.key == backup),
            *(one for one in self.storage.list(self.backups_prefix(name))),
        ]
        copies.sort(key=lambda one: one.modified, reverse=True)
        good = next((one.key for one in copies if self._holds_state(one.key, name)), None)
        if good is None:
            return "take the file from your own backup; neither .bak nor backups/ has one to use"
        command = self.storage.copy_command(good, self.checkpoint_key(name))
        return f"{command}, then see what has changed since: {name.command('refresh')}"

    def keep(self, name: StackName) -> None:
        """Keep the current checkpoint among the backups, before it is changed by hand.

        One that cannot be read as a state is kept too, under a name that no restore looks at.
        """
        key = self.checkpoint_key(name)
        modified = self.storage.modified(key)
        if modified is None:
            return
        suffix = "json" if self._holds_state(key, name) else "damaged"
        stamp, content = int(modified * NANO), self.storage.read(key)
        begin = f"{self.backups_prefix(name)}{name.stack}"
        # Some places tell times to the second: another checkpoint of that second stays.
        while self.storage.read(f"{begin}.{stamp}.{suffix}") not in (None, content):
            stamp += 1
        self.storage.copy(key, f"{begin}.{stamp}.{suffix}")

    def _holds_state(self, key: str, name: StackName) -> bool:
        try:
            return Checkpoint.parse(self.storage.read(key) or b"").stack == str(name)
        except StateFormatError:
            return False

    def _refuse_compressed(self, name: StackName) -> None:
        compressed = f"{self.checkpoint_key(name)}.gz"
        if self.storage.exists(compressed):
            where = self.storage.where(compressed)
            raise HoabanError(
                "the state is compressed, which the embedded engine does not read",
                where=Location(file=where),
                mend=f"gunzip {where}, and unset PULUMI_DIY_BACKEND_GZIP for pulumi",
            )

    def commit(self, name: StackName, content: bytes, *, base: str = "") -> str:
        """Replace the checkpoint, keeping the one before; returns the new one's digest.

        ``base`` is the digest of the checkpoint that the new one follows. Where another stands by
        now, an engine wrote it without minding the lock, and it stays.
        """
        self.check()
        current = self.storage.read(self.checkpoint_key(name)) if base else None
        if current is not None and digest(current) != base:
            raise HoabanError(
                "the state was changed by another program while this run went on, and was not "
                "overwritten; what this run did is in its journal",
                where=Location(file=self.where(name)),
                mend=f"see what has become of it: {name.command('refresh')}",
            )
        self.storage.write(self.checkpoint_key(name), content, keep_as=self.backup_key(name))
        return digest(content)

    def add_history(self, name: StackName, entry: HistoryEntry) -> None:
        """Keep the current checkpoint as the result of one operation."""
        self.check()
        now = time.time_ns()
        prefix = f"{self.history_prefix(name)}{name.stack}-{now}"
        content = json.dumps(entry.to_json(), indent="\t", ensure_ascii=False).encode()
        self.storage.write(f"{prefix}.history.json", content)
        checkpoint = self.checkpoint_key(name)
        self.storage.copy(checkpoint, f"{prefix}.checkpoint.json")
        self.storage.copy(checkpoint, f"{self.backups_prefix(name)}{name.stack}.{now}.json")

    def stacks(self) -> list[StackName]:
        """All stacks that have a state."""
        return self._names("stacks/", ".json")

    def journals(self) -> list[StackName]:
        """All stacks on which an operation runs, or died."""
        return self._names("journals/", ".jsonl")

    def forgotten(self) -> list[StackName]:
        """All stacks of which there are copies, whether or not they still have a state."""
        parts = [one.key.split("/") for one in self.storage.list("backups/")]
        return sorted({StackName(one[1], one[2]) for one in parts if len(one) == 4}, key=str)  # noqa: PLR2004

    def _names(self, prefix: str, suffix: str) -> list[StackName]:
        found = [one.key.removeprefix(prefix).split("/") for one in self.storage.list(prefix)]
        return sorted(
            (
                StackName(parts[0], parts[1].removesuffix(suffix))
                for parts in found
                if len(parts) == 2 and parts[1].endswith(suffix)  # noqa: PLR2004 (project, stack)
            ),
            key=str,
        )


def digest(content: bytes) -> str:
    """What tells one checkpoint from another: SHA-256, hexadecimal."""
    return hashlib.sha256(content).hexdigest()
