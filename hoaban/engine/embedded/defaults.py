"""Default providers: one for each package and version, configured by the stack."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from hoaban.engine.embedded.properties import reveal
from hoaban.engine.embedded.steps import Goal
from hoaban.engine.embedded.urns import PROVIDER_PREFIX, make_urn
from hoaban.errors import HoabanError, Location

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hoaban.engine.embedded.backend import StackName
    from hoaban.engine.values import PropertyMap, Secret

DYNAMIC: Final = "pulumi-python"
"""The package of resources whose provider is in the program (``pulumi.dynamic``)."""

_DENIED: Final = "pulumi:disable-default-providers"


def default_name(version: str) -> str:
    """The name of a package's default provider, as the official engine forms it."""
    return f"default_{version.replace('.', '_')}" if version else "default"


def is_default(urn: str) -> bool:
    """Whether a provider's URN is that of a default one."""
    name = urn.rpartition("::")[2]
    return name == "default" or name.startswith("default_")


def _refuse_denied(package: str, config: Mapping[str, str | Secret]) -> None:
    """Keep to ``pulumi:disable-default-providers``, a list of packages or ``*`` for all of them."""
    denied = json.loads(reveal(config.get(_DENIED, "[]")))
    if package in denied or ("*" in denied and package != "pulumi"):
        raise HoabanError(
            f"the default provider of {package} is disabled",
            where=Location(key=_DENIED),
            mend="give the resource a provider, or take the package out of this configuration",
        )


def default_goal(
    stack: StackName, package: str, version: str, config: Mapping[str, str | Secret]
) -> Goal:
    """The default provider of a package: its inputs are the configuration in its namespace."""
    _refuse_denied(package, config)
    name = default_name(version)
    type_ = PROVIDER_PREFIX + package
    inputs: PropertyMap = {"__internal": {}}
    if package == DYNAMIC:  # its providers look for what they need by full names
        inputs |= config
    elif package != stack.project:
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
