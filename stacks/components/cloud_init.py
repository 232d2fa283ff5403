"""What a server is told at its first boot."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import jinja2

from hoaban.workspace import toolkit_root

if TYPE_CHECKING:
    from hoaban.model.environment import HostPlan

TEMPLATE = "cloud-init.yaml.j2"
LOGIN = "hoaban"
"""The account of Ansible on every host."""


@cache
def _template() -> jinja2.Template:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(toolkit_root() / "templates"),
        undefined=jinja2.StrictUndefined,
        autoescape=False,  # noqa: S701 - YAML; values are quoted by `tojson`
        trim_blocks=True,
        keep_trailing_newline=True,
    )
    return environment.get_template(TEMPLATE)


def first_boot(host: HostPlan, deploy_key: str, timezone: str) -> str:
    """User data of a host, as cloud-config. It is no place for secrets: the cloud shows it."""
    return _template().render(
        fqdn=host.fqdn,
        hostname=host.name,
        login=LOGIN,
        deploy_key=deploy_key.strip(),
        timezone=timezone,
    )
