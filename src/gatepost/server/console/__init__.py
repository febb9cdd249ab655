"""The console: pages for people.  They translate; what may be done, and the record of it, is the operations' work."""

from __future__ import annotations

from starlette.routing import BaseRoute

from gatepost.gate import Gatepost
from gatepost.server.console import (
    access,
    account,
    assets,
    audit,
    conflicts,
    groups,
    home,
    model,
    providers,
    rereading,
    resources,
    roles,
    services,
    sessions,
    sign_in,
    signed_out,
    tokens,
    users,
)
from gatepost.server.console.errors import error_page

__all__ = ["error_page", "routes"]

PARTS = (
    assets,
    sign_in,
    signed_out,
    home,
    resources,
    access,
    tokens,
    sessions,
    account,
    users,
    rereading,
    groups,
    roles,
    services,
    model,
    providers,
    conflicts,
    audit,
)


def routes(_gate: Gatepost) -> list[BaseRoute]:
    """Every page and what it loads, in the order in which paths are matched."""
    return [route for part in PARTS for route in part.routes()]
