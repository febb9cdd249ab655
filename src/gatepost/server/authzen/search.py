"""`/access/v1/search/{subject,resource,action}` (AuthZEN 1.0 section 8)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from gatepost.access import ConditionUndecided
from gatepost.directory.pages import decode_cursor, encode_cursor
from gatepost.errors import InvalidField, InvalidRequest
from gatepost.gate import Gatepost
from gatepost.principal import Principal
from gatepost.server.authzen.reading import Evaluation, Members, read_evaluation, read_members
from gatepost.server.authzen.target import Target, target_of

MOST = 1_000  # results in one page, and how many there are where no limit is asked for


@dataclass(frozen=True, slots=True)
class Results:
    """A whole list: each result under the name by which it is ordered."""

    names: list[str]
    make: Callable[[str], Mapping[str, str]]
    undecided: tuple[str, ...] = ()  # actions that hang on a condition for which the request has no value


Ask = Callable[[Target, Members], tuple[Evaluation, Results]]


def subjects(target: Target, sent: Members) -> tuple[Evaluation, Results]:
    asked = read_evaluation(sent, open_="subject")
    kind = asked.subject_type
    found = target.subjects(kind, asked.action, asked.resource, asked.context)
    return asked, Results(found, lambda name: {"type": kind, "id": name})


def resources(target: Target, sent: Members) -> tuple[Evaluation, Results]:
    asked = read_evaluation(sent, open_="resource")
    kind = asked.resource_type
    found = target.resources(asked.subject, asked.action, kind, asked.context)
    return asked, Results(found, lambda name: {"type": kind, "id": name})


def actions(target: Target, sent: Members) -> tuple[Evaluation, Results]:
    asked = read_evaluation(sent, needed=("subject", "resource"))
    found, undecided = target.actions(asked.subject, asked.resource, asked.context)
    return asked, Results(found, lambda name: {"name": name}, tuple(undecided))


SEARCHES: Mapping[str, Ask] = {"subject": subjects, "resource": resources, "action": actions}


def search(ask: Ask) -> Callable[[Request], Awaitable[Response]]:
    """The handler of one search."""

    async def handle(request: Request) -> Response:
        gate: Gatepost = request.state.gate
        body = await request.body()
        # Worked out beside the loop: a long list holds up nobody.
        store = request.path_params.get("store", "")
        content = await request.state.pools.database(answer_search, ask, gate, request.state.principal, store, body)
        return JSONResponse(content)

    return handle


def answer_search(ask: Ask, gate: Gatepost, caller: Principal, store: str, body: bytes) -> dict[str, Any]:
    sent = read_members(body)
    try:
        limit, token = _read_page(sent)
        asked, results = ask(target_of(gate, caller, store), sent)
        return _page(asked, results, limit, token)
    except InvalidField as error:
        raise InvalidRequest(str(error)) from error
    except ConditionUndecided as error:
        raise InvalidRequest(str(error)) from error


def _page(asked: Evaluation, results: Results, limit: int, token: str) -> dict[str, Any]:
    """The results after `token`, which belongs to this very question."""
    question = _digest(asked)
    names = results.names
    if token:
        after, of = _read_token(token)
        if of != question:
            raise InvalidRequest("page.token belongs to another question")
        names = [name for name in names if name > after]
    shown = names[:limit]
    next_token = encode_cursor(shown[-1], question) if len(names) > limit else ""
    page: dict[str, Any] = {"next_token": next_token, "count": len(shown), "total": len(results.names)}
    answer: dict[str, Any] = {"results": [results.make(name) for name in shown], "page": page}
    if results.undecided:
        answer["context"] = {"undecided": list(results.undecided)}
    return answer


def _digest(asked: Evaluation) -> str:
    text = json.dumps(
        [asked.subject, asked.action, asked.resource, asked.context], sort_keys=True, separators=(",", ":")
    )
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _read_page(sent: Members) -> tuple[int, str]:
    page = sent.get("page")
    if page is None:
        return MOST, ""
    if not isinstance(page, dict):
        raise InvalidRequest("page has to be an object")
    limit, token = page.get("limit"), page.get("token")
    if limit is not None and (not isinstance(limit, int) or isinstance(limit, bool) or limit < 1):
        raise InvalidRequest("page.limit has to be a whole number above 0")
    if token is not None and not isinstance(token, str):
        raise InvalidRequest("page.token has to be a text")
    return min(limit or MOST, MOST), token or ""


def _read_token(token: str) -> tuple[str, str]:
    try:
        after, question = decode_cursor(token, str, str)
    except InvalidField as error:
        raise InvalidRequest("page.token is none that was given here") from error
    return after, question
