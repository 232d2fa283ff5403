"""A host gets its own certificate pinned, and nothing more."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from hoaban.plugins.filter.certificates import certificate_problems, registrations


def certificate(*names: str, ca: bool | None = False) -> str:
    """A certificate made by its own holder, as PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name) for name in names])
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder(
        subject, subject, key.public_key(), 1, now, now + timedelta(days=1)
    )
    if ca is not None:
        constraints = x509.BasicConstraints(ca=ca, path_length=None)
        builder = builder.add_extension(constraints, critical=True)
    return builder.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM).decode()


def test_ones_own() -> None:
    assert certificate_problems(certificate("app-1"), "app-1") == []


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (certificate("app-2"), "is for CN=app-2"),
        (certificate("app-1", "app-2"), "is for "),
        (certificate("app-1", ca=True), "may sign others"),
        (certificate("app-1", ca=None), "may sign others"),
        (certificate("app-1") + certificate("app-2"), "more than one certificate"),
        (certificate("app-1") + "# and more\n", "more than one certificate"),
        ("", "is no certificate"),
        ("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "is no certificate"),
    ],
)
def test_what_would_let_a_host_pass_for_another(text: str, words: str) -> None:
    (problem,) = certificate_problems(text, "app-1")
    assert words in problem


def test_each_in_a_file_of_its_own() -> None:
    assert registrations({"b": "B\n", "a": ""}, "/clients") == [
        {"path": "/clients/a.crt", "content": "\n"},
        {"path": "/clients/b.crt", "content": "B\n"},
    ]
