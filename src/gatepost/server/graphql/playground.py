"""The playground: a page that needs nothing from elsewhere, and keeps nothing."""

from __future__ import annotations

from functools import lru_cache

from starlette.responses import HTMLResponse, Response

from gatepost.server.console.rendering import environment
from gatepost.server.headers import page_policy

# GraphiQL's style carries its fonts.  Nothing else differs from every other page.
POLICY = page_policy("").decode().replace("font-src 'self'", "font-src 'self' data:")


@lru_cache
def _text() -> str:
    return environment().get_template("graphql.html").render()


def page() -> Response:
    """It holds nothing about anybody: whoever opens it sends their credential with each query."""
    return HTMLResponse(_text(), headers={"Cache-Control": "no-store", "Content-Security-Policy": POLICY})
