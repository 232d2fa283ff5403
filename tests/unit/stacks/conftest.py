"""What tests of whole programs need around them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pulumi
import pytest

from hoaban.workspace import toolkit_root

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def workspace_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The sample province with an empty workspace that has a deploy key; no configuration stays."""
    monkeypatch.setenv("HOABAN_ROOT", str(toolkit_root()))
    monkeypatch.setenv("HOABAN_HOME", str(tmp_path))
    (tmp_path / "keys").mkdir()
    (tmp_path / "keys" / "deploy.pub").write_text("ssh-ed25519 AAAA deploy\n")
    yield
    pulumi.runtime.set_all_config({})
