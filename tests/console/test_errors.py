"""Refusals as pages, for each kind of error, also where the server itself is half blind."""

from __future__ import annotations

import pytest
from starlette.requests import Request

from gatepost import errors
from gatepost.authn.anonymous import anonymous_principal
from gatepost.errors import GatepostError
from gatepost.gate import Gatepost
from gatepost.principal import Principal
from gatepost.server.console import error_page
from tests.console.company import as_person


def request_for(gate: Gatepost, path: str, caller: Principal, method: str = "GET") -> Request:
    state = {"gate": gate, "principal": caller, "address": ""}
    server = ("127.0.0.1", 8420)
    return Request(
        {"type": "http", "method": method, "path": path, "query_string": b"", "headers": [], "state": state}
        | {"scheme": "http", "server": server}
    )


@pytest.mark.parametrize(
    ("error", "what", "next_step"),
    [
        (errors.Forbidden("this takes user:view"), "You may not do this", "Ask the owner"),
        (errors.NotFound("there is no user:x"), "There is nothing here", "never shared with you"),
        (errors.Conflict("in the way", items=["dataset:a"]), "not possible as things are", "dataset:a"),
        (errors.ProviderFailed("it is down"), "identity provider did not answer", "sign in another way"),
        (errors.Throttled("too often", retry_after=7), "Too many tries", "Wait a moment"),
        (errors.Unavailable("no database"), "There is no answer at the moment", "nothing was changed"),
    ],
)
def test_a_refusal_says_what_why_and_what_next(gate: Gatepost, error: GatepostError, what: str, next_step: str) -> None:
    response = error_page(request_for(gate, "/x", as_person("admin")), error)
    text = bytes(response.body).decode()
    assert response.status_code == error.status
    assert what in text
    assert next_step in text
    assert f"{str(error).capitalize()}."[1:] in text
    assert error.status not in (429, 503) or int(response.headers["retry-after"]) > 0


def test_a_bug_tells_nothing_of_itself(gate: Gatepost) -> None:
    response = error_page(request_for(gate, "/x", as_person("admin")), GatepostError("a secret of the inside"))
    assert response.status_code == 500
    assert b"secret" not in response.body


def test_a_provider_that_is_not_there_has_no_owner_to_ask(gate: Gatepost) -> None:
    response = error_page(
        request_for(gate, "/oauth/nobody/login", anonymous_principal("")), errors.NotFound("there is no such provider")
    )
    text = bytes(response.body).decode()
    assert response.status_code == 404
    assert "There is no such provider." in text
    assert "Begin again from the sign-in page." in text
    assert "shared with you" not in text


@pytest.mark.parametrize(("step", "what"), [("callback", "You are not signed in"), ("login", "makes no sense")])
def test_whoever_comes_back_with_what_does_not_fit_is_told_to_try_again(gate: Gatepost, step: str, what: str) -> None:
    """An answer that came too late, or in another browser, is nothing that somebody gave them a link to."""
    request = request_for(gate, f"/oauth/x/{step}", anonymous_principal(""))
    text = bytes(error_page(request, errors.InvalidRequest("begin again")).body).decode()
    assert what in text
    assert ("sign in another way" in text) == (step == "callback")


def test_a_failed_sign_in_elsewhere_does_not_go_in_circles(gate: Gatepost) -> None:
    """A callback that is refused must not become where the next sign-in goes on to."""
    callback = request_for(gate, "/oauth/x/callback", anonymous_principal(""))
    response = error_page(callback, errors.InvalidToken())
    assert response.status_code == 401
    assert b'href="/login"' in response.body
    assert b"callback" not in response.body  # nor in the way around the page
    linking = request_for(gate, "/oauth/x/login", anonymous_principal(""))
    assert error_page(linking, errors.Unauthenticated()).headers["location"] == "/login"


def test_even_a_graph_that_cannot_be_asked_has_its_page(gate: Gatepost, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gate.memory, "_stale_for", -1.0)
    response = error_page(request_for(gate, "/", as_person("admin")), errors.Unavailable("too old to answer from"))
    assert response.status_code == 503
    assert b"Too old to answer from." in response.body
