"""Running things that depend on each other: side by side where they may, else in order."""

from __future__ import annotations

import concurrent.futures
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

T = TypeVar("T")


def run_in_order(
    items: Sequence[T],
    after: Mapping[int, set[int]],
    work: Callable[[T], bool],
    *,
    workers: int,
    stopping: Callable[[], bool],
) -> None:
    """Run ``work`` on each item once all that it comes ``after`` (by index) succeeded.

    Work tells success by returning True. What comes after a failure is left undone, and nothing new
    is begun once ``stopping`` says so. Work may not raise.
    """
    waiting = {index: set(after.get(index, ())) for index in range(len(items))}
    followers: dict[int, list[int]] = {}
    for index, others in waiting.items():
        for other in others:
            followers.setdefault(other, []).append(index)
    ready = [index for index, others in waiting.items() if not others]
    with concurrent.futures.ThreadPoolExecutor(workers, "delete") as pool:
        running: dict[concurrent.futures.Future[bool], int] = {}
        while ready or running:
            while ready and not stopping():
                index = ready.pop(0)
                running[pool.submit(work, items[index])] = index
            if not running:
                return
            finished, _ = concurrent.futures.wait(
                running, return_when=concurrent.futures.FIRST_COMPLETED
            )
            for future in finished:
                index = running.pop(future)
                if future.result():
                    for follower in followers.get(index, ()):
                        waiting[follower].discard(index)
                        if not waiting[follower]:
                            ready.append(follower)
