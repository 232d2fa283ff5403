"""Let resources of a state be deleted: the one change to a state that no program makes."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from hoaban.engine.embedded.backend import Backend, StackName
from hoaban.engine.embedded.ledger import Ledger
from hoaban.engine.embedded.lock import Lock
from hoaban.engine.embedded.project import Project
from hoaban.engine.embedded.store import open_stack
from hoaban.errors import HoabanError, Location

if TYPE_CHECKING:
    from collections.abc import Collection

    from hoaban.engine.api import Stack


def release(stack: Stack, urns: Collection[str]) -> None:
    """Take protection, and the wish to be retained, off these resources, under the stack's lock.

    The next ``up`` of a program that still registers them puts both back.
    """
    name = StackName(Project.load(stack.program).name, stack.name)
    with Lock(Backend(stack.backend), name):
        opened = open_stack(stack, create=True)
        loaded = opened.store.load()
        known = {one.urn for one in loaded.snapshot.resources}
        unknown = sorted(set(urns) - known)
        if unknown:
            raise HoabanError(
                f"the state has no resource {unknown[0]}",
                where=Location(file=str(Backend(stack.backend).checkpoint_file(name))),
                mend="take a URN from the state",
            )
        ledger = Ledger(opened.store, loaded.snapshot, base=loaded.base, persist=True)
        try:
            for one in loaded.snapshot.resources:
                if one.urn in urns and (one.protect or one.retain_on_delete):
                    ledger.change(one, replace(one, protect=False, retain_on_delete=False))
            ledger.commit()
        finally:
            ledger.close()
