"""nginx, Caddy, Envoy and Traefik, each on the very files of `deploy/` with this machine's ports and a certificate."""

from __future__ import annotations

import datetime as dt
import os
import re
import shutil
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import BinaryIO

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.house.source import ROOT
from tests.peers.programs import made

DEPLOY = ROOT / "deploy"


@dataclass(frozen=True)
class Ports:
    """Where everything listens on 127.0.0.1."""

    gateway: int
    gatepost: int
    application: int


def program(name: str) -> str:
    """The path of a gateway.  On CI it has to be there; elsewhere its tests are skipped, and say so."""
    found = shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if found is None:
        if os.environ.get("CI") == "true":
            pytest.fail(f"CI has to have {name}")
        pytest.skip(f"there is no {name} on this machine: apt-get install {name}")
    return found


def certificate(folder: Path) -> None:
    """Write a key and a certificate for this machine."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "gateway")])
    names = x509.SubjectAlternativeName([x509.DNSName("localhost"), x509.IPAddress(ip_address("127.0.0.1"))])
    start = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
    made = x509.CertificateBuilder(name, name, key.public_key(), 1, start, start.replace(year=2100))
    signed = made.add_extension(names, critical=False).sign(key, hashes.SHA256())
    folder.joinpath("fullchain.pem").write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    folder.joinpath("privkey.pem").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )


def replaced(text: str, changes: dict[str, str]) -> str:
    """Every change has to find something: else the file has changed, and this no longer tests it."""
    for old, new in changes.items():
        assert old in text, f"{old!r} is not in the file of deploy/ any more"
        text = text.replace(old, new)
    return text


def nginx(folder: Path, ports: Ports) -> list[str]:
    changes = {
        "listen 443 ssl": f"listen 127.0.0.1:{ports.gateway} ssl",
        "server_name auth.example": "server_name 127.0.0.1",
        "server_name app.example": "server_name localhost",
        "/etc/ssl/gatepost/": f"{folder}/",
        "server 127.0.0.1:8420": f"server 127.0.0.1:{ports.gatepost}",
        "server 127.0.0.1:9000": f"server 127.0.0.1:{ports.application}",
    }
    temporary = "".join(
        f"    {kind}_temp_path {folder}/{kind};\n" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    text = replaced((DEPLOY / "nginx.conf").read_text("utf-8"), changes)
    text = text.replace("http {\n", f"http {{\n    access_log off;\n{temporary}", 1)
    # A folder of pytest's is for one user, so that nobody else's worker could write a body there.
    user = "user root;\n" if os.geteuid() == 0 else ""
    head = f"{user}daemon off;\npid {folder}/nginx.pid;\nerror_log {folder}/log warn;\n"
    folder.joinpath("nginx.conf").write_text(head + text, "utf-8")
    shutil.copy(DEPLOY / "nginx-forward-auth.conf", folder)
    return [program("nginx"), "-c", f"{folder}/nginx.conf", "-p", str(folder), "-e", f"{folder}/log"]


def caddy(folder: Path, ports: Ports) -> list[str]:
    tls = f"tls {folder}/fullchain.pem {folder}/privkey.pem"
    changes = {
        "\tadmin off\n": "\tadmin off\n\tauto_https disable_redirects\n\tskip_install_trust\n",
        "auth.example {\n": f"https://127.0.0.1:{ports.gateway} {{\n\t{tls}\n",
        "app.example {\n": f"https://localhost:{ports.gateway} {{\n\t{tls}\n",
        "127.0.0.1:8420": f"127.0.0.1:{ports.gatepost}",
        "127.0.0.1:9000": f"127.0.0.1:{ports.application}",
    }
    text = (DEPLOY / "Caddyfile").read_text("utf-8")
    comment, _, rest = text.partition("{\n")  # its first lines name the hosts as well
    folder.joinpath("Caddyfile").write_text(comment + replaced("{\n" + rest, changes), "utf-8")
    return [program("caddy"), "run", "--config", f"{folder}/Caddyfile", "--adapter", "caddyfile"]


def envoy(folder: Path, ports: Ports) -> list[str]:
    changes = {
        "address: 0.0.0.0, port_value: 443": f"address: 127.0.0.1, port_value: {ports.gateway}",
        '["auth.example"]': f'["127.0.0.1:{ports.gateway}"]',
        '["app.example"]': f'["localhost:{ports.gateway}"]',
        "/etc/ssl/gatepost/": f"{folder}/",
        "port_value: 8420": f"port_value: {ports.gatepost}",
        "port_value: 9000": f"port_value: {ports.application}",
    }
    text = replaced((DEPLOY / "envoy.yaml").read_text("utf-8"), changes)
    folder.joinpath("envoy.yaml").write_text(text, "utf-8")
    # Two of them on one machine share memory by this number, unless there is none; and two threads are enough.
    options = ["--disable-hot-restart", "--concurrency", "2", "--log-level", "warning"]
    return [str(made("envoy") / "envoy/_bin/envoy"), "-c", f"{folder}/envoy.yaml", *options]


def envoy_by_prefix(folder: Path, ports: Ports) -> list[str]:
    """As an Envoy is set up that has no `path_override`."""
    command = envoy(folder, ports)
    file = folder / "envoy.yaml"
    override = 'path_override: "/forward-auth?redirect=true"\n'
    file.write_text(replaced(file.read_text("utf-8"), {override: "path_prefix: /forward-auth\n"}), "utf-8")
    return command


def traefik(folder: Path, ports: Ports) -> list[str]:
    start = {":443": f"127.0.0.1:{ports.gateway}", "/etc/traefik/": f"{folder}/"}
    routes = {
        "`auth.example`": "`127.0.0.1`",
        "`app.example`": "`localhost`",
        "/etc/ssl/gatepost/": f"{folder}/",
        "127.0.0.1:8420": f"127.0.0.1:{ports.gatepost}",
        "127.0.0.1:9000": f"127.0.0.1:{ports.application}",
    }
    for name, changes in (("traefik.yaml", start), ("traefik-routes.yaml", routes)):
        folder.joinpath(name).write_text(replaced((DEPLOY / name).read_text("utf-8"), changes), "utf-8")
    return [str(made("traefik") / "traefik"), f"--configfile={folder}/traefik.yaml"]


COMMANDS = {"nginx": nginx, "caddy": caddy, "envoy": envoy, "envoy, by prefix": envoy_by_prefix, "traefik": traefik}


@contextmanager
def running(kind: str, folder: Path, ports: Ports) -> Iterator[None]:
    """Run a gateway until the end of the block, from when it takes connections."""
    certificate(folder)
    command = COMMANDS[kind](folder, ports)
    environ = {**os.environ, "HOME": str(folder), "XDG_DATA_HOME": str(folder), "XDG_CONFIG_HOME": str(folder)}
    with folder.joinpath("output").open("wb") as output:
        process = subprocess.Popen(command, cwd=folder, env=environ, stdout=output, stderr=output)
    try:
        until = time.monotonic() + 30
        while not is_ready(ports.gateway):
            assert process.poll() is None, folder.joinpath("output").read_text()
            assert time.monotonic() < until, folder.joinpath("output").read_text()
            time.sleep(0.05)
        yield
    finally:
        process.terminate()
        process.wait(15)


def is_ready(port: int) -> bool:
    """Whether a gateway knows the application's host: Traefik takes connections before it has read its routes."""
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
        return send(port, request("/", host=f"localhost:{port}")).status not in (0, 404)
    except OSError:
        return False


