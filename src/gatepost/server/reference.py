"""The REST description: completing the OpenAPI document, and a page that shows it offline."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import BaseRoute, Route

PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>REST reference · Gatepost</title>
<link rel="icon" type="image/svg+xml" href="/static/logo.svg">
<script type="module" src="/static/vendor/rapidoc-min.js"></script>
</head>
<body>
<rapi-doc spec-url="/openapi.json" load-fonts="false" show-header="false" render-style="read"
 allow-spec-url-load="false" allow-spec-file-load="false" use-path-in-nav-bar="true" persist-auth="false"
 show-method-in-nav-bar="as-plain-text" primary-color="#2f8f78"><a slot="nav-logo" href="/" aria-label="Gatepost, the
 console"><img src="/static/logo.svg" alt="" width="40" height="40"></a></rapi-doc>
</body>
</html>
"""


def routes() -> list[BaseRoute]:
    return [Route("/reference", show, methods=["GET"])]


async def show(_request: Request) -> Response:
    """The reference page.  RapiDoc styles its shadow root from script, which this page alone allows."""
    policy = (
        "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; connect-src 'self'; "
        "img-src 'self' data:; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
    )
    return HTMLResponse(PAGE, headers={"Content-Security-Policy": policy})


AT_LEAST: dict[str, Any] = {
    "name": "Gatepost-At-Least",
    "in": "header",
    "description": "Catch up with this revision before answering: `Gatepost-Revision` of an earlier answer.",
    "schema": {"type": "string", "pattern": "^[0-9a-f]{1,32}\\.[0-9]{1,18}$"},
}
CONSISTENCY: dict[str, Any] = {
    "name": "Gatepost-Consistency",
    "in": "header",
    "description": "`higher` answers from the newest state.",
    "schema": {"type": "string", "enum": ["higher"]},
}
ROLE: dict[str, Any] = {
    "name": "X-Gatepost-Role",
    "in": "header",
    "description": "Narrow the call to one of the caller's own roles.",
    "schema": {"type": "string", "pattern": "^[a-z]{1,128}$"},
}
REVISION: dict[str, Any] = {
    "description": "What this answer has seen, and for a change what it made.",
    "schema": {"type": "string"},
}
OPEN = ("/api/v1/auth/login", "/api/v1/auth/refresh", "/api/v1/auth/providers")


def _describe(path: str, operation: dict[str, Any]) -> None:
    """Add the headers that every operation takes and gives."""
    headers = [AT_LEAST, CONSISTENCY]
    if path in OPEN:
        operation["security"] = []
    else:
        headers.append(ROLE)
    operation.setdefault("parameters", []).extend(headers)
    for status, answer in operation["responses"].items():
        if status.startswith("2"):
            answer["headers"] = {"Gatepost-Revision": REVISION}


def complete(app: FastAPI, problem: type[BaseModel]) -> None:
    """Add what the framework cannot know: how callers prove who they are, and the shape of errors."""

    def document() -> dict[str, Any]:
        if app.openapi_schema is None:
            made = get_openapi(title=app.title, version=app.version, summary=app.summary, routes=app.routes)
            parts = made.setdefault("components", {})
            schemas = parts.setdefault("schemas", {})
            schemas["Problem"] = problem.model_json_schema(ref_template="#/components/schemas/{model}")
            for unused in ("HTTPValidationError", "ValidationError"):
                schemas.pop(unused, None)
            parts["securitySchemes"] = {
                "bearer": {"type": "http", "scheme": "bearer", "description": "Access, API or service token."},
                "basic": {"type": "http", "scheme": "basic", "description": "Username and password or token."},
                "session": {"type": "apiKey", "in": "cookie", "name": "gp_session"},
            }
            made["security"] = [{"bearer": []}, {"basic": []}, {"session": []}, {}]
            for path, item in made["paths"].items():
                for operation in item.values():
                    _describe(path, operation)
            app.openapi_schema = made
        return app.openapi_schema

    app.openapi = document  # type: ignore[method-assign]  # the framework's documented way
