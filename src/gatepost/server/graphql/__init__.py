"""GraphQL: the same operations as `/api/v1`, translated once more.

This package is imported with the server; what needs the GraphQL library is imported by the engine's own thread.
"""

from __future__ import annotations

from gatepost.server.graphql.endpoint import routes
from gatepost.server.graphql.engine import Engine

__all__ = ["Engine", "routes"]
