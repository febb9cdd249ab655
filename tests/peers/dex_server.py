"""A Dex with three ways in: its own list of passwords, a SAML identity provider, and an LDAP directory."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from tests.peers.programs import answers, made, program
from tests.peers.saml_server import Idp, running_idp
from tests.peers.slapd_server import Directory, running_directory
from tests.ports import free_port

CONFIG = Path(__file__).parent / "dex/config.yaml"
START_SECONDS = 30


class Dex(NamedTuple):
    """A running Dex, and what stands behind it."""

    issuer: str
    saml: Idp
    ldap: Directory


@contextmanager
def running_dex(folder: Path, gatepost: str, path: str) -> Iterator[Dex]:
    """Start Dex for the Gatepost at `gatepost`, with its issuer at `path` of its own host: empty for the root (HA-24)."""
    program_folder = made("dex")
    port = free_port()
    issuer = f"http://localhost:{port}{path}"
    with running_directory(folder / "ldap") as ldap, running_idp(folder, f"{issuer}/callback") as saml:
        text = CONFIG.read_text(encoding="utf-8")
        for name, value in {
            "ISSUER": issuer,
            "PORT": port,
            "GATEPOST": gatepost,
            "WEB": program_folder / "web",
            "SAML": saml.url,
            "CERTIFICATE": saml.certificate,
            "LDAP": ldap.port,
        }.items():
            text = text.replace(f"@{name}@", str(value))
        file = folder / "dex.yaml"
        file.write_text(text, encoding="utf-8")
        command: list[str | Path] = [program_folder / "dex", "serve", file]
        with program(command, lambda: answers(f"{issuer}/healthz"), folder / "dex.log", within=START_SECONDS):
            yield Dex(issuer, saml, ldap)
