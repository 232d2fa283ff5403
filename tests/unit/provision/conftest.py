from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import yaml

from tests.cloud.province import SmallProvince

if TYPE_CHECKING:
    from pathlib import Path


NO_CLOUD = {
    "auth_url": "http://127.0.0.1:1/v3",
    "username": "nobody",
    "password": "nothing",
    "project_name": "none",
    "user_domain_id": "default",
    "project_domain_id": "default",
}


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SmallProvince:
    """A province with files of its own, and a clouds.yaml with its cloud."""
    clouds = tmp_path / "clouds.yaml"
    clouds.write_text(yaml.safe_dump({"clouds": {"lab": {"auth": NO_CLOUD}}}))
    monkeypatch.setenv("OS_CLIENT_CONFIG_FILE", str(clouds))
    return SmallProvince(tmp_path / "checkout")