@dataclass(frozen=True)
class Answered:
    """A gateway's answer, as far as the end of its body."""

    status: int
    headers: dict[str, str]
    body: bytes
    rest: socket.socket | None = None


def send(port: int, request: bytes, *, host: str = "localhost", keep: bool = False) -> Answered:
    """Send these very bytes over TLS.  With `keep` the connection stays open, for a WebSocket."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    plain = socket.create_connection(("127.0.0.1", port), 10)
    connection = context.wrap_socket(plain, server_hostname=host)
    connection.sendall(request)
    with connection.makefile("rb") as file:
        line = file.readline().decode("latin-1")
        headers = {}
        while field := file.readline().decode("latin-1").strip():
            name, _, value = field.partition(":")
            headers[name.lower()] = value.strip()
        status = int(line.split(" ")[1]) if line else 0
        if keep:
            return Answered(status, headers, b"", connection)
        body = b"" if request.startswith(b"HEAD ") else _read_body(file, headers)
    connection.close()
    return Answered(status, headers, body)


def _read_body(file: BinaryIO, headers: dict[str, str]) -> bytes:
    if headers.get("transfer-encoding") != "chunked":
        return file.read(int(headers.get("content-length", "0")))
    body = b""
    while size := int(file.readline(), 16):
        body += file.read(size)
        file.readline()
    return body


def request(target: str, *lines: str, method: str = "GET", host: str, body: bytes = b"") -> bytes:
    """An HTTP/1.1 request with its headers as they stand here."""
    assert not re.search(r"[\r\n]", target)
    length = [f"Content-Length: {len(body)}"] if body else []
    head = [f"{method} {target} HTTP/1.1", f"Host: {host}", *lines, *length, "", ""]
    return "\r\n".join(head).encode("latin-1") + body
