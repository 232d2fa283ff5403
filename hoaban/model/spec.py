"""What people write: ``inventory/province.yml`` and ``inventory/agencies/<slug>.yml``."""

from __future__ import annotations

from enum import StrEnum
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Annotated, ClassVar

from pydantic import Field, StringConstraints

from hoaban.model.exchange import Interfaces
from hoaban.model.types import (
    DOMAIN_PATTERN,
    EMAIL_PATTERN,
    FILESYSTEM_PATTERN,
    IDENTITY_PATTERN,
    POST_QUANTUM_PATTERN,
    PUBLIC_PEM_PATTERN,
    REVOCATION_PATTERN,
    USER_PATTERN,
    Gigabytes,
    Model,
    MountPoint,
    PortNumber,
    Protocol,
    ProvinceZone,
    SecurityLevel,
    Slug,
    Text,
    Zone,
)

PublicPem = Annotated[str, StringConstraints(pattern=PUBLIC_PEM_PATTERN)]


class Cloud(Model):
    """The OpenStack cloud that the province's stacks go to."""

    name: str
    """Entry of ``clouds.yaml``."""
    external_network: str
    """Network that gives floating IPs."""
    region: str | None = None
    availability_zone: str | None = None
    volume_type: str | None = None
    boot_seconds: Annotated[int, Field(ge=1, le=7200)] = 900
    """Longest first boot of a server, until it has told its SSH host key on its console."""


class Size(Model):
    """A size of server, made as a flavor."""

    vcpus: Annotated[int, Field(ge=1, le=128)]
    ram_mb: Annotated[int, Field(ge=256, le=2_097_152)]
    disk_gb: Annotated[int, Field(ge=1, le=4096)]


class Pool(Model):
    """Where one kind of network is taken from, in both families."""

    ipv4: IPv4Network
    ipv6: IPv6Network


class Pools(Model):
    """The province's address pools. Each agency gets one block of ``agencies``, cut into zones."""

    province: Pool
    """Networks of the province's own hosts, one an IPv4 /26 and IPv6 /64."""
    agencies: Pool
    """One IPv4 /24 and IPv6 /56 an agency; a zone is a /26 and /64 of it."""
    sites: Pool
    """Networks of offices, one IPv4 /26 and IPv6 /64 a site."""


class Operator(Model):
    """A person who may log in to every host."""

    name: Annotated[str, StringConstraints(pattern=USER_PATTERN)]
    full_name: str
    ssh_keys: Annotated[list[str], Field(min_length=1)]
    """Public keys in OpenSSH's ``authorized_keys`` format."""


class Services(Model):
    """Services outside the province's stacks that hosts use."""

    ntp_upstream: list[str] = []
    """Servers that the province's time hosts follow; with none they serve their own clock."""
    dns: list[IPv4Address | IPv6Address] = []
    """Resolvers that subnets hand out."""
    mirror: str | None = None
    """Base URL of a Debian mirror for hosts; the image's own sources when absent."""
    centre_networks: list[IPv4Network | IPv6Network] = []
    """Networks of the Government and the ministries, for exposure ``centre``."""


class CentreGateway(Model):
    """A gateway in front of the networks of the Government and the ministries."""

    name: Slug
    address: IPv4Address | IPv6Address
    identity: Annotated[str, StringConstraints(pattern=IDENTITY_PATTERN)]
    """Name or subject that its certificate holds."""


class Centre(Model):
    """IPsec tunnels to ``services.centre_networks``, kept by hosts with ``ipsec_gateway``."""

    identity: Annotated[str, StringConstraints(pattern=DOMAIN_PATTERN)]
    """Name by which the centre knows the province's gateways; all of them have it."""
    gateways: Annotated[list[CentreGateway], Field(min_length=1)]
    """In the order in which they are tried; all lead to the same networks."""
    authorities: list[PublicPem] = []
    """Certificates of the authorities that sign for the centre's gateways, as PEM text."""
    certificates: dict[Slug, PublicPem] = {}
    """Certificates of our own gateways, by host, as PEM text, once they are signed."""
    crls: list[PublicPem] = []
    """Lists of revoked certificates, as PEM text."""
    revocation: Annotated[str, StringConstraints(pattern=REVOCATION_PATTERN)] = "strict"
    """What is needed to trust a gateway: ``strict`` proof that it is not revoked, ``ifuri`` proof
    where its certificate says whom to ask, ``relaxed`` none."""
    post_quantum: Annotated[str, StringConstraints(pattern=POST_QUANTUM_PATTERN)] = "prefer"
    """Whether ML-KEM is added to the key exchange: ``prefer``, ``require`` or ``never``."""


class VolumeSpec(Model):
    """A data volume of each host of a tier."""

    name: Slug
    size_gb: Gigabytes
    mount: MountPoint
    filesystem: Annotated[str, StringConstraints(pattern=FILESYSTEM_PATTERN)] = "ext4"


class ProvinceService(StrEnum):
    """What a host of the province is for; also the name of a group and of playbook plays."""

    BASTION = "bastion"
    TIME = "time"
    BACKUP_HOST = "backup_host"
    LOG_HOST = "log_host"
    VPN_HUB = "vpn_hub"
    IPSEC_GATEWAY = "ipsec_gateway"
    PKI = "pki"
    EXCHANGE_GATEWAY = "exchange_gateway"


