"""A real OpenStack on one machine, to try things on.

>>> from hoaban import lab
>>> lab.up(lab.Hypervisor.FAKE).up      # doctest: +SKIP
True
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hoaban.console import Steps
from hoaban.lab import start
from hoaban.lab.health import LabStatus, ServiceStatus, examine
from hoaban.lab.hypervisor import Hypervisor
from hoaban.lab.layout import Layout

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Hypervisor", "LabStatus", "ServiceStatus", "clouds_file", "status", "up"]


def up(hypervisor: Hypervisor = Hypervisor.QEMU, steps: Steps | None = None) -> LabStatus:
    """Make the lab of this machine serve. Progress goes to ``steps``, to nobody unless given."""
    return start.up(Layout.of_machine(), hypervisor, steps or Steps(quiet=True))


def status() -> LabStatus:
    """Ask every service of this machine's lab."""
    return examine(Layout.of_machine())


def clouds_file() -> Path:
    """The ``clouds.yaml`` of this machine's lab; its entry is ``lab``."""
    return Layout.of_machine().clouds
