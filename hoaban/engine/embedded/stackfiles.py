"""Stacks made, forgotten and renamed: what becomes of all their files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hoaban.engine.embedded import edits
from hoaban.engine.embedded.backend import NANO, Backend, StackName
from hoaban.engine.embedded.changeset import Changeset
from hoaban.engine.embedded.custody import Held, held, holds_objects, name_of, problems_of
from hoaban.engine.embedded.lock import Lock
from hoaban.engine.embedded.rotation import aside
from hoaban.engine.embedded.state import Snapshot
from hoaban.engine.embedded.store import Store, open_stack
from hoaban.errors import HoabanError, Location

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hoaban.engine.api import Stack
    from hoaban.engine.embedded.state import Resource


def init(stack: Stack) -> StackName:
    """Make a stack with an empty state."""
    name, backend = name_of(stack), Backend(stack.backend)
    backend.ensure()
    with Lock(backend, name):
        store = open_stack(stack, create=True, backend=backend).store
        if backend.read(name)[0] is not None or store.journal() is not None:
            raise HoabanError(
                f"the stack {name.project}/{name.stack} is there already",
                where=Location(file=backend.where(name)),
                mend=name.command("plan"),
            )
        store.commit(store.encode(Snapshot(salt=store.crypter.salt)))
    return name


def remove(stack: Stack, *, force: bool = False, keep_config: bool = False) -> list[Resource]:
    """Forget a stack; its history and backups stay, and its state is the newest of them.

    One that still holds something is refused, unless it is forced. Returns what it held.
    """
    with held(stack, valid=not force) as one:
        name, backend = one.name, one.store.backend
        having = [*holds_objects(one.snapshot), *(p.resource for p in one.snapshot.pending)]
        if having and not force:
            raise HoabanError(
                f"it still has {len(having)} resources, which nobody would own any more",
                where=Location(urn=having[0].urn),
                mend=f"{name.command('destroy')}; or, to forget them: --force",
            )
        backend.keep(name)
        changes = Changeset(backend, [name])
        changes.move(backend.checkpoint_key(name), backend.backup_key(name))
        changes.drop_log(one.store.journal_key)
        if not keep_config and stack.config_file.exists():
            changes.rename(stack.config_file, aside(stack.config_file))
        changes.commit()
        return having


def rename(stack: Stack, new: Stack) -> int:
    """Give a stack another name: in its state, files, history and backups. Counts resources."""
    backend, target = Backend(stack.backend), name_of(new)
    with held(stack) as one, Lock(backend, target):
        name = one.name
        if name.project != target.project:
            raise HoabanError(f"{target.project} is another project than {name.project}")
        if backend.read(target)[0] is not None or new.config_file.exists():
            raise HoabanError(
                f"there is a stack {target.project}/{target.stack}, or its configuration",
                where=Location(file=str(new.config_file)),
                mend="take another name, or: hoaban stack rm",
            )
        snapshot = edits.moved(one.snapshot, name.project, name.stack, target.stack)
        problems_of(snapshot, target)
        store = Store(backend, target, one.store.crypter)
        backend.keep(name)
        changes = Changeset(backend, [name, target])
        changes.put(store.encode(snapshot), backend.checkpoint_key(target))
        changes.move(backend.checkpoint_key(name), backend.backup_key(target))
        changes.drop_log(one.store.journal_key)
        changes.rename(stack.config_file, new.config_file)
        own = stack.passphrase_of(name.project, name.stack)
        if own != stack.passphrase_file:
            changes.rename(own, own.with_name(f"{target.project}.{target.stack}"))
        for key, renamed in _past(backend, name, target):
            changes.move(key, renamed)
        changes.commit()
        with_new = Held(new, open_stack(new, create=True), one.loaded)
        with_new.note(f"stack rename {name.stack} {target.stack}", kind="rename")
        return len(snapshot.resources)


def _past(backend: Backend, name: StackName, target: StackName) -> Iterator[tuple[str, str]]:
    """Keys of history and backups, and what they are called under the new name."""
    storage, before = backend.storage, backend.backup_key(name)
    modified = storage.modified(before)
    if modified is not None:
        stamp = int(modified * NANO)
        yield before, f"{backend.backups_prefix(target)}{target.stack}.{stamp}.json"
    for of in (Backend.history_prefix, Backend.backups_prefix):
        prefix = of(name)
        for blob in storage.list(prefix):
            rest = blob.key.removeprefix(prefix).removeprefix(name.stack)
            yield blob.key, f"{of(target)}{target.stack}{rest}"
