"""Which engine deploys."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from hoaban.engine.embedded import EmbeddedEngine
from hoaban.engine.official import OfficialEngine
from hoaban.engine.provider import UnknownPackageError
from hoaban.engine.pulumi_command import available, require
from hoaban.errors import UsageError
from hoaban.openstack import OpenStackProvider

if TYPE_CHECKING:
    from hoaban.engine.api import Engine
    from hoaban.engine.provider import Provider


class EngineName(StrEnum):
    """What ``--engine`` takes."""

    AUTO = "auto"
    EMBEDDED = "embedded"
    OFFICIAL = "official"


def engine_for(name: str = EngineName.AUTO) -> Engine:
    """The engine of that name.

    ``auto`` is the official one where this machine has the ``pulumi`` command and its plugin for
    OpenStack, else the embedded one.
    """
    if name not in list(EngineName):
        raise UsageError(f"there is no engine `{name}`", mend=f"one of: {', '.join(EngineName)}")
    if name == EngineName.OFFICIAL or (name == EngineName.AUTO and available()):
        require()
        return OfficialEngine()
    return EmbeddedEngine(provider)


def provider(package: str, version: str) -> Provider:
    """A provider of a package that a stack uses."""
    del version
    if package != OpenStackProvider.package:
        raise UnknownPackageError(
            f"there is no provider for the package `{package}`",
            mend=f"the embedded engine has openstack; put pulumi-resource-{package} on the path",
        )
    return OpenStackProvider()
