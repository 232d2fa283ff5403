from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hoaban.testing import estate
from hoaban.workspace import Workspace

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """A checkout with an inventory and no stack."""
    root = tmp_path / "province"
    (root / "inventory").mkdir(parents=True)
    (root / "inventory/province.yml").touch()
    (root / "inventory/hoaban.yml").write_text("plugin: hoaban\n")
    return Workspace(root, root / ".hoaban")


@pytest.fixture
def provisioned(workspace: Workspace) -> Workspace:
    """The same with the province and one department provisioned."""
    estate.write_estate(workspace.backend)
    return workspace
