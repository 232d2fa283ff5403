"""Small types that the files of the inventory share."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from ipaddress import IPv4Network, IPv6Network
from typing import Annotated, ClassVar

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

SLUG_PATTERN = r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$"
# What a service keeps below /var/lib by Debian's own packages. No other folder of the system can
# be a mount point: an empty volume over /var/lib/dpkg, /var/log or /etc hides what a host needs.
SERVICE_DATA = (
    "docker",
    "elasticsearch",
    "etcd",
    "grafana",
    "influxdb",
    "ldap",
    "minio",
    "mongodb",
    "mysql",
    "opensearch",
    "postgresql",
    "prometheus",
    "rabbitmq",
    "redis",
)
MOUNT_PATTERN = (
    rf"^/((data|opt|srv)(/[a-z0-9._-]+)+|var/lib/({'|'.join(SERVICE_DATA)})(/[a-z0-9._-]+)*)$"
)
DOMAIN_PATTERN = r"^[a-z0-9-]+(\.[a-z0-9-]+)+$"
USER_PATTERN = r"^[a-z][a-z0-9-]{1,30}$"
EMAIL_PATTERN = r"^[^@\s]+@[^@\s]+$"
FILESYSTEM_PATTERN = r"^(ext4|xfs)$"
IDENTITY_PATTERN = r'^[^"#{}\s]([^"#{}\n]*[^"#{}\s])?$'
PUBLIC_PEM_PATTERN = (
    r"^\s*-----BEGIN (CERTIFICATE|X509 CRL)-----\s[A-Za-z0-9+/=\s]+"
    r"-----END (CERTIFICATE|X509 CRL)-----\s*$"
)
REVOCATION_PATTERN = r"^(strict|ifuri|relaxed)$"
POST_QUANTUM_PATTERN = r"^(prefer|require|never)$"

SITE_PATTERN = r"^[a-z][a-z0-9]*(-[a-z0-9]+)*/[a-z][a-z0-9]*(-[a-z0-9]+)*$"
TUNNEL_PATTERN = r"^[a-z][a-z0-9-]{0,9}$"
VERSION_PATTERN = r"^v[0-9]+(\.[0-9]+)*$"
DOCUMENT_PATTERN = r"^[a-z0-9][a-z0-9._-]*(/[a-z0-9][a-z0-9._-]*)*\.(json|yaml|yml)$"
ENDPOINT_PATTERN = r"^(\[[0-9a-f:]+\]|[a-z0-9.-]+):[0-9]{1,5}$"

FORMS = {
    SLUG_PATTERN: "lower-case letters, digits and single hyphens, a letter first",
    MOUNT_PATTERN: (
        "a folder below /srv, /data or /opt, such as /srv/data, or the data folder of a service: "
        f"/var/lib/ and {', '.join(SERVICE_DATA[:-1])} or {SERVICE_DATA[-1]}"
    ),
    DOMAIN_PATTERN: "a domain name in lower case, such as dc.province.example",
    USER_PATTERN: "a login name: lower-case letters, digits and hyphens, a letter first",
    EMAIL_PATTERN: "a mail address, such as name@agency.example",
    FILESYSTEM_PATTERN: "ext4 or xfs",
    IDENTITY_PATTERN: "a name such as gateway.centre.example or a subject such as C=VN, CN=gateway",
    PUBLIC_PEM_PATTERN: "one certificate or CRL as PEM text, and never a private key",
    REVOCATION_PATTERN: "strict, ifuri or relaxed",
    POST_QUANTUM_PATTERN: "prefer, require or never",
    SITE_PATTERN: "the slugs of an agency and of its site, such as so-noi-vu/tru-so",
    TUNNEL_PATTERN: "at most 10 lower-case letters, digits and hyphens, a letter first",
    VERSION_PATTERN: "v and a number, such as v1 or v2.1",
    DOCUMENT_PATTERN: "a file below inventory/, such as interfaces/tra-cuu-ho-so.v1.yml",
    ENDPOINT_PATTERN: "an address or a name, and a UDP port, such as 203.0.113.7:51830",
}
"""What a text must look like, in words, by its pattern."""

Slug = Annotated[
    str,
    StringConstraints(pattern=SLUG_PATTERN, max_length=32),
    Field(description="Short name: lower-case letters, digits and single hyphens"),
]
SecurityLevel = Annotated[
    int, Field(ge=1, le=5, description="Level of an information system (Decree 85/2016/NĐ-CP)")
]
Gigabytes = Annotated[int, Field(gt=0, le=65_536, description="Size in GiB")]
MountPoint = Annotated[str, StringConstraints(pattern=MOUNT_PATTERN, max_length=128)]
IPNetwork = IPv4Network | IPv6Network
PortNumber = Annotated[int, Field(ge=1, le=65_535)]


class Model(BaseModel):
    """A part of a file: unknown keys are refused, values do not change after validation."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    moved: ClassVar[Mapping[str, str]] = {}
    """Keys that were here once: where they went, for who still has them."""


class Text(Model):
    """A text for people, in Vietnamese and English."""

    vi: Annotated[str, StringConstraints(min_length=1)]
    en: Annotated[str, StringConstraints(min_length=1)]


class Zone(StrEnum):
    """A network segment of an agency in the data centre (TCVN 11930:2017 asks for such zones)."""

    WEB = "web"
    APP = "app"
    DATA = "data"


class ProvinceZone(StrEnum):
    """A network segment of the province's own hosts."""

    MANAGEMENT = "management"
    SERVICES = "services"
    VPN = "vpn"
    PKI = "pki"
    EXCHANGE = "exchange"


class Protocol(StrEnum):
    """A protocol of a rule, in Neutron's words; ICMP is that of the rule's family."""

    TCP = "tcp"
    UDP = "udp"
    ICMP = "icmp"
    ESP = "esp"
    """Encapsulating security payload of IPsec (RFC 4303), protocol 50."""
    VRRP = "vrrp"
    """Who of several routers holds their common address (RFC 9568), protocol 112."""

    @property
    def has_ports(self) -> bool:
        """Whether it has ports."""
        return self in {Protocol.TCP, Protocol.UDP}


class Direction(StrEnum):
    """Which way a rule looks at, from the host's side."""

    INGRESS = "ingress"
    EGRESS = "egress"


class Family(StrEnum):
    """Internet protocol version of a rule, in the words of nftables and Neutron."""

    IPV4 = "ipv4"
    IPV6 = "ipv6"
