"""Pulumi's file backend: where the files of a stack lie, and how they are read and written."""

from __future__ import annotations

import hashlib
import json
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from hoaban.engine.embedded.checkpoint import Checkpoint
from hoaban.engine.embedded.files import copy_blob, write_blob
from hoaban.engine.embedded.state import StateFormatError
from hoaban.errors import HoabanError, Location

if TYPE_CHECKING:
    from pathlib import Path

    from hoaban.engine.embedded.history import HistoryEntry

ORGANIZATION: Final = "organization"  # the only one a file backend knows
_META: Final = b"version: 1\n"  # projects have folders of their own


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


class Backend:
    """The folder that holds ``.pulumi``."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.folder = root / ".pulumi"

    def ensure(self) -> None:
        """Make the layout; one of another version is refused."""
        meta = self.folder / "meta.yaml"
        if not meta.exists():
            if (self.folder / "stacks").exists():
                raise HoabanError(
                    "the backend is of the old layout, without a folder for each project",
                    where=Location(file=str(self.folder)),
                    mend="pulumi state upgrade",
                )
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            write_blob(meta, _META)
        elif meta.read_bytes().strip() != _META.strip():
            raise HoabanError(
                f"the backend's layout is not known: {meta.read_text(encoding='utf-8').strip()}",
                where=Location(file=str(meta)),
                mend="use the engine that made it",
            )

    def checkpoint_file(self, name: StackName) -> Path:
        """The current checkpoint."""
        return self.folder / "stacks" / name.project / f"{name.stack}.json"

    def backup_file(self, name: StackName) -> Path:
        """The checkpoint before the current one."""
        file = self.checkpoint_file(name)
        return file.with_name(file.name + ".bak")

    def journal_file(self, name: StackName) -> Path:
        """What a running update did since the last checkpoint (known to this engine only)."""
        return self.folder / "journals" / name.project / f"{name.stack}.jsonl"

    def lock_folder(self, name: StackName) -> Path:
        """Where each operation on the stack puts a file of its own."""
        return self.folder / "locks" / ORGANIZATION / name.project / name.stack

    def read(self, name: StackName) -> tuple[Checkpoint | None, str]:
        """The checkpoint and the digest of its file; None when the stack has no state yet."""
        file = self.checkpoint_file(name)
        try:
            content = file.read_bytes()
        except FileNotFoundError:
            self._refuse_compressed(file)
            return None, digest(b"")
        except OSError as error:
            raise HoabanError(
                f"cannot read the state: {error.strerror}",
                where=Location(file=str(file)),
                mend="give this user access to the file",
            ) from error
        try:
            checkpoint = Checkpoint.parse(content)
            _ = checkpoint.salt
        except StateFormatError as error:
            raise self.explain(name, error) from error
        if checkpoint.stack != str(name):
            raise HoabanError(
                f"the file holds the state of {checkpoint.stack}, not of {name}",
                where=Location(file=str(file)),
                mend=f"put the file of {name} back: {self._restore(name)}",
            )
        return checkpoint, digest(content)

    def explain(self, name: StackName, error: StateFormatError) -> HoabanError:
        """An unreadable state, with the file and what there is to restore it from."""
        return HoabanError(
            f"the state cannot be used: {error.what}",
            where=Location(file=str(self.checkpoint_file(name))),
            mend=error.mend or self._restore(name),
        )

    def _restore(self, name: StackName) -> str:
        """The newest copy that can be used: one of the same content as the file may be damaged."""
        folder = self.folder / "backups" / name.project / name.stack
        copies = [one for one in (self.backup_file(name), *folder.glob("*.json")) if one.is_file()]
        copies.sort(key=lambda one: one.stat().st_mtime_ns, reverse=True)
        good = next((one for one in copies if _holds_state(one, name)), None)
        if good is None:
            return "take the file from your own backup; neither .bak nor backups/ has one to use"
        return (
            f"cp {good} {self.checkpoint_file(name)}, then see what has changed since: "
            f"{name.command('refresh')}"
        )

    @staticmethod
    def _refuse_compressed(file: Path) -> None:
        compressed = file.with_name(file.name + ".gz")
        if compressed.exists():
            raise HoabanError(
                "the state is compressed, which the embedded engine does not read",
                where=Location(file=str(compressed)),
                mend=f"gunzip {compressed}, and unset PULUMI_DIY_BACKEND_GZIP for pulumi",
            )

    def commit(self, name: StackName, content: bytes) -> str:
        """Replace the checkpoint, keeping the one before; returns the new one's digest."""
        write_blob(self.checkpoint_file(name), content, keep_as=self.backup_file(name))
        return digest(content)

    def add_history(self, name: StackName, entry: HistoryEntry) -> None:
        """Keep the current checkpoint as the result of one operation."""
        now = time.time_ns()
        folder = self.folder / "history" / name.project / name.stack
        content = json.dumps(entry.to_json(), indent="\t", ensure_ascii=False).encode()
        write_blob(folder / f"{name.stack}-{now}.history.json", content)
        checkpoint = self.checkpoint_file(name)
        copy_blob(checkpoint, folder / f"{name.stack}-{now}.checkpoint.json")
        backups = self.folder / "backups" / name.project / name.stack
        copy_blob(checkpoint, backups / f"{name.stack}.{now}.json")

    def stacks(self) -> list[StackName]:
        """All stacks that have a state."""
        found = (self.folder / "stacks").glob("*/*.json")
        return sorted(
            (StackName(file.parent.name, file.name.removesuffix(".json")) for file in found),
            key=str,
        )


def _holds_state(file: Path, name: StackName) -> bool:
    try:
        return Checkpoint.parse(file.read_bytes()).stack == str(name)
    except (OSError, StateFormatError):
        return False


def digest(content: bytes) -> str:
    """What tells one checkpoint from another: SHA-256, hexadecimal."""
    return hashlib.sha256(content).hexdigest()
