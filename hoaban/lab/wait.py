"""Waiting for the lab's APIs, without waiting for one that will never come."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import requests

from hoaban.errors import HoabanError
from hoaban.lab.logs import tail
from hoaban.lab.services import APIS, Api
from hoaban.lab.supervisor import Supervisor

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from hoaban.lab.layout import Layout

LIMIT_SECONDS = 240


def wait_for_apis(
    layout: Layout,
    names: Collection[str] | None = None,
    *,
    tell: Callable[[str], None] = lambda _: None,
) -> None:
    """Return once the named APIs (all unless told) answer; ``tell`` is told which do not yet.

    Raises when the supervisor gave one up, or one has not answered within some minutes.
    """
    supervisor = Supervisor(layout)
    waiting = [api for api in APIS if names is None or api.name in names]
    end = time.monotonic() + LIMIT_SECONDS
    with requests.Session() as session:
        session.trust_env = False
        while waiting := [api for api in waiting if not _answers(session, api)]:
            tell("waiting for " + ", ".join(api.name for api in waiting))
            states = supervisor.processes()
            for api in waiting:
                if states[api.name]["statename"] == "FATAL":
                    raise failed(layout, api.name, "ends as soon as it is started")
            if time.monotonic() > end:
                problem = f"does not answer after {LIMIT_SECONDS} s"
                raise failed(layout, waiting[0].name, problem)
            time.sleep(0.3)


def failed(layout: Layout, program: str, problem: str) -> HoabanError:
    """The error for a program that does not do its work, with the end of its log."""
    return HoabanError(
        f"the lab's {program} {problem}",
        mend=f"see its whole log: hoaban lab logs {program}",
        detail=tail(layout, program),
    )


def _answers(session: requests.Session, api: Api) -> bool:
    try:
        answer = session.get(api.url, timeout=10)
    except requests.RequestException:
        return False
    return answer.ok
