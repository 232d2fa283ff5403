from __future__ import annotations

from tests.unit.converge.conftest import faults, steps
from tests.unit.inventory.conftest import provisioned, workspace

__all__ = ["faults", "provisioned", "steps", "workspace"]
