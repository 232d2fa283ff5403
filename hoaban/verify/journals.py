"""What the log host has of hosts' journals, as it tells itself."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from hoaban.model.spec import ProvinceService
from hoaban.model.types import Text
from hoaban.verify.agents import source
from hoaban.verify.facts import Fact
from hoaban.verify.gather import PYTHON

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hoaban.inventory.fleet import Fleet, ManagedHost
    from hoaban.remote import Remote

SECONDS: Final = 300.0


class Journals(Fact):
    """The answer of the agent ``journals``; times are seconds since 1970, UTC."""

    folder: str
    kept_seconds: float
    free_bytes: int
    newest: dict[str, float | None]
    now: float


def log_host(fleet: Fleet) -> ManagedHost | None:
    """The host that all others send their journals to; None where the province has none."""
    own = fleet.hosts_of(None) if fleet.province else []
    serving = [host for host in own if ProvinceService.LOG_HOST in host.plan.services]
    return min(serving, key=lambda host: host.name, default=None)


def journals(remote: Remote, fleet: Fleet, hosts: Sequence[ManagedHost]) -> Journals | Text | None:
    """What the log host has of ``hosts``, or why it does not tell; None where there is none."""
    keeper = log_host(fleet)
    if keeper is None:
        return None
    asked = json.dumps({"names": [host.name for host in hosts]})
    program = source("journals")
    result = remote.run(keeper.name, [*PYTHON, asked], stdin=program, timeout=SECONDS)
    if not result.ok:
        return _silent((result.stderr.splitlines() or [f"status {result.status}"])[-1])
    try:
        return Journals.model_validate_json(result.stdout)
    except ValueError as error:  # pydantic's errors are ValueErrors too
        return _silent(str(error).splitlines()[0])


def _silent(reason: str) -> Text:
    return Text(
        vi=f"Máy chủ nhật ký không trả lời: {reason}", en=f"The log host gave no answer: {reason}"
    )
