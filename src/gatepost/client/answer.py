"""A response into the call's answer, or into the error that it is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

import httpx2

from gatepost.client.call import JSON, Call
from gatepost.client.errors import NotGatepost, Problem, refusal

T = TypeVar("T")
_FIRST_ERROR = 400


def read_answer(wanted: Call[T], response: httpx2.Response) -> T:
    """Return the answer.  Raises `Refused` for an error of Gatepost's and `NotGatepost` for what is not its API."""
    if response.status_code >= _FIRST_ERROR:
        raise refusal(problem_of(response))
    if not response.is_success:
        raise NotGatepost(f"{_place(response)} sends elsewhere ({response.status_code}): give the server's own address")
    if not response.content:
        return wanted.read(None)
    if wanted.accept != JSON:
        if _media_type(response) != wanted.accept:
            raise NotGatepost(f"{_place(response)} does not answer with {wanted.accept}")
        return wanted.read(response.text)
    if not _is_json(response):
        raise NotGatepost(f"{_place(response)} does not answer as Gatepost does")
    try:
        return wanted.read(response.json())
    except ValueError:
        raise NotGatepost(f"{_place(response)} answered with JSON that does not parse") from None


def problem_of(response: httpx2.Response) -> Problem:
    """Read RFC 9457, RFC 6749 section 5.2 as `/oauth2` has it, or OpenFGA's errors as `/stores` has them.

    Raises `NotGatepost` for an error of any other form.
    A gateway's own 502 or 503 in front of us is still told as what it is: the server is not there now.
    """
    body: object = None
    if "json" in response.headers.get("Content-Type", ""):
        try:
            body = response.json()
        except ValueError:
            body = None
    if not isinstance(body, Mapping):
        if response.status_code in _OF_A_GATEWAY:
            return Problem(response.status_code, detail=f"the server cannot be reached ({response.status_code})")
        raise NotGatepost(f"{_place(response)} does not answer as Gatepost does ({response.status_code})")
    asked = response.headers.get("Retry-After", "")
    return Problem(
        status=response.status_code,
        title=_text(body.get("title")),
        detail=_text(body.get("detail")) or _text(body.get("error_description")) or _text(body.get("message")),
        type=_text(body.get("type")) or "about:blank",
        code=_code(body),
        fields=_fields(body.get("errors")),
        items=tuple(str(item) for item in _listed(body.get("items"))),
        retry_after=int(asked) if asked.isdecimal() else 0,
        members=body,
    )


def _code(body: Mapping[str, object]) -> str:
    named = _text(body.get("code")) or _text(body.get("type")).removeprefix("urn:gatepost:")
    return named or _text(body.get("error"))


_OF_A_GATEWAY = frozenset({429, 502, 503, 504})


def _fields(errors: object) -> dict[str, str]:
    """Read `{field: sentence}`, or a list of `{field, message}` as other frameworks write it."""
    if isinstance(errors, Mapping):
        return {str(name): str(sentence) for name, sentence in errors.items()}
    return {
        str(item.get("field") or item.get("pointer") or ""): str(item.get("message") or item.get("detail") or "")
        for item in _listed(errors)
        if isinstance(item, Mapping)
    }


def _listed(value: object) -> list[object]:
    return value if isinstance(value, list) else []


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _media_type(response: httpx2.Response) -> str:
    media_type: str = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    return media_type


def _is_json(response: httpx2.Response) -> bool:
    return "json" in response.headers.get("Content-Type", "")


def _place(response: httpx2.Response) -> str:
    url = response.request.url
    return f"{url.scheme}://{url.netloc.decode('ascii')}"
