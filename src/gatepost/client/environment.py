"""The client's part of the environment: which server and as whom.  `environment()` alone reads it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace

from gatepost.client.credentials import Basic, Bearer, Credential, Nobody, told_apart
from gatepost.client.errors import Misconfigured
from gatepost.client.server import DEFAULT_URL, Server, parse_server

_MODES = ("gatepost", "external")


def environment() -> Mapping[str, str]:
    """Return the process's environment.  No other function of the SDK looks at it."""
    return dict(os.environ)


def is_external(environ: Mapping[str, str]) -> bool:
    """Tell whether credentials are sent as they are, and Gatepost is never asked for a token.

    Raises `Misconfigured` for a mode that is neither `gatepost` nor `external`.
    """
    mode = environ.get("GATEPOST_AUTH_MODE", "") or "gatepost"
    if mode not in _MODES:
        raise Misconfigured("GATEPOST_AUTH_MODE is neither 'gatepost' nor 'external'")
    return mode == "external"


def credential_from(environ: Mapping[str, str]) -> Credential:
    """Read the credential that the environment gives.  Raises `Misconfigured` where it is ambiguous or half given."""
    key, username, password = (environ.get(f"GATEPOST_{name}", "") for name in ("API_KEY", "USER", "PASSWORD"))
    external = is_external(environ)
    if key and (username or password):
        raise Misconfigured("GATEPOST_API_KEY is set beside GATEPOST_USER or GATEPOST_PASSWORD: unset one of the two")
    if username and not password:
        raise Misconfigured("GATEPOST_USER is set without GATEPOST_PASSWORD")
    if password and not username:
        raise Misconfigured("GATEPOST_PASSWORD is set without GATEPOST_USER")
    if key:
        return Bearer(key)
    if username:
        return Basic(username, password) if external else told_apart(username, password)
    return Nobody()


def server_from(environ: Mapping[str, str], spec: str | None = None) -> Server:
    """Find the server: `spec` if given, else GATEPOST_URL, else the address that `gatepost serve` listens on.

    A spec given by the caller that carries a credential is believed alone; GATEPOST_URL with one
    beside another in the environment is ambiguous.  Raises `Misconfigured`.
    """
    external = is_external(environ)
    if spec is not None:
        server = parse_server(spec, external=external)
        return server if not server.is_anonymous else replace(server, credential=credential_from(environ))
    server = parse_server(environ.get("GATEPOST_URL", "") or DEFAULT_URL, external=external)
    credential = credential_from(environ)
    if server.is_anonymous:
        return replace(server, credential=credential)
    if not isinstance(credential, Nobody):
        raise Misconfigured("GATEPOST_URL holds a credential and the environment holds another: unset one of the two")
    return server
