"""What went wrong in an operation, and whether it goes on."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote

from hoaban.engine.api import Interrupted
from hoaban.engine.provider import ProviderError
from hoaban.engine.storage import StateWriteError
from hoaban.errors import HoabanError, Location, ManyErrors

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

PROJECT_SCHEME: Final = "project:///"
SHOWN: Final = 5  # steps that are named of many that one cause stopped
MONITOR_GONE: Final = "Resource monitor has terminated"  # what the SDK makes of UNAVAILABLE


class Failures:
    """Collects failures of any thread. ``folder`` is the program's, for source positions."""

    def __init__(self, folder: Path, *, continue_on_error: bool) -> None:
        self._folder = folder
        self._continue = continue_on_error
        self._lock = threading.Lock()
        self._errors: list[BaseException] = []
        self._told: dict[str, HoabanError] = {}
        self._stop = threading.Event()
        self.cancelled = False
        self.on_stop: Callable[[], None] = lambda: None

    def __bool__(self) -> bool:
        return bool(self._errors) or self.cancelled

    @property
    def stopping(self) -> bool:
        """Whether nothing new may begin."""
        return self._stop.is_set()

    def add(self, error: BaseException, urn: str = "", source_position: str = "") -> None:
        """Note a failure, with where it happened as far as it does not say so itself."""
        if isinstance(error, HoabanError) and not isinstance(error, ManyErrors):
            error.where = self._located(error.where, urn, source_position)
        with self._lock:
            if not any(error is known for known in self._errors):
                self._errors.append(error)
        if not self._continue or not isinstance(error, HoabanError):
            self.stop()

    def remember(self, message: str, error: HoabanError) -> None:
        """Note what a message to the program stands for: it may catch it, or fail with it."""
        with self._lock:
            self._told[message] = error

    def add_program(self, error: HoabanError) -> None:
        """Note how the program failed, unless that only follows from what is known already."""
        text = error.what
        with self._lock:
            causes = [cause for message, cause in self._told.items() if message in text]
            known = any(isinstance(one, HoabanError) and one.what in text for one in self._errors)
        if causes:
            self.add(causes[0])
        elif not known and not (self.stopping and MONITOR_GONE in text):
            self.add(error)

    def stop(self) -> None:
        """Let nothing new begin."""
        if not self._stop.is_set():
            self._stop.set()
            self.on_stop()

    def cancel(self) -> None:
        """The person asked to stop."""
        self.cancelled = True
        self.stop()

    def _located(self, where: Location | None, urn: str, source: str) -> Location:
        where = where or Location()
        if not where.urn and urn:
            where = replace(where, urn=urn)
        if not where.file and source.startswith(PROJECT_SCHEME):
            path, _, line = source.removeprefix(PROJECT_SCHEME).partition("#")
            file = (self._folder / unquote(path)).resolve()
            where = replace(where, file=str(file), line=int(line) if line.isdigit() else None)
        return where

    def errors(self) -> list[BaseException]:
        """All failures, in the order in which they came."""
        with self._lock:
            return list(self._errors)

    def raise_defect(self) -> None:
        """Raise what nobody foresaw, as it is."""
        for error in self.errors():
            if not isinstance(error, HoabanError):
                raise error

    def raise_any(self) -> None:
        """Raise what went wrong: a defect as it is, one error as it is, several as one."""
        self.raise_defect()
        told = fold([error for error in self.errors() if isinstance(error, HoabanError)])
        if len(told) == 1:
            raise told[0]
        if told:
            raise ManyErrors(told)


def interruption(failures: Failures, done: int, place: str, *, saved: bool | None) -> Interrupted:
    """What to say after Ctrl-C; ``saved`` is None for a preview, ``place`` the state's."""
    mend = "run the same command again to go on"
    told = f"interrupted after {done} steps; calls under way were let finish, the state is"
    if saved is None:
        what = "interrupted; a preview changes nothing"
    elif saved:
        what = f"{told} saved"
    else:
        what = f"{told} NOT saved: what was done is in the journal, or is found by the next run"
        mend = f"mend what is told below, then {mend}"
    detail = "\n".join(str(error) for error in failures.errors())
    return Interrupted(what, where=Location(file=place), mend=mend, detail=detail or None)


def fold(errors: Sequence[HoabanError]) -> list[HoabanError]:
    """Errors with one cause for all as one: a cloud that is down, a disk that is full."""
    groups: dict[str, list[HoabanError]] = {}
    for error in errors:
        groups.setdefault(_cause(error) or str(id(error)), []).append(error)
    return [_one_of(alike) if len(alike) > 1 else alike[0] for alike in groups.values()]


def _cause(error: HoabanError) -> str | None:
    """What tells errors of one cause; None for an error of its own."""
    if isinstance(error, StateWriteError):
        return StateWriteError.__name__
    if isinstance(error, ProviderError) and error.common:
        return error.mend or error.common
    return None


def _one_of(alike: Sequence[HoabanError]) -> HoabanError:
    first = alike[0]
    if not isinstance(first, ProviderError):
        where = replace(first.where, urn=None) if first.where else None
        return StateWriteError(first.what, where=where, mend=first.mend)
    stopped = [error.what.removesuffix(f": {getattr(error, 'common', '')}") for error in alike]
    rest = len(stopped) - SHOWN
    request = first.where.request_id if first.where else None
    return HoabanError(
        f"{len(alike)} steps failed for one reason: {first.common}",
        where=Location(request_id=request) if request else None,
        detail="\n".join([*stopped[:SHOWN], *([f"and {rest} more"] if rest > 0 else [])]),
        mend=first.mend,
    )
