"""Where a province and its state are."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

import pytest

from hoaban.errors import HoabanError
from hoaban.workspace import Workspace

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "inventory").mkdir()
    (tmp_path / "inventory/province.yml").touch()
    return tmp_path


def test_the_state_folder_is_its_owners_alone(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HOABAN_HOME", raising=False)
    home = root / ".hoaban"
    home.mkdir()
    home.chmod(0o755)  # as another program made it
    before = os.umask(0o022)
    try:
        assert Workspace.find(root / "inventory").ensure_home() == home
    finally:
        os.umask(before)
    assert stat.S_IMODE(home.stat().st_mode) == 0o700


def test_the_state_may_be_elsewhere(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOABAN_HOME", str(root / "elsewhere"))
    workspace = Workspace.find(root)
    assert workspace.ensure_home() == root / "elsewhere"
    assert (root / "elsewhere").is_dir()


def test_a_folder_without_a_province_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HOABAN_ROOT", raising=False)
    with pytest.raises(HoabanError) as raised:
        Workspace.find(tmp_path)
    assert "hoaban init" in str(raised.value.mend)


def test_the_state_may_be_in_a_bucket(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HOABAN_HOME", raising=False)
    workspace = Workspace.find(root)
    folder = root / ".hoaban/state"
    assert workspace.backend == folder
    monkeypatch.setenv("PULUMI_BACKEND_URL", "s3://kho/sonla")
    assert workspace.backend == "s3://kho/sonla"
    stack = folder / ".pulumi/stacks/province/sonla.json"
    stack.parent.mkdir(parents=True)
    stack.touch()
    with pytest.raises(HoabanError, match="is s3://kho/sonla, but there are stacks in"):
        _ = workspace.backend
    monkeypatch.setenv("PULUMI_BACKEND_URL", folder.as_uri())
    assert workspace.backend == folder
