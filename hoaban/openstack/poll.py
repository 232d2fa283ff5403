"""Waiting for many objects with one request at a time.

A server or a volume takes seconds to become what was asked. Each caller waits for its own object;
one thread asks for all of them together, and rests in proportion to how long the cloud took to
answer, so that waiting never becomes the cloud's main work.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from hoaban.engine.provider import Cancelled, ProviderError
from hoaban.openstack.errors import CloudError, copy_for_one

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

Json = dict[str, Any]

_FIRST_REST = 0.5
_SHORTEST_REST = 1.0
_LONGEST_REST = 5.0
_SHARE = 2.0  # rest at least this many times as long as the request took
_FAILURES = 4  # failed polls in a row that are borne


@dataclass(slots=True, eq=False)
class _Waiter:
    id: str
    done: Callable[[Json | None], bool]
    result: Json | None = None
    error: BaseException | None = None
    event: threading.Event = field(default_factory=threading.Event)


class Poller:
    """Watches objects of one collection.

    ``fetch`` gets the ids waited for and returns what it found by id; an object that is gone is
    told as None, one that is not among the answers has not changed.
    """

    def __init__(
        self,
        fetch: Callable[[Iterable[str]], Mapping[str, Json | None]],
        *,
        cancelled: Callable[[], bool],
        first_rest: float = _FIRST_REST,
        shortest_rest: float = _SHORTEST_REST,
    ) -> None:
        self._fetch = fetch
        self._cancelled = cancelled
        self._first_rest = first_rest
        self._shortest_rest = shortest_rest
        self._lock = threading.Lock()
        self._waiters: list[_Waiter] = []
        self._thread: threading.Thread | None = None

    def wait(
        self, id_: str, done: Callable[[Json | None], bool], *, deadline: float
    ) -> Json | None:
        """Wait until ``done`` says so of the object (None: it is gone), and return it.

        ``deadline`` is a time of :func:`time.monotonic`. Raises :class:`TimeoutError` after it.
        """
        waiter = _Waiter(id_, done)
        with self._lock:
            self._waiters.append(waiter)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="cloud-poll", daemon=True)
                self._thread.start()
        try:
            while not waiter.event.wait(min(0.5, max(0.0, deadline - time.monotonic()))):
                if self._cancelled():
                    raise Cancelled("stopped on request")
                if time.monotonic() >= deadline:
                    raise TimeoutError
        finally:
            with self._lock:
                if waiter in self._waiters:
                    self._waiters.remove(waiter)
        if waiter.error is not None:
            raise copy_for_one(waiter.error) from None
        return waiter.result

    def _run(self) -> None:
        rest, failures = self._first_rest, 0
        while True:
            time.sleep(rest)
            with self._lock:
                waiting = list(self._waiters)
                if not waiting:
                    self._thread = None
                    return
            begun = time.monotonic()
            try:
                found = self._fetch({waiter.id for waiter in waiting})
            except Exception as error:  # noqa: BLE001 - handed to those who wait
                failures += 1
                if not isinstance(error, ProviderError) or not _passing(error, failures):
                    self._tell_all(waiting, error)
                    failures = 0
            else:
                failures = 0
                for waiter in waiting:
                    if waiter.id in found:
                        self._tell(waiter, found[waiter.id])
            took = time.monotonic() - begun
            rest = min(max(self._shortest_rest, took * _SHARE), _LONGEST_REST)

    def _tell(self, waiter: _Waiter, found: Json | None) -> None:
        try:
            if not waiter.done(found):
                return
            waiter.result = found
        except Exception as error:  # noqa: BLE001 - handed to the one who waits
            waiter.error = error
        self._finish(waiter)

    def _tell_all(self, waiters: Iterable[_Waiter], error: BaseException) -> None:
        for waiter in waiters:
            waiter.error = error
            self._finish(waiter)

    def _finish(self, waiter: _Waiter) -> None:
        with self._lock:
            if waiter in self._waiters:
                self._waiters.remove(waiter)
        waiter.event.set()


def _passing(error: ProviderError, failures: int) -> bool:
    """Whether a failed poll may be put down to a cloud that is busy."""
    refused = isinstance(error, CloudError) and error.refused
    return not refused and failures < _FAILURES
