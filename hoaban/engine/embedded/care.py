"""A state taken from outside, looked through and put right."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from hoaban.engine.embedded import repair
from hoaban.engine.embedded.backend import Backend
from hoaban.engine.embedded.copies import copies
from hoaban.engine.embedded.custody import decoded, held, missing, name_of, problems_of
from hoaban.engine.embedded.exports import imported, strangers
from hoaban.engine.embedded.restore import past
from hoaban.engine.embedded.store import open_stack
from hoaban.engine.embedded.urns import STACK_TYPE
from hoaban.engine.embedded.verify import problems
from hoaban.errors import HoabanError, Location

if TYPE_CHECKING:
    from hoaban.engine.api import Stack
    from hoaban.engine.embedded.state import Snapshot


def import_deployment(stack: Stack, text: bytes, *, force: bool = False) -> Snapshot:
    """Take an exported deployment for the stack's state, which must be of this stack and valid.

    Its secrets may be in plain text, or encrypted under this stack's passphrase (with whatever
    salt). ``force`` takes one of another stack, and one that is not valid.
    """
    with held(stack, valid=False, exists=False) as one:
        store = one.store
        checkpoint = imported(text, one.name)
        snapshot = decoded(stack, store, checkpoint, store.backend.where(one.name))
        foreign = strangers(snapshot.resources, one.name)
        if foreign and not force:
            raise HoabanError(
                f"{len(foreign)} resources are of another stack",
                where=Location(urn=foreign[0]),
                mend="give a deployment of this stack; or, if you mean it: --force",
            )
        if not force:
            problems_of(snapshot, one.name)
            one.commit(snapshot, "stack import")
            return snapshot
        snapshot.salt = store.crypter.salt
        store.backend.keep(one.name)
        store.commit(store.encode(snapshot))
        store.backend.storage.delete_log(store.journal_key)
        one.note("stack import --force")
        return snapshot


def verify(stack: Stack) -> list[str]:
    """All that is wrong with a stack's state, in words; nothing is locked or changed."""
    name, backend = name_of(stack), Backend(stack.backend)
    try:
        opened = open_stack(stack, create=False)
        checkpoint, base = backend.read(name)
        content = opened.store.journal()
        if checkpoint is None and content is None:
            raise missing(name)
        loaded = opened.store.completed(checkpoint, base, content, valid=False)
    except HoabanError as error:
        if error.what == missing(name).what:
            raise
        return [str(error)]
    found = problems(loaded.snapshot.resources)
    found += [f"{urn} is of another stack" for urn in strangers(loaded.snapshot.resources, name)]
    found += [
        f"{one.resource.urn}: an interrupted run was {one.type} it, how that ended is not known"
        for one in loaded.snapshot.pending
    ]
    if loaded.recovered:
        found.append(f"an interrupted run left {loaded.recovered} steps in its journal")
    roots = [one for one in loaded.snapshot.resources if one.type == STACK_TYPE and not one.delete]
    if len(roots) > 1:
        found.append(f"it has {len(roots)} roots, a stack has one")
    for copy in copies(backend, name):
        try:
            past(stack, opened.store, copy)
        except HoabanError as error:
            found.append(f"a copy cannot be restored: {copy.where}: {error.what}")
    return found


def mend(stack: Stack, *, dry_run: bool = False) -> repair.Repair:
    """Put a state right, as far as that needs no guess; nothing is written when all is well."""
    with held(stack, valid=False) as one:
        found = repair.repaired(one.snapshot.resources)
        if found.done and not dry_run:
            if found.left:
                raise HoabanError(
                    f"{len(found.left)} problems would be left, so nothing was changed",
                    mend=f"hoaban state delete URN takes out what is in the way; or "
                    f"{one.name.command('state restore')}",
                    detail="\n".join(found.left),
                )
            snapshot = replace(one.snapshot, resources=found.resources)
            one.commit(snapshot, "state repair")
        return found
