"""Ansible filters for certificates that hosts make themselves and that others pin."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


def certificate_problems(text: str, name: str) -> list[str]:
    """Why a certificate (PEM) must not be pinned as that of the host ``name``; empty if it may be.

    Whoever pins it will take its holder for the host, so a host that was taken over must not get
    in by it under another's name, more certificates, or one that signs others (RFC 5280, 4.2.1.9).
    """
    try:
        certificates = x509.load_pem_x509_certificates(text.encode())
    except ValueError as error:
        return [f"what {name} gave is no certificate: {error}"]
    if len(certificates) != 1 or not _is_all(certificates[0], text):
        return [f"what {name} gave is more than one certificate"]
    (certificate,) = certificates
    problems = []
    subject = [(part.oid, part.value) for part in certificate.subject]
    if subject != [(NameOID.COMMON_NAME, name)]:
        problems.append(f"{name}'s certificate is for {certificate.subject.rfc4514_string()}")
    if _may_sign(certificate):
        problems.append(f"{name}'s certificate may sign others")
    return problems


def registrations(certificates: Mapping[str, str], folder: str) -> list[dict[str, Any]]:
    """Files for ``config_files``: in ``folder`` one for the certificate of each host.

    A certificate that is still to be made, as in check mode on a new host, is an empty text.
    """
    return [
        {"path": f"{folder}/{name}.crt", "content": f"{text.strip()}\n"}
        for name, text in sorted(certificates.items())
    ]


def _is_all(certificate: x509.Certificate, text: str) -> bool:
    """Whether ``text`` holds nothing besides the certificate."""
    encoded = certificate.public_bytes(Encoding.PEM).decode()
    return encoded.split() == text.split()


def _may_sign(certificate: x509.Certificate) -> bool:
    """Whether others would be trusted by it: also where it says nothing of the matter."""
    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except (x509.ExtensionNotFound, x509.DuplicateExtension):
        return True


class FilterModule:
    """The filters, by the names that expressions use."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Ansible asks for this."""
        return {
            "certificate_problems": certificate_problems,
            "registrations": registrations,
        }
