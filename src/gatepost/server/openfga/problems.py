"""Errors as OpenFGA's clients read them: `{code, message}`."""

from __future__ import annotations

import json
import logging
from typing import Any

from starlette.responses import Response

from gatepost import errors
from gatepost.errors import GatepostError
from gatepost.server.problems import headers_of
from gatepost.stores.errors import StoreError

log = logging.getLogger("gatepost.server")

METHOD_NOT_ALLOWED = 405

# What is not a store's own error: its class, and the code and status under which OpenFGA's clients know it.
CODES: tuple[tuple[type[GatepostError], str, int], ...] = (
    (errors.Unauthenticated, "bearer_token_missing", 401),
    (errors.InvalidToken, "unauthenticated", 401),
    (errors.InvalidCredentials, "unauthenticated", 401),
    (errors.Forbidden, "forbidden", 403),
    (errors.NotFound, "undefined_endpoint", 404),
    (errors.Conflict, "conflict", 409),
    (errors.TooLarge, "exceeded_entity_limit", 413),
    (errors.InvalidField, "validation_error", 400),
    (errors.InvalidRequest, "validation_error", 400),
    (errors.Unavailable, "unavailable", 503),
)


def store_problem(error: GatepostError) -> Response:
    """An error of `/stores`."""
    code, status = _known(error)
    if error.detail or status >= 500:
        log.info("%s %s: %s", status, code, error.detail or error)
    body: dict[str, Any] = {"code": code, "message": str(error)}
    items = getattr(error, "items", ())
    if items:
        body["items"] = list(items)
    headers = headers_of(error)
    return Response(json.dumps(body), status, headers, media_type="application/json")


def _known(error: GatepostError) -> tuple[str, int]:
    if isinstance(error, StoreError):
        return error.code, error.status
    if error.status == METHOD_NOT_ALLOWED:
        return "unimplemented", 404
    for kind, code, status in CODES:
        if isinstance(error, kind):
            return code, status
    return ("internal_error", 500) if error.status >= 500 else (error.code, error.status)
