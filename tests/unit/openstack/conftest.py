"""A provider that talks to the cloud in memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import requests

from hoaban.openstack import OpenStackProvider, batch, logins, patience, poll
from hoaban.openstack import cloud as cloud_module
from tests.cloud.lifecycle import Maker
from tests.unit.openstack.fake_cloud import HOST, PASSWORD
from tests.unit.openstack.fake_services import World

if TYPE_CHECKING:
    from pathlib import Path

CLOUDS = f"""
clouds:
  lab:
    region_name: RegionOne
    auth:
      auth_url: {HOST}/identity/v3
      username: admin
      password: {PASSWORD}
      project_name: province
      user_domain_id: default
      project_domain_id: default
"""


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    """The cloud, with waits that last no time."""
    made = World()

    def session() -> requests.Session:
        http = requests.Session()
        http.mount("http://", made.http)
        return http

    monkeypatch.setattr(cloud_module, "http_session", session)
    monkeypatch.setattr(logins, "LOGINS", logins.Logins())  # of this cloud, and no other test's
    monkeypatch.setattr(cloud_module, "_FIRST_PAUSE", 0.001)
    monkeypatch.setattr(patience, "PAUSE", 0.01)
    monkeypatch.setattr(patience, "PATIENCE", 0.2)
    quick = {"first_rest": 0.02, "shortest_rest": 0.005}
    init = poll.Poller.__init__
    monkeypatch.setattr(
        poll.Poller, "__init__", lambda self, *args, **how: init(self, *args, **{**how, **quick})
    )
    collect = batch.Batcher.__init__  # a loaded machine starts threads slowly
    monkeypatch.setattr(
        batch.Batcher,
        "__init__",
        lambda self, send, **how: collect(self, send, **{**how, "window": 0.1}),
    )
    return made


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    path = tmp_path / "clouds.yaml"
    path.write_text(CLOUDS)
    return {"OS_CLIENT_CONFIG_FILE": str(path), "OS_CLOUD": "lab"}


@pytest.fixture
def provider(world: World, environ: dict[str, str]) -> OpenStackProvider:
    made = OpenStackProvider(environ)
    made.configure({}, preview=False)
    return made


@pytest.fixture
def make(provider: OpenStackProvider) -> Maker:
    return Maker(provider)
