"""Batches, polls and lists that many threads share."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from hoaban.engine.provider import Cancelled
from hoaban.openstack.batch import Batcher
from hoaban.openstack.bulk import in_order
from hoaban.openstack.errors import CloudError
from hoaban.openstack.lists import Lists
from hoaban.openstack.poll import Poller

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence


def together(work: Any, items: Sequence[Any]) -> list[Any]:
    def guarded(item: Any) -> Any:
        try:
            return work(item)
        except Exception as error:  # noqa: BLE001 - compared by the tests
            return error

    with ThreadPoolExecutor(len(items)) as pool:
        return list(pool.map(guarded, items))


def test_items_of_a_group_go_together() -> None:
    sent: list[list[int]] = []

    def send(items: Sequence[int]) -> list[int]:
        sent.append(list(items))
        return [item * 10 for item in items]

    batcher = Batcher(send, window=0.1)
    found = together(lambda n: batcher.submit(n, n % 2), range(20))
    assert found == [n * 10 for n in range(20)]
    assert len(sent) == 2
    assert all(len({item % 2 for item in items}) == 1 for items in sent)


def test_batches_are_bounded_and_do_not_wait_when_full() -> None:
    sent: list[int] = []

    def send(items: Sequence[int]) -> Sequence[int]:
        sent.append(len(items))
        return items

    batcher = Batcher(send, window=600.0, limit=4)
    begun = time.monotonic()
    assert together(batcher.submit, range(8)) == list(range(8))
    assert sent == [4, 4]
    assert time.monotonic() - begun < 300


def trickle(batcher: Batcher[int, int], count: int, pause: float) -> list[int]:
    """Submit items one after the other, none waiting for the last one's answer."""
    with ThreadPoolExecutor(count) as pool:
        futures = []
        for number in range(count):
            futures.append(pool.submit(batcher.submit, number))
            time.sleep(pause)
        return [future.result() for future in futures]


def test_a_batch_is_open_as_long_as_others_come() -> None:
    sent: list[list[int]] = []

    def send(items: Sequence[int]) -> Sequence[int]:
        sent.append(list(items))
        return items

    assert trickle(Batcher(send, window=0.5), 4, pause=0.3) == list(range(4))
    assert sent == [[0, 1, 2, 3]], "0.9 s after the first, but never 0.5 s after the one before"


def test_a_batch_does_not_stay_open_for_ever() -> None:
    sent: list[int] = []

    def send(items: Sequence[int]) -> Sequence[int]:
        sent.append(len(items))
        return items

    assert trickle(Batcher(send, window=0.05), 40, pause=0.02) == list(range(40))
    assert len(sent) > 1


def test_refused_list_is_sent_one_by_one() -> None:
    def send(items: Sequence[int]) -> Sequence[int]:
        if 3 in items:
            raise CloudError("three is not allowed", status=400)
        return items

    found = together(Batcher(send, window=0.1).submit, range(6))
    assert [one for one in found if not isinstance(one, CloudError)] == [0, 1, 2, 4, 5]
    assert isinstance(found[3], CloudError)


def test_broken_list_is_not_sent_again() -> None:
    sent: list[int] = []

    def send(items: Sequence[int]) -> Sequence[int]:
        sent.append(len(items))
        raise CloudError("the connection broke", unsure=True)

    found = together(Batcher(send, window=0.1).submit, range(4))
    assert all(isinstance(one, CloudError) and one.unsure for one in found)
    assert len({id(one) for one in found}) == 4, "each caller adds to its own what it was about"
    assert sent == [4]


def test_defects_reach_every_caller() -> None:
    def send(items: Sequence[int]) -> Sequence[int]:
        raise KeyError("defect")

    assert all(isinstance(one, KeyError) for one in together(Batcher(send).submit, range(3)))


def test_answers_in_another_order_find_their_callers() -> None:
    bodies = [{"name": "a", "port": 1}, {"name": "b", "port": 2}]
    made = [{"id": "2", "name": "b", "port": "2"}, {"id": "1", "name": "a", "port": "1"}]
    assert [one["id"] for one in in_order(bodies, made)] == ["1", "2"]
    assert in_order(bodies, made[::-1]) == made[::-1]


