"""Turning an error into HTTP: RFC 9457 on the APIs, RFC 6749 on `/oauth2`.  No other place does."""

from __future__ import annotations

import json
import logging
import re

from starlette.responses import Response

from gatepost import errors
from gatepost.errors import GatepostError
from gatepost.problems import body_of, headers_of

__all__ = ["FIELD_CODES", "ServerError", "body_of", "description_of", "headers_of", "oauth_problem", "problem"]

log = logging.getLogger("gatepost.server")

FIELD_CODES = {"scope": "invalid_scope", "resource": "invalid_target"}  # RFC 6749 section 5.2, RFC 8707 section 2


_NOT_IN_DESCRIPTIONS = re.compile(r'[^\x20-\x7e]|["\\]')


def description_of(error: GatepostError) -> str:
    """RFC 6749 sections 4.1.2.1 and 5.2: visible ASCII, without quotes and backslashes."""
    return _NOT_IN_DESCRIPTIONS.sub("'", str(error))


def problem(error: GatepostError) -> Response:
    """An error as `application/problem+json`."""
    if error.detail or error.status >= 500:
        log.info("%s %s: %s", error.status, error.code, error.detail or error)
    return Response(json.dumps(body_of(error)), error.status, headers_of(error), media_type="application/problem+json")


def oauth_problem(error: GatepostError) -> Response:
    """An error as RFC 6749 section 5.2 has it."""
    if error.detail or error.status >= 500:
        log.info("%s %s: %s", error.status, error.code, error.detail or error)
    code, status = error.code, error.status
    if isinstance(error, errors.InvalidToken):
        code, status = "invalid_grant", 400
    elif isinstance(error, errors.InvalidCredentials | errors.Unauthenticated):
        code, status = "invalid_client", 401
    elif isinstance(error, errors.InvalidField):
        code, status = FIELD_CODES.get(next(iter(error.fields), ""), "invalid_request"), 400
    headers = headers_of(error)
    headers.pop("WWW-Authenticate", None)
    if status == 401:
        headers["WWW-Authenticate"] = 'Basic realm="gatepost"'
    body = {"error": code, "error_description": description_of(error)}
    return Response(json.dumps(body), status, headers, media_type="application/json")


class ServerError(GatepostError):
    """A bug.  Whoever called learns nothing of it but that it is ours."""

    code = "server_error"
    status = 500

    def __init__(self) -> None:
        super().__init__("something went wrong here, and was logged")
