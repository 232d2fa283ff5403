"""Addresses that stacks still have, read from their state: what must not be given to others."""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import TYPE_CHECKING, Any, NamedTuple

from hoaban.errors import HoabanError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from hoaban.engine.embedded.backend import StackName
    from hoaban.engine.storage import Place
    from hoaban.model.types import IPNetwork


class Held(NamedTuple):
    """An address or a network that a resource in a stack's state has, or lets through."""

    network: IPNetwork
    resource: str
    """What it is and its name, such as ``port so-a-cong-web-1``."""
    stack: StackName


def held(backend: Place) -> list[Held]:
    """All addresses in the states of a backend: of ports and subnets, and what rules allow.

    States are read without their passphrase, since addresses are no secrets. What an operation
    that died had under way counts as there. Raises where a state can't be read: it may hold any.
    """
    # Only here: the model's other readers must not wait until the engine is loaded.
    from hoaban.engine.embedded.backend import Backend  # noqa: PLC0415
    from hoaban.engine.embedded.journal import JournalContent  # noqa: PLC0415

    reader = Backend(backend)
    found: list[Held] = []
    for name in reader.stacks():
        checkpoint, _ = reader.read(name)
        latest = checkpoint.latest if checkpoint else {}
        bodies = [*(latest.get("resources") or ())]
        bodies += [one["resource"] for one in latest.get("pending_operations") or ()]
        journal = JournalContent.read(reader.storage, reader.journal_key(name))
        if journal:
            bodies += [one["resource"] for one in journal.changes if "resource" in one]
        found += [one for body in bodies for one in _of_resource(body, name)]
    return found


def _of_resource(body: Mapping[str, Any], stack: StackName) -> list[Held]:
    noun = str(body["type"]).rpartition(":")[2]
    what = f"{noun} {str(body['urn']).rpartition('::')[2]}"
    texts = _addresses(body["type"], body.get("inputs") or {})
    return [Held(ip_network(text), what, stack) for text in texts]


def _addresses(type_: str, inputs: Mapping[str, Any]) -> list[str]:
    match type_:
        case "openstack:networking/port:Port":
            found = [one.get("ipAddress") for one in inputs.get("fixedIps") or ()]
        case "openstack:networking/subnet:Subnet":
            found = [inputs.get("cidr")]
        case "openstack:networking/secGroupRule:SecGroupRule":
            found = [inputs.get("remoteIpPrefix")]
        case _:
            found = []
    return [one for one in found if isinstance(one, str)]


def still_held(
    name: str,
    owned: Iterable[IPNetwork],
    standing: Iterable[Held],
    agencies: Collection[str],
) -> HoabanError | None:
    """The error for a name whose addresses stacks still have; None when they are free.

    ``owned`` are the networks to be freed; ``agencies`` those of the inventory.
    """
    mine = list(owned)
    found = [one for one in standing if any(_within(one.network, network) for network in mine)]
    if not found:
        return None
    first = found[0]
    more = f", and {len(found) - 1} more" if len(found) > 1 else ""
    if first.stack.project == "agency" and first.stack.stack not in agencies:
        mend = f"put the agency's file back, then: {first.stack.command('destroy')}"
    else:
        mend = f"bring that stack to what the inventory says: {first.stack.command('up')}"
    return HoabanError(
        f"the addresses of `{name}` are in use: {first.network} by {first.resource} of the stack "
        f"{first.stack}{more}",
        mend=mend,
    )


def _within(network: IPNetwork, other: IPNetwork) -> bool:
    if isinstance(network, IPv4Network):
        return isinstance(other, IPv4Network) and network.subnet_of(other)
    return isinstance(other, IPv6Network) and network.subnet_of(other)
