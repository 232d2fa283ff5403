"""Ctrl-C, or SIGTERM: the first asks to stop, the second stops at once.

A handler does next to nothing where the signal strikes, which may be anywhere; the work is done in
a thread of its own.
"""

from __future__ import annotations

import itertools
import os
import signal
import sys
import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Final, NoReturn

from rich.text import Text

from hoaban.console import stderr
from hoaban.errors import ExitCode, HoabanError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class Abandoned(HoabanError):
    """The person asked twice to stop, and calls are still under way in other threads.

    Whoever gets it tells it and ends the process by :func:`leave`: waiting for those threads is
    just what was not wanted.
    """

    exit_code = ExitCode.INTERRUPTED


@contextmanager
def heard(stop: Callable[[], None], abandon: Callable[[], None]) -> Iterator[None]:
    """Call ``stop`` at the first Ctrl-C during the body, ``abandon`` at each one after it.

    SIGTERM is the same (a runner's time limit), unless it has a meaning already. Both are called in
    threads of their own. Outside the main thread nothing is heard: signals are the main thread's.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    presses = itertools.count()

    def pressed(*_: object) -> None:
        threading.Thread(target=abandon if next(presses) else stop, daemon=True).start()

    heeded = [signal.SIGINT]
    if signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
        heeded.append(signal.SIGTERM)
    before = {number: signal.signal(number, pressed) for number in heeded}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


_muted = False


def mute() -> None:
    """Have :func:`announce` say nothing, in a process that is one of many."""
    global _muted  # noqa: PLW0603 (a fact of the process, set once)
    _muted = True


def announce(text: str) -> None:
    """Say at once that Ctrl-C was heard and what comes of it."""
    if not _muted:
        stderr().print(Text(text, "yellow"))


_farewells: Final[list[Callable[[], None]]] = []


def before_leaving(farewell: Callable[[], None]) -> None:
    """Have something short done by :func:`leave`."""
    _farewells.append(farewell)


def leave(code: int = ExitCode.INTERRUPTED) -> NoReturn:
    """End the process now, threads and all, as a crash would; what was printed is kept."""
    for farewell in _farewells:
        farewell()
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):
            stream.flush()
    os._exit(code)
