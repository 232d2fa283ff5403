"""A small province in a folder of its own."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from hoaban.model import ledgerfile

BASE = Path(__file__).parent / "base"
ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def blank(tmp_path: Path) -> Path:
    """The inventory folder of a province before any address is given."""
    return Path(shutil.copytree(BASE, tmp_path / "inventory"))


@pytest.fixture
def inventory(blank: Path) -> Path:
    """The same with all addresses given."""
    ledgerfile.allocate(blank)
    return blank
