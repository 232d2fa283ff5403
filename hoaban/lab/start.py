"""Brings the lab up, by the shortest way that is still sure."""

from __future__ import annotations

import json
import secrets
import time
from datetime import datetime
from typing import TYPE_CHECKING, Any

from hoaban.errors import HoabanError
from hoaban.files import write_atomic
from hoaban.lab import playbook, preflight
from hoaban.lab.health import LabStatus, examine
from hoaban.lab.hypervisor import choose
from hoaban.lab.lock import locked
from hoaban.lab.supervisor import Supervisor
from hoaban.lab.wait import wait_for_apis

if TYPE_CHECKING:
    from hoaban.console import Steps
    from hoaban.lab.hypervisor import Hypervisor
    from hoaban.lab.layout import Layout

SECRETS = ("admin", "database", "messaging", "metadata", "service")
READY_SECONDS = 120


def up(layout: Layout, hypervisor: Hypervisor, steps: Steps, *, full: bool = False) -> LabStatus:
    """Make the lab serve with ``hypervisor``; returns what its services answered.

    What the role made once is left alone while nothing that decides it has changed (``full``
    runs the role all the same). It is the services' answers that end this, in any case.
    """
    with locked("up"):
        with steps.step("This machine"):
            preflight.check(layout)
            _ensure_secrets(layout)
            digest = playbook.digest()
        if full or _applied(layout).get("digest") != digest:
            _forget(layout)
            playbook.run(layout, hypervisor, steps)
            _note(layout, digest)
        else:
            _start(layout, hypervisor, steps)
        return _until_serving(layout, steps)


def _start(layout: Layout, hypervisor: Hypervisor, steps: Steps) -> None:
    """Start what does not run of a lab that is complete."""
    supervisor = Supervisor(layout)
    if not supervisor.alive():
        with steps.step("Supervisor"):
            supervisor.boot()
    else:
        supervisor.raise_fallen()
    with steps.step("Services") as step:
        wait_for_apis(layout, tell=lambda what: steps.update(step, what))
        step.detail = ""
    with steps.step(f"Hypervisor {hypervisor.value}") as step:
        choose(layout, hypervisor, tell=lambda what: steps.update(step, f"waiting for {what}"))
        step.detail = ""


def _until_serving(layout: Layout, steps: Steps) -> LabStatus:
    """Ask until every service answers well: agents report some seconds after their start."""
    end = time.monotonic() + READY_SECONDS
    with steps.step("Answers of all services") as step:
        while True:
            status = examine(layout)
            down = [service for service in status.services if not service.up]
            if not down:
                step.detail = ""
                return status
            steps.update(step, "waiting for " + ", ".join(service.name for service in down))
            if time.monotonic() > end:
                break
            time.sleep(1)
        first = down[0]
        raise HoabanError(
            f"the lab's {first.name} is not well {READY_SECONDS} s after its start: "
            f"{first.problem}",
            mend=f"see why: hoaban lab logs {first.name}; then: hoaban lab up --full",
            detail="\n".join(f"{service.name}: {service.problem}" for service in down),
        )


def _ensure_secrets(layout: Layout) -> None:
    """Make the lab's passwords at its first start; they are kept from then on."""
    layout.root.mkdir(mode=0o755, parents=True, exist_ok=True)
    if layout.secrets.is_file():
        return
    lines = [f"  {name}: {secrets.token_hex(16)}" for name in SECRETS]
    text = "\n".join(["---", "openstack_lab_secrets:", *lines, ""])
    write_atomic(layout.secrets, text, mode=0o600)


def _applied(layout: Layout) -> dict[str, Any]:
    try:
        note: dict[str, Any] = json.loads(layout.applied.read_text())
    except (FileNotFoundError, ValueError):
        return {}
    return note


def _forget(layout: Layout) -> None:
    # An interrupted run of the role must not pass for a whole one.
    layout.applied.unlink(missing_ok=True)


def _note(layout: Layout, digest: str) -> None:
    now = datetime.now().astimezone().isoformat(timespec="seconds")
    write_atomic(layout.applied, json.dumps({"digest": digest, "at": now}) + "\n")
