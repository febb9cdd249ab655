"""A SAML 2.0 identity provider of npm's samlp, with a certificate that is made for the run."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx2
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from tests.peers.programs import node_program

FOLDER = Path(__file__).parent / "saml_idp"


class Idp:
    """A running identity provider, at which alice is in data-team and staff, and bob in nothing."""

    def __init__(self, url: str, certificate: Path) -> None:
        self.url = url
        self.certificate = certificate

    def set_groups(self, username: str, *groups: str) -> None:
        answer = httpx2.put(f"{self.url}/people/{username}/groups", json=groups, trust_env=False)
        answer.raise_for_status()


@contextmanager
def running_idp(folder: Path, consumer: str) -> Iterator[Idp]:
    """Start it for one service provider, which takes its answers at `consumer`."""
    key, certificate = make_certificate(folder)
    with node_program(FOLDER, "idp.mjs", str(key), str(certificate), consumer) as url:
        yield Idp(url, certificate)


def make_certificate(folder: Path) -> tuple[Path, Path]:
    """Write a key and a certificate signed by itself, which is how SAML is used."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "saml.example")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    key_file, certificate_file = folder / "saml.key", folder / "saml.crt"
    key_file.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    certificate_file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    return key_file, certificate_file
