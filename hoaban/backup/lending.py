"""Volumes that are attached to a server for a while, in the project of a stack.

The provider does it as it does for stacks: it waits, takes over an attachment that an interrupted
run has begun, and says in its own words what the cloud refuses.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

from hoaban.engine.provider import ResourceState
from hoaban.errors import HoabanError
from hoaban.openstack import OpenStackProvider
from hoaban.provision.credentials import find_entry

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from hoaban.inventory.fleet import ManagedHost
    from hoaban.model.spec import Cloud

VOLUME: Final = "openstack:blockstorage/volume:Volume"
ATTACHMENT: Final = "openstack:compute/volumeAttach:VolumeAttach"
TIMEOUT: Final = 600.0


class Lending(Protocol):
    """What can be done with the offline volumes of a host; each by its identifier."""

    def servers(self, volume: str) -> list[str]:
        """Identifiers of the servers that have the volume; none when it is detached."""

    def attach(self, volume: str) -> None:
        """Attach it to the host, and wait until it is."""

    def detach(self, volume: str) -> None:
        """Take it from whatever server has it, and wait until none has."""


@dataclass(frozen=True, slots=True)
class CloudLending:
    """The volumes of a host in the province's cloud."""

    provider: OpenStackProvider
    server: str

    @classmethod
    def of(cls, host: ManagedHost, cloud: Cloud, inventory: Path) -> CloudLending:
        """Work in the host's project; the cloud is asked nothing yet."""
        entry = find_entry(cloud.name, inventory / "province.yml")
        provider = OpenStackProvider(entry.environment)
        settings = {"region": cloud.region} if cloud.region else {}
        inputs = {"tenantId": host.state.outputs.project_id, **settings}
        provider.configure(inputs, preview=False)
        return cls(provider, host.output.server_id)

    def servers(self, volume: str) -> list[str]:
        """See :class:`Lending`."""
        self.provider.begin_epoch()
        found = self.provider.read(_urn(VOLUME, volume), VOLUME, volume, None)
        if found is None:
            raise HoabanError(
                f"the cloud has no volume {volume}, which the stack's state holds",
                mend="read the cloud into the state and build it again: hoaban refresh, hoaban up",
            )
        return [str(one["instanceId"]) for one in found.outputs.get("attachments") or ()]

    def attach(self, volume: str) -> None:
        """See :class:`Lending`."""
        asked = {"instanceId": self.server, "volumeId": volume}
        urn = _urn(ATTACHMENT, volume)
        checked = self.provider.check(urn, ATTACHMENT, {}, asked).inputs
        self.provider.create(urn, ATTACHMENT, checked, key="", timeout=TIMEOUT, preview=False)

    def detach(self, volume: str) -> None:
        """See :class:`Lending`."""
        # Asked for the host too: an attachment that is still being made is not in the list yet.
        for server in {self.server, *self.servers(volume)}:
            identifier = f"{server}/{volume}"
            held: Mapping[str, str] = {"instanceId": server, "volumeId": volume}
            self.provider.delete(
                _urn(ATTACHMENT, volume),
                ATTACHMENT,
                identifier,
                ResourceState(identifier, dict(held)),
                timeout=TIMEOUT,
            )
        left = self.servers(volume)
        if left:
            raise HoabanError(
                f"volume {volume} is still attached to server {', '.join(left)}",
                mend="detach it by the cloud's own means, and see the log of the compute service",
            )


def _urn(token: str, volume: str) -> str:
    return f"urn:pulumi:offline::backup::{token}::{volume}"