class OfflineCopy(Model):
    """Volumes for a third copy of backups, each attached only while it is written."""

    size_gb: Gigabytes
    volumes: Annotated[int, Field(ge=1, le=9)] = 2
    """They are written in turn: what is written to one can't spoil the others."""
    days: Annotated[int, Field(ge=2, le=366)] = 14
    """How old the newest copy may be."""


class ProvinceHost(Model):
    """A host of the province's own."""

    size: Slug
    zone: ProvinceZone = ProvinceZone.MANAGEMENT
    services: Annotated[list[ProvinceService], Field(min_length=1)]
    floating_ip: bool = False
    volumes: list[VolumeSpec] = []
    standby_of: Slug | None = None
    """Of a backup host: the one whose backups are copied here. It has no clients of its own."""
    offline: OfflineCopy | None = None
    """Of a backup host: a third copy of what it keeps, on volumes that are detached."""


class Approval(Model):
    """Which stacks change only by a saved plan that a second person has approved."""

    foundation: bool = False
    agencies: bool = False
    """Every agency's; one alone by ``approval: true`` in its own file."""


class ProvinceSpec(Model):
    """``inventory/province.yml``."""

    slug: Slug
    name: Text
    domain: Annotated[str, StringConstraints(pattern=DOMAIN_PATTERN)]
    timezone: str = "Asia/Ho_Chi_Minh"
    cloud: Cloud
    pools: Pools
    sizes: Annotated[dict[Slug, Size], Field(min_length=1)]
    operators: list[Operator] = []
    admin_networks: Annotated[list[IPv4Network | IPv6Network], Field(min_length=1)]
    """Networks from which the bastion may be reached by SSH."""
    sealed_to: list[str] = []
    """age recipients (age1…) that can open what is sealed: escrowed keys of backups, handed-out
    configurations. With none, an identity of the workspace's own is made and used."""
    approval: Approval = Approval()
    services: Services = Services()
    centre: Centre | None = None
    """Tunnels to the centre; none without."""
    centre_interfaces: Interfaces = Interfaces()
    """What systems of the Government and the ministries offer to agencies, and use of theirs."""
    hosts: Annotated[dict[Slug, ProvinceHost], Field(min_length=1)]


class AgencyKind(StrEnum):
    """What an agency is in the province's administration."""

    DEPARTMENT = "department"
    COMMUNE = "commune"
    SHARED_SERVICES = "shared-services"


class Site(Model):
    """An office of an agency."""

    slug: Slug
    name: Text
    address: str

    moved: ClassVar = {
        "link": "the circuits of sites are in links.yml, by agency and site; move it there: "
        "docs/links.md shows how",
    }


class Port(Model):
    """A port on which a tier serves."""

    port: PortNumber
    protocol: Protocol = Protocol.TCP


class Exposure(Model):
    """Who may reach the first tier of a system; nobody unless said."""

    own_agency: bool = False
    agencies: list[Slug] = []
    public: bool = False
    centre: bool = False


class Tier(Model):
    """A group of alike servers of a system, in one zone."""

    count: Annotated[int, Field(ge=1, le=50)] = 1
    size: Slug
    ports: Annotated[list[Port], Field(min_length=1)]
    volumes: list[VolumeSpec] = []


class Retention(Model):
    """How many backups are kept."""

    daily: Annotated[int, Field(ge=1)] = 7
    weekly: Annotated[int, Field(ge=0)] = 4
    monthly: Annotated[int, Field(ge=0)] = 12


class Backup(Model):
    """What may be lost (RPO) and how long a restore may take (RTO), in hours.

    ``drill_days`` is how old the last proof may be that a host's backup can be restored,
    ``quota_gb`` the most that the backups of each host may take at the backup host; no limit when
    not given.
    """

    rpo_hours: Annotated[int, Field(ge=1, le=168)] = 24
    rto_hours: Annotated[int, Field(ge=1, le=168)] = 8
    drill_days: Annotated[int, Field(ge=1, le=366)] = 90
    retention: Retention = Retention()
    quota_gb: Gigabytes | None = None


class Container(Model):
    """A container of object storage."""

    name: Slug
    quota_gb: Gigabytes


class System(Model):
    """One information system: tiers by zone; each tier is reached by the one before it only."""

    slug: Slug
    name: Text
    tiers: Annotated[dict[Zone, Tier], Field(min_length=1)]
    exposure: Exposure = Exposure()
    backup: Backup | None = None
    containers: list[Container] = []


class Contact(Model):
    """Who answers for the agency's environment and signs its handover."""

    name: str
    role: Text
    email: Annotated[str, StringConstraints(pattern=EMAIL_PATTERN)]


class AgencySpec(Model):
    """``inventory/agencies/<slug>.yml``."""

    slug: Slug
    name: Text
    kind: AgencyKind
    security_level: SecurityLevel = 2
    users: Annotated[int, Field(ge=1)]
    contact: Contact | None = None
    approval: bool = False
    """Whether its stack changes only by a saved plan that a second person has approved."""
    sites: list[Site] = []
    systems: list[System] = []
    interfaces: Interfaces = Interfaces()
