"""Signing in by plain OAuth 2.0 through the server: at GitHub, as it were; and with our own key as the client's."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import KeySet
from starlette.testclient import TestClient

from gatepost.directory.pages import Wanted
from gatepost.gate import Gatepost
from gatepost.sso.identities import list_conflicts, list_identities
from tests.conftest import ADMIN, OpenGate
from tests.server.conftest import InProcess
from tests.server.elsewhere import OURS, is_signed_in, query_of, settings_with
from tests.sso.oauth2_in_process import CLIENT_ID, CLIENT_SECRET, Forge, running_forge
from tests.sso.provider_in_process import InProcessProvider, running_provider, with_

Open = Callable[..., Gatepost]


@pytest.fixture
def forge() -> Iterator[Forge]:
    with running_forge() as running:
        yield running


@pytest.fixture
def open_with(open_gate: OpenGate, gate_url: str) -> Open:
    return lambda *providers: open_gate(settings_with(gate_url, *providers))


def come(browser: TestClient, forge: Forge, name: str = "forge") -> Any:
    begun = browser.get(f"/oauth/{name}/login")
    assert begun.status_code == 303, begun.text
    return browser.get(f"/oauth/{name}/callback", params=forge.answer_to(begun.headers["location"]))


def test_if_3_somebody_signs_in_at_github(forge: Forge, open_with: Open, in_process: InProcess) -> None:
    browser = in_process(open_with(forge.settings()))
    answer = come(browser, forge)

    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    me = browser.get("/api/v1/me").json()
    assert (me["username"], me["display_name"], me["email"], me["provider"]) == (
        "octocat",
        "The Octocat",
        "octocat@octo.example",
        "forge",
    )


def test_nobody_is_another_provider_s_number_one(open_with: Open, in_process: InProcess, forge: Forge) -> None:
    """Issuer mix-up: the same subject at two OAuth 2.0 providers is two people, and the second name is a conflict."""
    forge.user = with_(id=1)
    with running_forge() as other:
        other.user = with_(id=1)
        gate = open_with(forge.settings(), other.settings(name="other"))
        assert come(in_process(gate), forge).status_code == 303
        stranger = in_process(gate)

        assert come(stranger, other, "other").status_code == 403
        assert not is_signed_in(stranger)
        (conflict,) = list_conflicts(gate, ADMIN, Wanted()).items
        assert (conflict.provider, conflict.subject) == ("other", "1")

        other.user = with_(id=1, login="hubot")
        assert come(stranger, other, "other").status_code == 303
        assert stranger.get("/api/v1/me").json()["username"] == "hubot"
    assert [identity.subject for identity in list_identities(gate, ADMIN, "octocat")] == ["1"]


def test_a_code_of_one_provider_is_no_answer_of_another(forge: Forge, open_with: Open, in_process: InProcess) -> None:
    browser = in_process(open_with(forge.settings(), forge.settings(name="other", client_id="other")))
    begun = browser.get("/oauth/forge/login")
    params = forge.answer_to(begun.headers["location"])

    assert browser.get("/oauth/other/callback", params=params).status_code == 400
    assert forge.paths() == []


def test_signing_out_ends_it_here_and_says_what_is_left(forge: Forge, open_with: Open, in_process: InProcess) -> None:
    """GitHub has nothing to sign out at; the next sign-in lets the person choose the account."""
    browser = in_process(open_with(forge.settings()))
    come(browser, forge)
    browser.post("/logout", headers=OURS)

    assert not is_signed_in(browser)
    assert query_of(browser.get("/oauth/forge/login").headers["location"])["prompt"] == "select_account"


def test_such_a_provider_signs_nobody_out(forge: Forge, open_with: Open, in_process: InProcess) -> None:
    browser = in_process(open_with(forge.settings()))
    come(browser, forge)
    for answer in (
        browser.post("/oauth/forge/logout", data={"logout_token": "a.b.c"}),
        browser.get("/oauth/forge/logout", params={"iss": f"oauth2:forge:id@{forge.at}/api/user", "sid": "s"}),
    ):
        assert answer.status_code == 404
    assert is_signed_in(browser)


def test_no_token_is_an_id_token_of_such_a_provider(forge: Forge, open_with: Open, in_process: InProcess) -> None:
    """A provider of OpenID Connect that calls itself as the forge is called signs nothing for it."""
    settings = forge.settings(issuer="https://github.com/login/oauth")
    browser = in_process(open_with(settings))
    with running_provider() as op:
        token = op.token(iss="https://github.com/login/oauth", aud=CLIENT_ID, sub="583231")

        answer = browser.get("/api/v1/me", headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 401


def test_a_failure_shows_no_secret(
    forge: Forge, open_with: Open, in_process: InProcess, caplog: pytest.LogCaptureFixture
) -> None:
    browser = in_process(open_with(forge.settings()))
    forge.user = lambda document: {"message": "gone", **{k: v for k, v in document.items() if k != "id"}}
    answer = come(browser, forge)

    assert answer.status_code == 502
    assert "has no id, which is to say who it is" in answer.text
    for text in (answer.text, caplog.text):
        assert CLIENT_SECRET not in text
        assert "gho_" not in text


def test_the_key_set_that_everybody_can_read_verifies_our_assertion(
    open_with: Open, in_process: InProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    """private_key_jwt from end to end: no secret is configured, and the provider has nothing but our JWKS."""
    with running_provider() as op:
        gate = open_with(op.settings(client_secret=None, token_endpoint_auth_method="private_key_jwt"))
        browser = in_process(gate)
        seen: list[dict[str, Any]] = []

        def is_client(_self: object, _op: InProcessProvider, form: dict[str, str]) -> bool:
            keys = KeySet.import_key_set(browser.get("/.well-known/jwks.json").json())
            seen.append(dict(jwt.decode(form["client_assertion"], keys, algorithms=["ES256"]).claims))
            return "client_secret" not in form

        monkeypatch.setattr("tests.sso.provider_in_process._Handler._is_client", is_client)
        op.now = lambda: gate.now().timestamp()
        begun = browser.get("/oauth/op/login")
        answer = browser.get("/oauth/op/callback", params=op.answer_to(begun.headers["location"]))

        assert answer.status_code == 303, answer.text
        assert is_signed_in(browser)
        assert (seen[0]["iss"], seen[0]["sub"], seen[0]["aud"]) == ("gatepost", "gatepost", f"{op.issuer}/token")
