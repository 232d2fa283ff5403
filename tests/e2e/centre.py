"""The centre's gateway: strongSwan as Debian has it, configured by hand, and an authority."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

if TYPE_CHECKING:
    from tests.e2e.outside import Guest

IDENTITY = "one.centre.example"
PROVINCE = "gateway.thu-nghiem.example"
INSIDE = "198.51.100.10"
NETWORK = "198.51.100.0/24"
DAYS = timedelta(days=30)


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


@dataclass(frozen=True, slots=True)
class Authority:
    """Signs for both sides, and says that nothing is revoked."""

    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate

    @classmethod
    def make(cls) -> Authority:
        """A new one."""
        key, now = ec.generate_private_key(ec.SECP384R1()), datetime.now(UTC)
        usage = x509.KeyUsage(
            digital_signature=False, content_commitment=False, key_encipherment=False,
            data_encipherment=False, key_agreement=False, key_cert_sign=True, crl_sign=True,
            encipher_only=False, decipher_only=False,
        )  # fmt: skip
        certificate = (
            x509.CertificateBuilder(_name("Centre"), _name("Centre"), key.public_key(), 1)
            .not_valid_before(now - DAYS)
            .not_valid_after(now + DAYS)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(usage, critical=True)
            .add_extension(
                x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False
            )
            .sign(key, hashes.SHA384())
        )
        return cls(key, certificate)

    def sign(self, key: ec.EllipticCurvePublicKey, name: str) -> str:
        """A certificate for a key and a name, as PEM."""
        now = datetime.now(UTC)
        builder = (
            x509.CertificateBuilder(self.certificate.subject, _name(name), key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - DAYS)
            .not_valid_after(now + DAYS)
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
            .add_extension(self._identifier(), critical=False)
        )
        return builder.sign(self.key, hashes.SHA384()).public_bytes(_PEM).decode()

    def answer(self, request: str) -> str:
        """A certificate for a request in PEM, for the name in it."""
        asked = x509.load_pem_x509_csr(request.encode())
        assert asked.is_signature_valid
        names = asked.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        [name] = names.get_values_for_type(x509.DNSName)
        key = asked.public_key()
        assert isinstance(key, ec.EllipticCurvePublicKey)
        return self.sign(key, name)

    @property
    def pem(self) -> str:
        """Its own certificate."""
        return self.certificate.public_bytes(_PEM).decode()

    def revoked(self) -> str:
        """The list of what is revoked, as PEM: nothing."""
        now = datetime.now(UTC)
        builder = (
            x509.CertificateRevocationListBuilder(self.certificate.subject, now, now + DAYS)
            .add_extension(self._identifier(), critical=False)
            .add_extension(x509.CRLNumber(1), critical=False)
        )
        return builder.sign(self.key, hashes.SHA384()).public_bytes(_PEM).decode()

    def _identifier(self) -> x509.AuthorityKeyIdentifier:
        own = self.certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
        return x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(own)


_PEM = serialization.Encoding.PEM

CONNECTION = """
connections {{
  province {{
    version = 2
    remote_addrs = {peer}
    proposals = aes256gcm16-prfsha384-ecp384
    dpd_delay = 5s
    local {{
      auth = pubkey
      certs = centre.pem
      id = {identity}
    }}
    remote {{
      auth = pubkey
      id = {province}
      revocation = strict
    }}
    children {{
      net {{
        local_ts = {network}
        remote_ts = {servers}
        esp_proposals = aes256gcm16-ecp384
      }}
    }}
  }}
}}
"""


def configure(gateway: Guest, authority: Authority, peer: str, servers: str) -> None:
    """Make a guest the centre's gateway, which calls the province's at ``peer``.

    The guest may have other ways to the same servers: those of the centre are taken by its own
    addresses alone.
    """
    key = ec.generate_private_key(ec.SECP384R1())
    pem = key.private_bytes(
        _PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
    gateway.write("/etc/swanctl/private/centre.pem", pem)
    gateway.write("/etc/swanctl/x509/centre.pem", authority.sign(key.public_key(), IDENTITY))
    gateway.write("/etc/swanctl/x509ca/centre.pem", authority.pem)
    gateway.write("/etc/swanctl/x509crl/centre.pem", authority.revoked())
    values = {"peer": peer, "identity": IDENTITY, "province": PROVINCE, "servers": servers}
    gateway.write("/etc/swanctl/conf.d/province.conf", CONNECTION.format(**values, network=NETWORK))
    gateway.write("/etc/strongswan.d/charon-routes.conf", "charon {\n  install_routes = no\n}\n")
    gateway.run(
        f"ip address add {INSIDE}/32 dev lo\n"
        "ip route add table 198 $(ip route show default | head -1)\n"
        f"ip rule add from {INSIDE} lookup 198\n"
        "systemctl restart strongswan\n"
        "swanctl --load-all --noprompt"
    )
