"""Asks the hubs for what they have measured of circuits."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import TypeAdapter

from hoaban.errors import HoabanError
from hoaban.model.spec import ProvinceService
from hoaban.vpn import tally
from hoaban.vpn.quality import FOLDER, Tally

if TYPE_CHECKING:
    from hoaban.inventory.fleet import Fleet
    from hoaban.remote import Remote

SECONDS = 600.0
"""Longest time for summing up: a month of 99 circuits has four million lines."""


def collect(
    remote: Remote, fleet: Fleet, month: str
) -> tuple[list[dict[str, Tally]], dict[str, str]]:
    """What each hub has measured in a month, by circuit; and by host why there is nothing.

    Raises when no hub can be asked: a page of nothing would look like a month without circuits.
    """
    hubs = [
        host.name for host in fleet.hosts.values() if ProvinceService.VPN_HUB in host.plan.services
    ]
    if not hubs:
        raise HoabanError(
            "no VPN hub has been built, and hubs are what measures circuits",
            mend="add hosts with the service `vpn_hub` to inventory/province.yml, then: hoaban up",
        )
    program = Path(tally.__file__).read_text(encoding="utf-8")
    words = ["python3", "-I", "-S", "-", f"{FOLDER}/{month}.jsonl"]
    answers = remote.each(
        hubs, lambda name: remote.run(name, words, stdin=program, timeout=SECONDS)
    )
    found: list[dict[str, Tally]] = []
    silent: dict[str, str] = {}
    for name, answer in answers.items():
        if answer.ok:
            found.append(TypeAdapter(dict[str, Tally]).validate_json(answer.stdout))
        else:
            silent[name] = (answer.stderr.splitlines() or [f"status {answer.status}"])[-1]
    if len(silent) == len(hubs):
        reasons = "; ".join(f"{name}: {why}" for name, why in silent.items())
        raise HoabanError(
            f"no hub has measurements of {month}: {reasons}",
            mend="choose a month in which the hubs ran; hoaban vpn status tells how they are",
        )
    return found, silent
