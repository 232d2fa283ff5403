"""Default providers: one for each package and version, configured by the stack."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hoaban.engine.embedded.steps import Goal
from hoaban.engine.embedded.urns import PROVIDER_PREFIX, make_urn

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hoaban.engine.embedded.backend import StackName
    from hoaban.engine.values import PropertyMap, Secret


def default_name(version: str) -> str:
    """The name of a package's default provider, as the official engine forms it."""
    return f"default_{version.replace('.', '_')}" if version else "default"


def is_default(urn: str) -> bool:
    """Whether a provider's URN is that of a default one."""
    name = urn.rpartition("::")[2]
    return name == "default" or name.startswith("default_")


def default_goal(
    stack: StackName, package: str, version: str, config: Mapping[str, str | Secret]
) -> Goal:
    """The default provider of a package: its inputs are the configuration in its namespace."""
    name = default_name(version)
    type_ = PROVIDER_PREFIX + package
    inputs: PropertyMap = {"__internal": {}}
    if package != stack.project:
        prefix = f"{package}:"
        inputs |= {
            key.removeprefix(prefix): value
            for key, value in config.items()
            if key.startswith(prefix)
        }
    if version:
        inputs["version"] = version
    urn = make_urn(stack.stack, stack.project, "", type_, name)
    return Goal(urn=urn, type=type_, name=name, custom=True, inputs=inputs)
