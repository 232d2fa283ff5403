"""The services of the lab: how each is asked, and what runs it."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_network
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from openstack.connection import Connection

ADDRESS = "127.0.77.1"
MIRROR_ADDRESS = "172.31.77.1"
"""This machine's address in the network ``public``, where guests find their mirror of Debian."""
PUBLIC_NETWORKS = (ip_network("172.31.77.0/24"), ip_network("fd77:6f61:6261:6e00::/64"))
"""Those of the network ``public``, which the machine itself has a leg in."""


@dataclass(frozen=True, slots=True)
class Api:
    """One service behind HTTP, run by the program ``name``.

    ``path`` answers without a token once the service is up. ``ask`` makes a call that needs the
    service's database (and a token, so keystone too), and raises when it fails.
    ``distribution`` is the Python package whose version is shown; none for a part of the toolkit.
    """

    name: str
    port: int
    distribution: str
    ask: Callable[[Connection], Any]
    path: str = "/"
    address: str = ADDRESS

    @property
    def url(self) -> str:
        """Address that answers without a token."""
        return f"http://{self.address}:{self.port}{self.path}"


@dataclass(frozen=True, slots=True)
class Worker:
    """A service without HTTP, known by the reports that it sends to the API that lists it.

    ``name`` is its program, ``binary`` and ``host`` are its names in the list.
    """

    name: str
    binary: str
    host: str
    distribution: str = ""


APIS = (
    Api("keystone", 5000, "keystone", lambda c: c.authorize(), path="/v3"),
    Api(
        "placement",
        8778,
        "openstack-placement",
        lambda c: next(c.placement.resource_providers(), None),
    ),
    Api("glance", 9292, "glance", lambda c: next(c.image.images(limit=1), None), path="/versions"),
    Api("nova-api", 8774, "nova", lambda c: next(c.compute.flavors(limit=1), None)),
    Api("neutron-api", 9696, "neutron", lambda c: next(c.network.networks(limit=1), None)),
    Api("cinder-api", 8776, "cinder", lambda c: next(c.block_storage.volumes(limit=1), None)),
    Api(
        "swift-proxy",
        8080,
        "swift",
        lambda c: next(c.object_store.containers(limit=1), None),
        path="/healthcheck",
    ),
    Api("swift-account", 6202, "swift", lambda _: None, path="/healthcheck"),
    Api("swift-container", 6201, "swift", lambda _: None, path="/healthcheck"),
    Api("swift-object", 6200, "swift", lambda _: None, path="/healthcheck"),
    Api("nova-metadata", 8775, "nova", lambda _: None),
    Api("mirror", 8780, "", lambda _: None, address=MIRROR_ADDRESS),
)

NOVA_WORKERS = (
    Worker("nova-conductor", "nova-conductor", "lab", "nova"),
    Worker("nova-scheduler", "nova-scheduler", "lab", "nova"),
)
NEUTRON_WORKERS = (
    Worker("ovn-controller", "ovn-controller", "lab-qemu"),
    Worker("neutron-agent", "neutron-ovn-agent", "lab-qemu", "neutron"),
)
CINDER_WORKERS = (
    Worker("cinder-scheduler", "cinder-scheduler", "lab", "cinder"),
    Worker("cinder-volume", "cinder-volume", "lab@nfs", "cinder"),
)

# These keep what the others know, so they are the last to stop.
KEEPERS = ("mariadb", "rabbitmq", "ovsdb")
# Started and stopped by the choice of a hypervisor, never by the supervisor itself.
CHOSEN = ("nova-compute-fake", "nova-compute-qemu")
