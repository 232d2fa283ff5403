"""Operations on stacks as the benchmarks use them: nobody watches, nobody is asked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hoaban.errors import HoabanError
from hoaban.lab.hypervisor import chosen
from hoaban.lab.layout import Layout
from hoaban.provision import operations
from hoaban.provision.engines import engine_for
from hoaban.provision.guard import Consent

if TYPE_CHECKING:
    from hoaban.engine.api import UpdateResult
    from hoaban.lab.hypervisor import Hypervisor
    from hoaban.provision.operations import Plan
    from hoaban.provision.target import Target

ANYTHING = Consent(delete_data=True, allow_replace=True)


def plan(target: Target) -> Plan:
    """What ``up`` would do."""
    return operations.plan(target, engine_for(), _ignore)


def up(target: Target) -> UpdateResult:
    """Provision one stack."""
    return operations.up(target, engine_for(), _ignore, consent=ANYTHING)


def destroy(target: Target) -> None:
    """Remove one stack, if it is there."""
    if target.stands():
        operations.destroy(target, engine_for(), _ignore, consent=ANYTHING)


def must_serve(hypervisor: Hypervisor) -> None:
    """An error unless this machine's lab takes servers with ``hypervisor``."""
    if chosen(Layout.of_machine()) is not hypervisor:
        raise HoabanError(
            f"this benchmark needs the lab with the hypervisor {hypervisor.value}",
            mend=f"hoaban lab up --hypervisor {hypervisor.value}",
        )


def _ignore(_: object) -> None:
    """An event of the engine."""
