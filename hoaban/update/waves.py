"""Which hosts are updated together. Pure: hosts in, waves out.

Two hosts that stand in for each other are never in one wave. The first wave is one host alone, on
which a bad update shows. The province's own hosts come after those of agencies, and the bastion,
which is the way to all others, comes last and alone.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from hoaban.errors import UsageError
from hoaban.model.spec import ProvinceService

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from hoaban.inventory.fleet import ManagedHost

USUAL: Final = "25%"
_COUNT: Final = re.compile(r"([1-9]\d*)(%?)")


@dataclass(frozen=True, slots=True)
class Candidate:
    """A host to be updated. Hosts that share one of ``groups`` stand in for each other."""

    name: str
    groups: frozenset[str]
    stage: int
    """Stages follow each other: 0 agencies' hosts, 1 the province's, 2 the bastion."""


def candidate(host: ManagedHost) -> Candidate:
    """A host as waves see it: peers are those of its server group, tier or service."""
    plan, agency = host.plan, host.environment.agency
    groups = {f"service {service}" for service in plan.services} if agency is None else set()
    if plan.server_group:
        groups.add(f"group {plan.server_group}")
    if plan.tier:
        groups.add(f"tier {agency} {plan.system} {plan.tier}")
    stage = 0 if agency is not None else 2 if ProvinceService.BASTION in plan.services else 1
    return Candidate(host.name, frozenset(groups), stage)


def at_once(serial: str, hosts: int) -> int:
    """How many hosts a wave has at most, of so many: a number, or a share such as ``25%``."""
    match = _COUNT.fullmatch(serial)
    if match is None or (match[2] and int(match[1]) > 100):  # noqa: PLR2004 (per cent)
        raise UsageError(
            f"--serial {serial} is neither a number of hosts nor a share of them",
            mend="such as --serial 3, or --serial 25%",
        )
    number = int(match[1])
    return max(1, hosts * number // 100) if match[2] else number


def plan(hosts: Iterable[Candidate], serial: str = USUAL) -> list[list[str]]:
    """Names of hosts, wave by wave, in the order given as far as the rules allow."""
    ordered = sorted(hosts, key=lambda host: host.stage)  # which keeps the order within a stage
    most = at_once(serial, len(ordered))
    waves: list[list[Candidate]] = []
    for host in ordered:
        wave = next((w for w in waves[1:] if _takes(w, host, most)), None)
        if wave is None:
            waves.append([host])
        else:
            wave.append(host)
    return [[host.name for host in wave] for wave in waves]


def _takes(wave: Sequence[Candidate], host: Candidate, most: int) -> bool:
    """Whether a host may join a wave; the bastion is alone in its own."""
    alone = host.stage == 2  # noqa: PLR2004 (see Candidate)
    return (
        not alone
        and len(wave) < most
        and wave[0].stage == host.stage
        and not any(host.groups & other.groups for other in wave)
    )
