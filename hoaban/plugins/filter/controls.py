"""Ansible filters for the role ``hardening``: what the control catalogue asks of a host."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ansible.errors import AnsibleFilterError

from hoaban.controls import judge, waivers
from hoaban.controls.catalogue import catalogue
from hoaban.controls.plan import plan
from hoaban.errors import HoabanError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


def hardening_plan(level: int, services: Sequence[str], waived: Sequence[str]) -> dict[str, Any]:
    """Settings of a host of a security level, as the role writes them."""
    try:
        return plan(level, services, waived)
    except HoabanError as error:
        raise AnsibleFilterError(f"{error.what}; {error.mend}") from error


def unknown_controls(names: Sequence[str]) -> list[str]:
    """Those of ``names`` that the catalogue does not have."""
    known = {control.id for control in catalogue().controls}
    return [name for name in names if name not in known]


def waived_controls(host: str, agency: str, inventory: str) -> list[str]:
    """Controls that are waived on a host, by the waivers in the inventory's folder.

    Expired ones count too: a day that passes must not change a server, people must. Until they do,
    ``hoaban verify`` fails.
    """
    try:
        found = waivers.read(Path(inventory))
    except HoabanError as error:
        raise AnsibleFilterError(str(error)) from error
    owner = None if agency == waivers.PROVINCE else agency
    return sorted(found.of(owner, host))


def hardening_questions(level: int, services: Sequence[str]) -> str:
    """The argument of the agent ``controls`` for a host of a level, as JSON."""
    asked = judge.questions(level, services)
    return json.dumps({"asked": [[setting.kind, setting.key] for _, setting in asked]})


def hardening_faults(answer: str, level: int, services: Sequence[str]) -> list[str]:
    """What the agent's answer says that is not as the level asks, each with its control."""
    asked = judge.questions(level, services)
    found = judge.faults(level, asked, json.loads(answer)["found"])
    return [f"{fault.control.id}: {fault}" for fault in found]


class FilterModule:
    """The filters, by the names that expressions use."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Ansible asks for this."""
        return {
            "hardening_plan": hardening_plan,
            "hardening_questions": hardening_questions,
            "hardening_faults": hardening_faults,
            "unknown_controls": unknown_controls,
            "waived_controls": waived_controls,
        }