class Slow:
    """Objects that become ready after some looks at them."""

    def __init__(self, looks: int) -> None:
        self.looks = looks
        self.asked: list[set[str]] = []
        self.errors = 0

    def __call__(self, ids: Iterable[str]) -> Mapping[str, dict[str, Any] | None]:
        self.asked.append(set(ids))
        if self.errors:
            self.errors -= 1
            raise CloudError("busy", status=503)
        self.looks -= 1
        return {id_: {"id": id_, "ready": self.looks <= 0} for id_ in ids}


def poller(fetch: Slow, *, cancelled: bool = False, first_rest: float = 0.02) -> Poller:
    return Poller(fetch, cancelled=lambda: cancelled, first_rest=first_rest, shortest_rest=0.01)


def ready(found: dict[str, Any] | None) -> bool:
    return found is not None and found["ready"]


def test_one_request_watches_all() -> None:
    slow = Slow(3)
    watch = poller(slow, first_rest=0.3)  # a loaded machine starts threads slowly
    found = together(
        lambda id_: watch.wait(id_, ready, deadline=time.monotonic() + 5), list("abcde")
    )
    assert [one["id"] for one in found] == list("abcde")
    assert len(slow.asked) <= 5
    assert slow.asked[-1] == set("abcde")


def test_a_busy_cloud_is_borne() -> None:
    slow = Slow(1)
    slow.errors = 3
    assert ready(poller(slow).wait("a", ready, deadline=time.monotonic() + 5))


def test_a_cloud_that_stays_broken_is_told() -> None:
    slow = Slow(1)
    slow.errors = 99
    with pytest.raises(CloudError, match="busy"):
        poller(slow).wait("a", ready, deadline=time.monotonic() + 5)


def test_those_who_wait_are_told_each_in_an_error_of_its_own() -> None:
    slow = Slow(1)
    slow.errors = 99
    watch = poller(slow, first_rest=0.3)
    found = together(lambda id_: watch.wait(id_, ready, deadline=time.monotonic() + 5), range(3))
    assert [(type(one), one.what, one.status) for one in found] == [(CloudError, "busy", 503)] * 3
    assert len({id(one) for one in found}) == 3


def test_waiting_ends() -> None:
    with pytest.raises(TimeoutError):
        poller(Slow(999)).wait("a", ready, deadline=time.monotonic() + 0.05)
    with pytest.raises(Cancelled):
        poller(Slow(999), cancelled=True).wait("a", ready, deadline=time.monotonic() + 5)


def test_what_is_seen_to_fail_is_told_to_its_own_waiter() -> None:
    def done(found: dict[str, Any] | None) -> bool:
        raise CloudError("it went wrong")

    watch = poller(Slow(1))
    with pytest.raises(CloudError, match="it went wrong"):
        watch.wait("a", done, deadline=time.monotonic() + 5)
    assert ready(watch.wait("b", ready, deadline=time.monotonic() + 5))


def test_lists_are_fetched_by_one_for_all() -> None:
    lists, fetched = Lists(), []
    gate = threading.Barrier(8)

    def fetch() -> dict[str, dict[str, Any]]:
        fetched.append(1)
        time.sleep(0.02)
        return {"a": {"n": len(fetched)}}

    def read(_: int) -> Any:
        gate.wait()
        return lists.get("ports", "p", fetch)["a"]["n"]

    assert together(read, range(8)) == [1] * 8
    lists.forget("networks")
    assert lists.get("ports", "p", fetch)["a"]["n"] == 1
    lists.forget("ports")
    assert lists.get("ports", "p", fetch)["a"]["n"] == 2
    lists.forget()
    assert lists.get("ports", "p", fetch)["a"]["n"] == 3
    assert Lists(fresh=0.0).get("ports", "p", fetch)["a"]["n"] == 4
