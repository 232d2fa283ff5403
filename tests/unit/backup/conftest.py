"""An estate with backups promised, and its escrow."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hoaban.inventory.fleet import Fleet
from hoaban.sealing import own_identity, recipients_of, seal
from hoaban.testing import estate
from hoaban.workspace import Workspace

if TYPE_CHECKING:
    from pathlib import Path

SECRET = "only restic's environment may hold this"


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """A province and two departments as they are after ``up``; the first has an escrow."""
    (tmp_path / "inventory").mkdir()
    (tmp_path / "inventory/province.yml").touch()
    workspace = Workspace(tmp_path, tmp_path / ".hoaban")
    estate.write_estate(workspace.backend)
    own_identity(workspace)
    return workspace


@pytest.fixture
def fleet(workspace: Workspace) -> Fleet:
    return Fleet.read(workspace)


def deposit(workspace: Workspace, host: str, keeper: str) -> None:
    """Seal a host's access, as its role does."""
    lines = [
        f"RESTIC_PASSWORD={SECRET}",
        f"RESTIC_REST_USERNAME={host}",
        "RESTIC_REST_PASSWORD=account",
        f"RESTIC_REPOSITORY=rest:https://{keeper}:8000/{host}/",
    ]
    folder = workspace.home / "escrow"
    folder.mkdir(exist_ok=True)
    sealed = seal("\n".join(lines).encode(), recipients_of(workspace, []))
    (folder / f"{host}.age").write_bytes(sealed)
