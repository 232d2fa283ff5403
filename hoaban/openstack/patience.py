"""Bearing with a cloud that is busy, or that has already done what is asked."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

from hoaban.openstack import errors
from hoaban.openstack.errors import CloudError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from hoaban.openstack.call import Call

T = TypeVar("T")

PATIENCE = 60.0
"""Seconds for which something is tried again while the cloud says that the object is in use."""
PAUSE = 1.0


def when_mutable(call: Call, work: Callable[[], T]) -> T:
    """Do ``work`` once the service has done what was asked of the object before."""
    while True:
        try:
            return work()
        except CloudError as error:
            busy = error.status == errors.CONFLICT and "immutable" in error.what.lower()
            if not busy or time.monotonic() >= call.deadline:
                raise
            call.cloud.pause(PAUSE)


def patiently(call: Call, work: Callable[[], T]) -> T:
    """Do ``work``; bear with an object that is in use, or still busy with something else."""
    until = min(call.deadline, time.monotonic() + PATIENCE)
    while True:
        try:
            return work()
        except CloudError as error:
            if error.status != errors.CONFLICT or error.quota or time.monotonic() >= until:
                raise
            call.cloud.pause(PAUSE)


@contextmanager
def unless_gone() -> Iterator[None]:
    """What is to be taken away may be gone already."""
    try:
        yield
    except CloudError as error:
        if error.status != errors.NOT_FOUND:
            raise
