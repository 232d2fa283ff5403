"""What the facts agent tells, as typed values. It comes from hosts: nothing in it is trusted."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field


class Fact(BaseModel):
    """A part of the agent's answer; what later agents add is passed over."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Output(Fact):
    """A program's status and words."""

    status: int
    out: str
    err: str


class System(Fact):
    """Name, release, how it booted."""

    hostname: str
    fqdn: str
    os: str
    kernel: str
    cpus: int
    memory_mb: int
    uptime_seconds: float
    cloud_init_done: bool
    cloud_init_errors: list[str]
    reboot_required: bool


class AddressInfo(Fact):
    """One address, as ``ip -j address`` tells it."""

    family: str
    local: str
    prefixlen: int
    scope: str


class Interface(Fact):
    """One network interface."""

    ifname: str
    mtu: int = 0
    operstate: str = ""
    addr_info: list[AddressInfo] = []


class Route(Fact):
    """A default route."""

    gateway: str | None = None
    dev: str | None = None


class Network(Fact):
    """Interfaces and default routes."""

    addresses: list[Interface]
    routes: list[Route]


class Clock(Fact):
    """Chrony's words."""

    tracking: Output


class Volume(Fact):
    """What is mounted at a place that a volume was promised for."""

    mount: str
    device: str
    filesystem: str
    options: str
    filesystem_bytes: int = 0
    free_bytes: int = 0
    written: bool = False
    write_error: str = ""
    write_milliseconds: int = 0


class Disk(Fact):
    """A block device, as ``lsblk`` tells it."""

    path: str
    type: str
    size: int
    fstype: str | None = None
    label: str | None = None
    serial: str | None = None
    children: list[Disk] = []


class Disks(Fact):
    """All block devices."""

    blockdevices: list[Disk] = []


class Person(Fact):
    """An account that has a shell or a password."""

    shell: str
    password: bool
    keys: list[str]


class FilterFile(Fact):
    """The packet filter's file of the next boot, and the rules that loading it gives."""

    sha256: str
    ruleset: dict[str, Any] | None
    error: str
    """Why there are no rules; empty when there are."""


class PackageList(Fact):
    """Lists of packages of one archive, and how old they are by their own date."""

    label: str
    age_seconds: float


class Updates(Fact):
    """Units, settings and a dry run of unattended-upgrades, and apt's lists."""

    units: dict[str, dict[str, str]]
    settings: str
    dry_run: Output
    lists: list[PackageList]


class TunnelChild(Fact):
    """The part of a tunnel that carries packets (CHILD_SA), in the words of strongSwan's VICI."""

    state: str
    cipher: str = Field("", alias="encr-alg")
    keysize: str = Field("", alias="encr-keysize")

    @property
    def suite(self) -> str:
        """Cipher and size of its key."""
        return "_".join(part for part in (self.cipher, self.keysize) if part)


class Tunnel(TunnelChild):
    """A tunnel with a peer (IKE_SA)."""

    peer: str
    remote_id: str = Field("", alias="remote-id")
    prf: str = Field("", alias="prf-alg")
    exchange: str = Field("", alias="dh-group")
    ake1: str = ""
    """Key exchange beside the classic one (RFC 9370)."""
    children: list[TunnelChild] = Field([], alias="child-sas")


class IpsecGateway(Fact):
    """What ``ipsec-gateway status`` tells, of the role ``ipsec_gateway``."""

    post_quantum: bool
    certificate: dict[str, str] | None
    traps: list[str]
    sas: list[Tunnel]


class AuditRecord(Fact):
    """What auditctl says of the kernel's state and rules, and the rules that are written."""

    status: Output
    rules: Output
    written: str
    unit: dict[str, str]


class Facts(Fact):
    """All that the agent tells."""

    system: System
    network: Network
    clock: Clock
    volumes: list[Volume]
    disks: Disks | None
    fstab: str
    units: list[dict[str, Any]] | None
    """Failed units; None when systemd gave no list."""
    state: str
    sshd: str
    people: dict[str, Person]
    filter: dict[str, Any] | None
    filter_file: FilterFile
    filter_unit: dict[str, str]
    updates: Updates
    audit: AuditRecord
    ipsec: IpsecGateway | None = None
    """None where there is no gateway, or none that answers."""

    def disk(self, path: str) -> tuple[Disk, Disk] | None:
        """A block device by its path, and the whole disk that it is on."""
        for whole in self.disks.blockdevices if self.disks else []:
            stack = [whole]
            while stack:
                one = stack.pop()
                if one.path == path:
                    return one, whole
                stack += one.children
        return None
