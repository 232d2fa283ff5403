"""Processes of this machine that work on agencies side by side, and how Ctrl-C reaches them.

They start fresh (spawn), since Pulumi's SDK keeps state in its module. A terminal's Ctrl-C does not
reach them: each is a session of its own, and does what this process says by a number they share.

Where one dies, Python's pool is done for and ends all others by SIGTERM. They take that as a word
to stop well; only the task of the dead one is lost, the rest is done by a fresh pool.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
from concurrent.futures import (
    FIRST_COMPLETED,
    CancelledError,
    Executor,
    Future,
    ProcessPoolExecutor,
    wait,
)
from concurrent.futures.process import BrokenProcessPool
from typing import TYPE_CHECKING, Any, Final, TypeVar

from hoaban import interrupts
from hoaban.engine.embedded.engine import ABANDONED, GO_ON

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator, Sequence

Task = TypeVar("Task")
Result = TypeVar("Result")

GO, STOP, ABANDON = range(3)
WAITING, UNDER_WAY, ENDED = range(3)
WATCH_SECONDS: Final = 0.2
LOOK_UP_SECONDS: Final = 0.5  # a signal's handler runs only when the main thread moves
MOST: Final = 8
MOST_TASKS: Final = 1 << 16
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
        self._fates: Any = context.Array("b", MOST_TASKS, lock=False)
        self._futures: list[Future[Any]] = []
        self._pool = ProcessPoolExecutor(
            count, mp_context=context, initializer=_begin, initargs=(self._level, self._fates)
        )

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Have a worker call a function; see :class:`concurrent.futures.Executor`."""
        # A worker that is just starting must not die of a Ctrl-C that is meant for this process.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            future = self._pool.submit(_heedful, len(self._futures), fn, *args, **kwargs)
        except BrokenProcessPool as broken:  # a worker died while it was starting
            future = Future()
            future.set_exception(broken)
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
        self._futures.append(future)
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """End the workers when they are done; those that leave by themselves are not waited for."""
        self._pool.shutdown(wait and not self.abandoned, cancel_futures=cancel_futures)

    def settle(self) -> None:
        """Return when all workers of a broken pool have ended, or are not to be waited for."""
        ending = threading.Thread(target=self._pool.shutdown, daemon=True)
        ending.start()
        while ending.is_alive() and not self.abandoned:
            ending.join(LOOK_UP_SECONDS)

    def died(self, future: Future[Any]) -> bool:
        """Whether its worker went away in the midst of it; known once all is settled."""
        return bool(self._fates[self._futures.index(future)] == UNDER_WAY)

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


def as_they_come(
    futures: Iterable[Future[Result]], given_up: Callable[[], bool]
) -> Iterator[Future[Result]]:
    """Futures that are done or were taken back.

    Where the caller stops listening, what has not begun is taken back, and what is under way goes
    on. Nothing is waited for once ``given_up`` says so.
    """
    pending = set(futures)
    try:
        while pending and not given_up():
            done, pending = wait(pending, LOOK_UP_SECONDS, FIRST_COMPLETED)
            # A pool tells only later, and a broken one never, that it leaves out what is cancelled.
            taken_back = {future for future in pending if future.cancelled()}
            pending -= taken_back
            yield from done | taken_back
    finally:
        for future in futures:
            future.cancel()


def side_by_side(
    fn: Callable[[Task], Result], tasks: Sequence[Task], count: int
) -> Iterator[tuple[Task, Future[Result]]]:
    """Have workers call a function with each task; hears Ctrl-C.

    There is one future for each task, cancelled for those that were taken back. Only a task whose
    own worker died has :class:`BrokenProcessPool`: those that were stopped along with it are done
    again. Raises :class:`~hoaban.interrupts.Abandoned` after a second Ctrl-C.
    """
    left = list(tasks)
    while left:
        left = yield from _in_one_pool(fn, left, count)


def _in_one_pool(
    fn: Callable[[Task], Result], tasks: Sequence[Task], count: int
) -> Generator[tuple[Task, Future[Result]], None, list[Task]]:
    """Call a function with each task; returns those that a fresh pool is to do."""
    lost: dict[Future[Result], Task] = {}
    workers = Workers(min(count, len(tasks)))
    with workers, interrupts.heard(workers.stop, workers.abandon):
        futures = {workers.submit(fn, task): task for task in tasks}
        for future in as_they_come(futures, lambda: workers.abandoned):
            if _broken(future):
                lost[future] = futures[future]
            else:
                yield futures[future], future
        if lost:
            workers.settle()
        if workers.abandoned:
            raise interrupts.Abandoned(ABANDONED, mend=GO_ON)
    # None died of its task where a worker could not even start: no use in trying again.
    dead = {future for future in lost if workers.died(future)} or set(lost)
    for future in dead:
        yield lost.pop(future), future
    if not workers.stopping:
        return list(lost.values())
    for task in lost.values():
        taken_back: Future[Result] = Future()
        taken_back.cancel()
        yield task, taken_back
    return []


def _broken(future: Future[Any]) -> bool:
    return not future.cancelled() and isinstance(future.exception(), BrokenProcessPool)


class _Own:
    """What a worker knows of itself."""

    level: Any = None
    fates: Any = None
    busy = False
    orphaned = False

    @classmethod
    def stopping(cls) -> bool:
        return cls.orphaned or (cls.level is not None and cls.level.value != GO)


def _begin(level: Any, fates: Any) -> None:
    """Prepare a worker, in its own process."""
    os.setsid()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    signal.signal(signal.SIGTERM, _orphan)
    interrupts.mute()
    _Own.level, _Own.fates = level, fates
    threading.Thread(target=_watch, daemon=True).start()


def _orphan(*_: object) -> None:
    """The pool is broken, or this process is told to end: nobody takes the result any more."""
    _Own.orphaned = True


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
        if _Own.orphaned and not _Own.busy:
            interrupts.leave()
        if _Own.stopping() and not told:
            told = True
            ident = threading.main_thread().ident
            assert ident is not None  # noqa: S101 (it has started)
            signal.pthread_kill(ident, signal.SIGINT)


def _heedful(number: int, fn: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """Call a function, unless it is asked to stop; Ctrl-C means something only meanwhile."""
    _Own.busy = True
    _Own.fates[number] = UNDER_WAY
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
        _Own.fates[number] = ENDED
        _Own.busy = False
