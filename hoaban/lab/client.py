"""A connection to the lab with openstacksdk."""

from __future__ import annotations

from typing import TYPE_CHECKING

from openstack.config import OpenStackConfig
from openstack.connection import Connection

if TYPE_CHECKING:
    from hoaban.lab.layout import Layout

CLOUD = "lab"


def connect(layout: Layout, timeout: float = 60) -> Connection:
    """The lab's administrator. The environment's own ``OS_*`` and proxies are left out of it.

    A call fails when no answer came within ``timeout`` seconds.
    """
    config = OpenStackConfig(
        config_files=[str(layout.clouds)], load_envvars=False, app_name="hoaban"
    )
    cloud = Connection(config=config.get_one(CLOUD, api_timeout=timeout))
    cloud.session.session.trust_env = False
    return cloud
