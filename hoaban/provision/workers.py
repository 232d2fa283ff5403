"""Processes of this machine that work on agencies side by side, and how Ctrl-C reaches them.

They start fresh (spawn), since Pulumi's SDK keeps state in its module. A terminal's Ctrl-C does not
reach them: each is a session of its own, and does what this process says by a number they share.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
from concurrent.futures import CancelledError, Executor, ProcessPoolExecutor
from typing import TYPE_CHECKING, Any, Final

from hoaban import interrupts

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Future

GO, STOP, ABANDON = range(3)
WATCH_SECONDS: Final = 0.2
MOST: Final = 8
STOPPING: Final = (
    "stopping: agencies that have not begun are left, those under way come to a state that is "
    "whole (Ctrl-C again stops at once)"
)


def usual_count() -> int:
    """How many agencies this machine takes side by side: one a core, two at least.

    A job waits for the cloud about as long as it computes.
    """
    return max(2, min(MOST, os.cpu_count() or 1))


class Workers(Executor):
    """A process pool whose workers can be told to stop."""

    def __init__(self, count: int) -> None:
        context = multiprocessing.get_context("spawn")
        self._level: Any = context.Value("i", GO, lock=False)
        self._futures: list[Future[Any]] = []
        self._pool = ProcessPoolExecutor(
            count, mp_context=context, initializer=_begin, initargs=(self._level,)
        )

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Have a worker call a function; see :class:`concurrent.futures.Executor`."""
        # A worker that is just starting must not die of a Ctrl-C that is meant for this process.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            future = self._pool.submit(_heedful, fn, *args, **kwargs)
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
        self._futures.append(future)
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """End the workers when they are done; those that leave by themselves are not waited for."""
        self._pool.shutdown(wait and not self.abandoned, cancel_futures=cancel_futures)

    @property
    def stopping(self) -> bool:
        """Whether the person asked to stop."""
        return bool(self._level.value != GO)

    @property
    def abandoned(self) -> bool:
        """Whether the person asked a second time."""
        return bool(self._level.value == ABANDON)

    def stop(self) -> None:
        """Take back what has not begun; let what is under way come to a whole state."""
        self._level.value = STOP
        for future in self._futures:
            future.cancel()
        interrupts.announce(STOPPING)

    def abandon(self) -> None:
        """Let the workers leave at once."""
        self._level.value = ABANDON


class _Own:
    """What a worker knows of itself."""

    level: Any = None
    busy = False
    orphaned = False

    @classmethod
    def stopping(cls) -> bool:
        return cls.orphaned or (cls.level is not None and cls.level.value != GO)


def _begin(level: Any) -> None:
    """Prepare a worker, in its own process."""
    os.setsid()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    interrupts.mute()
    _Own.level = level
    threading.Thread(target=_watch, daemon=True).start()


def _watch() -> None:
    """Pass on, once, that it is asked to stop; leave when told, or when there is nobody left."""
    parent = multiprocessing.parent_process()
    told = False
    while True:
        time.sleep(WATCH_SECONDS)
        if _Own.level.value == ABANDON:
            interrupts.leave()
        if parent is not None and not parent.is_alive():
            _Own.orphaned = True
            if not _Own.busy:
                interrupts.leave()
        if _Own.stopping() and not told:
            told = True
            ident = threading.main_thread().ident
            assert ident is not None  # noqa: S101 (it has started)
            signal.pthread_kill(ident, signal.SIGINT)


def _heedful(fn: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """Call a function, unless it is asked to stop; Ctrl-C means something only meanwhile."""
    _Own.busy = True
    try:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        if _Own.stopping():
            raise CancelledError
        return fn(*args, **kwargs)
    except KeyboardInterrupt:
        # It struck before an operation of an engine began, or after one: nothing is half done.
        raise CancelledError from None
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        _Own.busy = False
