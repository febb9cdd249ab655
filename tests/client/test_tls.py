"""Certificates are verified, against a real TLS server."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from ipaddress import ip_address
from pathlib import Path
from threading import Thread

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from gatepost.client import Client
from gatepost.client.errors import Unreachable


def self_signed(folder: Path) -> tuple[Path, Path]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "gate.example")])
    today = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(today - timedelta(days=1))
        .not_valid_after(today + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    certificate_file, key_file = folder / "certificate.pem", folder / "key.pem"
    certificate_file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    key_file.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return certificate_file, key_file


class Answer(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = b'{"kind": "anonymous"}'
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
        """Say nothing."""


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    return self_signed(tmp_path)[0]


@pytest.fixture
def place(tmp_path: Path, certificate: Path) -> Iterator[str]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, tmp_path / "key.pem")
    with HTTPServer(("127.0.0.1", 0), Answer) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"127.0.0.1:{server.server_port}s"
        finally:
            server.shutdown()
            thread.join()


def test_a_certificate_of_nobody_we_trust_is_refused(place: str) -> None:
    with Client(place) as client, pytest.raises(Unreachable, match=r"does not verify: self-signed certificate$"):
        client.me()


def test_a_certificate_that_we_trust_is_taken(place: str, certificate: Path) -> None:
    with Client(place, verify=ssl.create_default_context(cafile=str(certificate))) as client:
        assert client.me().kind == "anonymous"


def test_the_name_is_verified_too(place: str, certificate: Path) -> None:
    elsewhere = place.replace("127.0.0.1", "localhost")
    context = ssl.create_default_context(cafile=str(certificate))
    with Client(elsewhere, verify=context) as client, pytest.raises(Unreachable, match="does not verify: Hostname"):
        client.me()
