"""What the pages load: our own style and script, and the vendored parts.  All of it from this server."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from pathlib import Path

from starlette.responses import Response
from starlette.routing import BaseRoute, Mount
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

STATIC = Path(__file__).with_name("static")
PREFIX = "/static"
FOREVER = "public, max-age=31536000, immutable"
AN_HOUR = "public, max-age=3600"


@lru_cache
def asset(name: str) -> str:
    """The address of a static file, with a mark of its content: a browser keeps it until it changes."""
    file = STATIC / name
    mark = hashlib.sha256(file.read_bytes()).hexdigest()[:12] if file.is_file() else "missing"
    return f"{PREFIX}/{name}?v={mark}"


class Assets(StaticFiles):
    """Static files, with how long a browser may keep them."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        marked = scope.get("query_string", b"").startswith(b"v=")
        if response.status_code < 400:
            response.headers["Cache-Control"] = FOREVER if marked else AN_HOUR
        return response


def routes() -> list[BaseRoute]:
    return [Mount(PREFIX, app=Assets(directory=STATIC), name="console-static")]
