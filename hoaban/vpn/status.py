"""How the tunnels are, as the hosts at the data centre's end tell it."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from hoaban.errors import HoabanError
from hoaban.model.types import Model

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hoaban.remote import Remote

COMMAND = ("sudo", "hoaban-wireguard", "status")
SESSION_SECONDS = 180
"""WireGuard ends a session that was not renewed for so long (REJECT_AFTER_TIME)."""


class Peer(Model):
    """The other end of a tunnel. Times are seconds since 1970, by the host's clock."""

    name: str
    public_key: str
    endpoint: str | None
    handshake: int | None
    received_bytes: int
    sent_bytes: int
    bandwidth_mbit: float | None = None


class Interface(Model):
    """A tunnel interface with its peers."""

    name: str
    up: bool
    public_key: str | None = None
    listen_port: int | None = None
    peers: tuple[Peer, ...]


class Neighbour(Model):
    """A neighbour of BGP; ``state`` in the words of RFC 4271, or ``Down`` without a daemon."""

    name: str
    address: str
    asn: int
    interface: str | None
    state: str


class Virtual(Model):
    """The address that one of the hubs holds."""

    addresses: tuple[str, ...]
    held: bool


class HubStatus(Model):
    """What one host tells of its tunnels; ``time`` is its clock, in seconds since 1970."""

    time: int
    interfaces: tuple[Interface, ...]
    neighbours: tuple[Neighbour, ...]
    virtual: Virtual

    def alive(self, peer: Peer) -> bool:
        """Whether there is a session with a peer."""
        return peer.handshake is not None and self.time - peer.handshake <= SESSION_SECONDS


def read(text: str, host: str) -> HubStatus:
    """What ``hoaban-wireguard status`` printed on a host."""
    try:
        return HubStatus.model_validate(json.loads(text))
    except ValueError as error:
        raise HoabanError(
            f"{host} does not tell how its tunnels are",
            mend=f"hoaban converge --host {host}, then ask again",
            detail=str(error)[:2000],
        ) from error


def ask(remote: Remote, hosts: Sequence[str]) -> dict[str, HubStatus | HoabanError]:
    """The status of each host, or why it could not be had; hosts are asked side by side."""

    def one(host: str) -> HubStatus | HoabanError:
        result = remote.run(host, COMMAND)
        if not result.ok:
            complaint = result.stderr.strip() or f"status {result.status}"
            return HoabanError(
                f"{host} can't be asked: {complaint}",
                mend=f"see that it can be reached: hoaban ssh {host}",
            )
        try:
            return read(result.stdout, host)
        except HoabanError as error:
            return error

    with ThreadPoolExecutor(max_workers=max(1, min(16, len(hosts)))) as pool:
        return dict(zip(hosts, pool.map(one, hosts), strict=True))


def to_json(answers: dict[str, HubStatus | HoabanError]) -> list[dict[str, Any]]:
    """Plain values, an entry a host."""
    return [
        {"host": host, "error": answer.what}
        if isinstance(answer, HoabanError)
        else {"host": host, **answer.model_dump(mode="json")}
        for host, answer in answers.items()
    ]
