"""The SDK: Gatepost over HTTP, for threads (`Client`) and for tasks (`AsyncClient`)."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gatepost.client.async_client import AsyncClient as AsyncClient
    from gatepost.client.credentials import Basic as Basic
    from gatepost.client.credentials import Bearer as Bearer
    from gatepost.client.credentials import Nobody as Nobody
    from gatepost.client.credentials import Password as Password
    from gatepost.client.credentials import Tokens as Tokens
    from gatepost.client.retry import Retry as Retry
    from gatepost.client.server import Server as Server
    from gatepost.client.sync_client import Client as Client

_HOMES = {
    "AsyncClient": "async_client",
    "Basic": "credentials",
    "Bearer": "credentials",
    "Client": "sync_client",
    "Nobody": "credentials",
    "Password": "credentials",
    "Retry": "retry",
    "Server": "server",
    "Tokens": "credentials",
}

__all__ = ["AsyncClient", "Basic", "Bearer", "Client", "Nobody", "Password", "Retry", "Server", "Tokens"]


def __getattr__(name: str) -> object:
    """Import on first use: the command line reads a server's address long before it needs an HTTP library."""
    if name in _HOMES:
        return getattr(import_module(f"gatepost.client.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'gatepost.client' has no attribute {name!r}")
