"""Many small calls made at the same moment become one big call.

Neutron takes lists of new ports, rules, networks …, and lists of ids in its filters. An engine
creates what is ready in parallel; what it asks with less than a few hundredths of a second between
goes out together.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Generic, TypeVar

from hoaban.openstack.errors import CloudError, copy_for_one

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Sequence

T = TypeVar("T")
R = TypeVar("R")

WINDOW = 0.02
"""Seconds that the first caller waits for others, and again as long as others keep coming."""

PATIENCE = 5
"""Windows that it waits at most: the rules of a group come one after the other from a program."""

LIMIT = 64
"""Items of one call at most, so that none takes too long or grows too large."""


@dataclass(slots=True)
class _Batch(Generic[T, R]):
    items: list[T] = field(default_factory=list)
    results: Sequence[R] = ()
    error: BaseException | None = None
    alone: bool = False
    full: threading.Event = field(default_factory=threading.Event)
    done: threading.Event = field(default_factory=threading.Event)


class Batcher(Generic[T, R]):
    """Collects items by group and hands each group to ``send`` as one list.

    ``send`` returns one result an item, in order. When the cloud refuses a list (as a whole, which
    is what Neutron does), each caller sends its own item alone, so that one bad item fails alone.
    """

    def __init__(
        self,
        send: Callable[[Sequence[T]], Sequence[R]],
        *,
        window: float = WINDOW,
        limit: int = LIMIT,
    ) -> None:
        self._send = send
        self._window = window
        self._limit = limit
        self._lock = threading.Lock()
        self._open: dict[Hashable, _Batch[T, R]] = {}

    def submit(self, item: T, group: Hashable = None) -> R:
        """Send ``item`` with others of its group; waits for its result."""
        with self._lock:
            batch = self._open.get(group)
            leads = batch is None
            if batch is None:
                batch = self._open[group] = _Batch()
            place = len(batch.items)
            batch.items.append(item)
            if len(batch.items) >= self._limit:
                del self._open[group]
                batch.full.set()
        if leads:
            self._lead(batch, group)
        else:
            batch.done.wait()
        if batch.alone:
            return self._send([item])[0]
        if batch.error is not None:
            raise copy_for_one(batch.error) from None
        return batch.results[place]

    def _lead(self, batch: _Batch[T, R], group: Hashable) -> None:
        for _ in range(PATIENCE):
            known = len(batch.items)
            if batch.full.wait(self._window) or len(batch.items) == known:
                break
        with self._lock:
            if self._open.get(group) is batch:
                del self._open[group]
        try:
            batch.results = self._send(batch.items)
            if len(batch.results) != len(batch.items):
                batch.error = CloudError(
                    f"the cloud answered {len(batch.results)} objects to "
                    f"{len(batch.items)} asked for in one call",
                    unsure=True,
                )
        except CloudError as error:
            batch.alone = error.refused and len(batch.items) > 1
            batch.error = error
        except BaseException as error:  # noqa: BLE001 - each waiting caller must hear of it
            batch.error = error
        finally:
            batch.done.set()
