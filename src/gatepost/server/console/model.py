"""The platform's authorization model, to read: what counts now, and what counted before."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from gatepost.access import builtin_model, format_model, read_model_json, with_protected_types, write_model_json
from gatepost.errors import InvalidModel, NotFound
from gatepost.gate import Gatepost
from gatepost.graphs import fingerprint
from gatepost.principal import Principal
from gatepost.server.console.rendering import caller_of, gate_of, own, render, url
from gatepost.store.relations import MAIN
from gatepost.stores.errors import StoreError
from gatepost.stores.models import Version, get_version, list_versions
from gatepost.stores.pages import Page, Paging

PATH = "/model"
ON_PAGE = 25
WORDS = re.compile(r"\b(model|schema|type|relations|define|condition|or|and|but not|from|with)\b")

Part = tuple[str, str]
"""A piece of a line, and what it is: `word` of the language, `name` that is defined here, or nothing."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a model; `anchor` names the type that begins here."""

    parts: tuple[Part, ...]
    anchor: str = ""


def show_model(request: Request) -> Response:
    gate, caller = gate_of(request), caller_of(request)
    try:
        page = list_versions(gate, caller, MAIN, Paging(ON_PAGE, request.query_params.get("token", "")))
    except StoreError as error:
        raise NotFound("there is no such page") from error
    wanted = request.query_params.get("version", "")
    shown = _version(gate, caller, wanted) if wanted else get_version(gate, caller, MAIN, gate.memory.model_id)
    text, lossless = _text(shown)
    return render(
        request,
        "model.html",
        version=shown,
        current=gate.memory.model_id,
        lines=[_line(line) for line in text.splitlines()],
        lossless=lossless,
        versions=_with_the_first(page),
        more=url("model", token=page.token) if page.token else "",
        configured=gate.settings.access.model is not None,
    )


def _with_the_first(page: Page[Version]) -> list[Version]:
    """The versions of a page; below the oldest the one that Gatepost came with, which nobody posted."""
    first = Version(fingerprint(builtin_model()), write_model_json(builtin_model()))
    if page.token or any(each.id == first.id for each in page.items):
        return page.items
    return [*page.items, first]


def _version(gate: Gatepost, caller: Principal, identifier: str) -> Version:
    try:
        return get_version(gate, caller, MAIN, identifier)
    except StoreError as error:
        raise NotFound("there is no such version") from error


def _text(version: Version) -> tuple[str, bool]:
    """The model as text, with Gatepost's types as they count; as JSON where the language has no words for it."""
    try:
        return format_model(with_protected_types(read_model_json(version.document))), True
    except InvalidModel:
        return json.dumps(version.document, indent=2), False


def _line(text: str) -> Line:
    kind = re.fullmatch(r"type (\S+)", text)
    defined = re.match(r"(\s*(?:type|define|condition) )([^\s:(]+)", text)
    head: list[Part] = []
    if defined:
        head, text = [(defined[1], "word"), (defined[2], "name")], text[defined.end() :]
    rest = [(piece, "word" if WORDS.fullmatch(piece) else "") for piece in WORDS.split(text) if piece]
    return Line((*head, *rest), f"type-{kind[1]}" if kind else "")


def routes() -> list[BaseRoute]:
    return [Route(PATH, own(show_model), methods=["GET"])]
