"""Operations on stacks as the benchmarks use them: nobody watches, nobody is asked."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from hoaban import image
from hoaban.engine.api import Options
from hoaban.errors import HoabanError
from hoaban.lab.hypervisor import chosen
from hoaban.lab.layout import Layout
from hoaban.provision import operations
from hoaban.provision.engines import engine_for
from hoaban.provision.guard import Consent
from tests.cloud.province import SmallProvince

if TYPE_CHECKING:
    from pathlib import Path

    from hoaban.engine.api import UpdateResult
    from hoaban.lab.hypervisor import Hypervisor
    from hoaban.provision.operations import Plan
    from hoaban.provision.target import Target

ANYTHING = Consent(delete_data=True, allow_replace=True)
LOOK = Options(look=True)
"""As the command line has it."""
SIZE = {"vcpus": 1, "ram_mb": 768, "disk_gb": 3}
"""Of real guests."""


def bench_province(folder: Path) -> SmallProvince:
    """A province of a name that nobody has, for real guests."""
    small = SmallProvince(folder, f"do-luong-{secrets.token_hex(2)}")
    small.province["sizes"] = {"tiny": SIZE}
    small.write()
    (small.workspace.inventory / "hoaban.yml").write_text("plugin: hoaban\n", encoding="utf-8")
    return small


def plan(target: Target) -> Plan:
    """What ``up`` would do."""
    return operations.plan(target, engine_for(), _ignore, options=LOOK)


def up(target: Target) -> UpdateResult:
    """Provision one stack."""
    return operations.up(target, engine_for(), _ignore, consent=ANYTHING, options=LOOK)


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


def must_have_image() -> None:
    """An error unless the guest image is there."""
    if image.built() is None:
        raise HoabanError(
            "the guest image has not been built from the recipe as it is", mend="hoaban image build"
        )


def _ignore(_: object) -> None:
    """An event of the engine."""
