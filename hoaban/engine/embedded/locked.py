"""What is said when the lock of a stack is another's."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import psutil

from hoaban.engine.embedded.lease import Life
from hoaban.engine.storage import ExpelledError
from hoaban.errors import HoabanError, Location

if TYPE_CHECKING:
    from hoaban.engine.embedded.backend import StackName
    from hoaban.engine.embedded.lease import Holder


class LockedError(HoabanError):
    """Another operation on the stack is running, or died without cleaning up."""

    def __init__(self, name: StackName, holders: list[Holder]) -> None:
        self.holders = holders
        who = "; ".join(map(str, holders))
        stopped = [one for one in holders if _is_stopped(one)]
        if stopped:
            mend = (
                f"its process is stopped: kill -CONT {stopped[0].pid} lets it go on; "
                f"if it must not: {name.command('cancel')}"
            )
        elif all(one.lease for one in holders):
            seconds = max(one.span for one in holders)
            mend = (
                f"wait until it ends; if it died, its lease ends within {seconds:.0f} s, and the "
                "same command then takes over"
            )
        else:
            mend = f"wait until it ends; if you know that it died: {name.command('cancel')}"
        super().__init__(
            f"stack {name} is locked ({who})", where=Location(file=holders[0].where), mend=mend
        )


class LostLockError(ExpelledError):
    """The lock was taken over while this process did not renew it; it has written nothing since."""

    def __init__(self, name: StackName, by: str) -> None:
        super().__init__(
            f"this run has lost the lock of {name} to {by}; it stopped and wrote nothing more",
            mend=f"see what the other run makes of it, then: {name.command('plan')}",
        )


def _is_stopped(holder: Holder) -> bool:
    if holder.process is not Life.ALIVE:
        return False
    with contextlib.suppress(psutil.Error):
        return bool(psutil.Process(holder.pid).status() == psutil.STATUS_STOPPED)
    return False
