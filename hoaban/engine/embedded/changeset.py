"""Several blobs of a stack changed as one: a crash leaves all as they were, or all changed.

All that is new is written beside first, under ``changes/<project>/<stack>/``; then one blob,
``manifest.json``, says what goes where: from that instant on the change has happened. Whoever opens
the stack next moves what is not in its place yet; that takes no passphrase, and can be done twice.

Files of this machine (configuration, passphrases) may be among them: they wait beside their places.
"""

from __future__ import annotations

import contextlib
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from hoaban.engine.embedded.backend import StackName
from hoaban.engine.embedded.lock import Lock
from hoaban.engine.storage.base import explained
from hoaban.files import sync_folder, write_atomic

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hoaban.engine.embedded.backend import Backend

PREFIX: Final = "changes/"
_MANIFEST: Final = "manifest.json"
_PRIVATE: Final = 0o600


@dataclass(slots=True)
class Changeset:
    """A change of several blobs of ``stacks``, whose locks are held. The first gives its place."""

    backend: Backend
    stacks: Sequence[StackName]
    _steps: list[dict[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        _sweep(self.backend, self._prefix)

    @property
    def _prefix(self) -> str:
        return _prefix_of(self.stacks[0])

    def put(self, content: bytes, *keys: str) -> None:
        """A blob is to have this content, under one key or several."""
        staged = f"{self._prefix}{len(self._steps):06}"
        self.backend.storage.write(staged, content)
        self._steps.append({"move": staged, "to": list(keys)})

    def move(self, key: str, to: str) -> None:
        """A blob is to have another key."""
        self._steps.append({"move": key, "to": [to]})

    def drop_log(self, key: str) -> None:
        """A log is to go."""
        self._steps.append({"drop": key})

    def write(self, file: Path, content: bytes) -> None:
        """A private file of this machine is to have this content."""
        staged = _beside(file)
        with explained(file):
            write_atomic(staged, content, mode=_PRIVATE)
        self.rename(staged, file)

    def rename(self, file: Path, to: Path) -> None:
        """A file of this machine is to have another name."""
        self._steps.append({"rename": str(file.absolute()), "to": str(to.absolute())})

    def commit(self) -> None:
        """Let it happen."""
        body = {"stacks": [str(one) for one in self.stacks], "steps": self._steps}
        self.backend.storage.write(f"{self._prefix}{_MANIFEST}", json.dumps(body).encode())
        _carry_out(self.backend, self._prefix)


def finish(backend: Backend, name: StackName, *, locked: bool) -> bool:
    """Finish a change of this stack that was interrupted; tells whether there was one.

    ``locked`` when the caller holds the stack's lock. One that had not happened yet is forgotten.
    """
    keys = [one.key for one in backend.storage.list(PREFIX)]
    found = False
    for key in keys:
        if not key.endswith(f"/{_MANIFEST}"):
            continue
        stacks = [StackName.parse(one) for one in _manifest(backend, key).get("stacks", ())]
        if name not in stacks:
            continue
        with contextlib.ExitStack() as locks:
            for one in stacks:
                if one != name or not locked:
                    locks.enter_context(Lock(backend, one))
            _carry_out(backend, key.removesuffix(_MANIFEST))
            found = True
    if locked and not found and any(key.startswith(_prefix_of(name)) for key in keys):
        _sweep(backend, _prefix_of(name))
    return found


def _prefix_of(name: StackName) -> str:
    return f"{PREFIX}{name.project}/{name.stack}/"


def _beside(file: Path) -> Path:
    return file.with_name(f".{file.name}.next")


def _manifest(backend: Backend, key: str) -> dict[str, Any]:
    content = backend.storage.read(key)  # gone when somebody else was faster
    body: dict[str, Any] = json.loads(content) if content is not None else {}
    return body


def _carry_out(backend: Backend, prefix: str) -> None:
    storage = backend.storage
    for step in _manifest(backend, f"{prefix}{_MANIFEST}").get("steps", ()):
        if "drop" in step:
            storage.delete_log(step["drop"])
        elif "rename" in step:
            _rename(Path(step["rename"]), Path(step["to"]))
        elif storage.exists(step["move"]):  # else it was moved before
            for key in step["to"]:
                storage.copy(step["move"], key)
            storage.delete(step["move"])
    storage.delete(f"{prefix}{_MANIFEST}")
    _sweep(backend, prefix)


def _rename(file: Path, to: Path) -> None:
    with explained(to):
        if file.exists():
            to.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            file.replace(to)
            sync_folder(to.parent)


def _sweep(backend: Backend, prefix: str) -> None:
    for blob in backend.storage.list(prefix):
        backend.storage.delete(blob.key)
