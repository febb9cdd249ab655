"""After a sign-out the provider's refresh token is revoked there (RFC 7009), and nobody waits for that."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest
from sqlalchemy import select, update
from starlette.testclient import TestClient

from gatepost.directory.users import UserChange, change_user, delete_user
from gatepost.gate import Gatepost
from gatepost.housekeeping import forget_sessions
from gatepost.principal import Entity, Method, Principal
from gatepost.records import ProviderToken
from gatepost.sso.giving_back import MOST_WAITING, GivingBack
from gatepost.sso.revoking import give_back
from gatepost.sso.states import providers_of
from gatepost.store import tables
from gatepost.testing import ADMIN
from gatepost.tokens.session_list import end_session
from gatepost.tokens.sessions import end_sessions
from tests.conftest import OpenGate
from tests.server.conftest import InProcess
from tests.server.elsewhere import OURS, is_signed_in, settings_with, sign_in
from tests.sso.provider_in_process import InProcessProvider, Raw, with_, without
from tests.tokens.signing_in import part
from tests.waiting import eventually

OFFLINE: dict[str, Any] = {
    "scopes": ("openid", "offline_access"),
    "scopes_configured": True,
    "http_timeout": timedelta(seconds=30),  # a busy machine is no provider that fails
}
SOON = 20.0  # seconds
s = tables.sessions


@pytest.fixture
def gate(open_gate: OpenGate, gate_url: str, op: InProcessProvider) -> Gatepost:
    return open_gate(settings_with(gate_url, op.settings(**OFFLINE)))


@pytest.fixture
def browser(gate: Gatepost, in_process: InProcess, op: InProcessProvider) -> TestClient:
    browser = in_process(gate)
    sign_in(browser, op)
    return browser


GRAPHQL = {"query": "mutation { logOut { revision } }"}


@pytest.mark.parametrize("way", ["/logout", "/api/v1/auth/logout", "/graphql"])
def test_the_refresh_token_of_a_session_that_was_signed_out_is_revoked(
    browser: TestClient, op: InProcessProvider, way: str
) -> None:
    [kept] = op.refresh_tokens

    body = GRAPHQL if way == "/graphql" else None
    assert browser.post(way, headers=OURS, json=body).status_code in (200, 204, 303)

    assert op.revoked.get(timeout=SOON) == kept
    assert kept not in op.refresh_tokens


def by_its_owner(gate: Gatepost, _browser: TestClient, session: str) -> None:
    end_session(gate, Principal(subject=Entity("user", "bob"), method=Method.SESSION, scope=None), session)


def by_disabling(gate: Gatepost, _browser: TestClient, _session: str) -> None:
    change_user(gate, ADMIN, "bob", UserChange(disabled=True))


def by_deleting(gate: Gatepost, _browser: TestClient, _session: str) -> None:
    delete_user(gate, ADMIN, "bob")


def by_unlinking(gate: Gatepost, browser: TestClient, _session: str) -> None:
    """The session itself goes on, as the account's own."""
    with gate.change_unasked() as tx:
        password = gate.passwords.hash("plover-zinc-93-harbour")
        tx.connection.execute(update(tables.users).values(password=password, external=None))
    [identity] = browser.get("/api/v1/me/identities").json()["items"]
    assert browser.delete(f"/api/v1/me/identities/{identity['id']}", headers=OURS).status_code == 204
    assert is_signed_in(browser)


def by_running_out(gate: Gatepost, _browser: TestClient, _session: str) -> None:
    with gate.database.write() as connection:
        connection.execute(update(s).values(expires_at=gate.now() - timedelta(seconds=1)))
    forget_sessions(gate)


@pytest.mark.parametrize("end", [by_its_owner, by_disabling, by_deleting, by_unlinking, by_running_out])
def test_however_it_ends_our_copy_goes_at_once_and_the_provider_is_told(
    gate: Gatepost, browser: TestClient, op: InProcessProvider, end: Callable[[Gatepost, TestClient, str], None]
) -> None:
    """What somebody can read of a database must not be worth anything once the session is over; nor what a provider
    gave for a person who has been sent away.
    """
    [kept] = op.refresh_tokens
    with gate.database.read() as connection:
        session = connection.execute(select(s.c.id).where(s.c.provider_token.is_not(None))).scalar_one()

    end(gate, browser, session)

    with gate.database.read() as connection:
        assert connection.execute(select(s.c.provider_token)).scalar_one() is None
    assert op.revoked.get(timeout=SOON) == kept


def test_signing_in_anew_does_not_revoke_what_came_with_it(browser: TestClient, op: InProcessProvider) -> None:
    """Keycloak ends a whole sign-in with one of its tokens: the new session would lose its own to the old one's end."""
    [first] = op.refresh_tokens
    sign_in(browser, op)
    [second] = op.refresh_tokens.keys() - {first}

    assert browser.post("/logout", headers=OURS).status_code == 303

    assert op.revoked.get(timeout=SOON) == second


def test_an_end_that_is_taken_back_gives_nothing_back(
    gate: Gatepost, browser: TestClient, op: InProcessProvider
) -> None:
    def end_and_fail() -> None:
        with gate.change_unasked() as tx:
            end_sessions(tx, tx.connection.execute(select(s.c.id)).scalars().all())
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        end_and_fail()
    give_back(gate, "op", "the next one")
    assert op.revoked.get(timeout=SOON) == "the next one"
    assert is_signed_in(browser)


def test_a_provider_that_hangs_holds_up_no_other_and_is_owed_a_bounded_number(gate: Gatepost) -> None:
    """Or a storm of ends, at a provider that does not answer, would fill the memory."""
    asked, answer, others = threading.Event(), threading.Event(), threading.Event()
    taken: list[str] = []

    class Told(GivingBack):
        def give_back(self, token: ProviderToken) -> None:
            taken.append(token.provider)
            if token.provider == "slow":
                asked.set()
                answer.wait(SOON)
            else:
                others.set()

    told = Told(gate)
    told.take([ProviderToken(f"s{number}", "slow", "") for number in range(MOST_WAITING + 50)])
    assert asked.wait(SOON)
    told.take([ProviderToken("s", "other", "")])
    assert others.wait(SOON)
    answer.set()
    eventually(lambda: taken.count("slow") >= MOST_WAITING, within=SOON)
    told.stop()
    assert taken.count("slow") <= MOST_WAITING + 1


def test_nobody_waits_for_a_provider_that_is_slow_to_take_it(browser: TestClient, op: InProcessProvider) -> None:
    asked, answer = threading.Event(), threading.Event()
    honest = op.refresh_tokens

    class Slow(dict[str, Any]):
        def pop(self, *_: object) -> None:
            asked.set()
            answer.wait(SOON)

    op.refresh_tokens = Slow(honest)
    try:
        went = browser.post("/logout", headers=OURS)
        assert urlsplit(went.headers["location"]).path == "/end-session"
        assert asked.wait(SOON)
        assert not is_signed_in(browser)
        assert op.revoked.empty()
    finally:
        answer.set()


@pytest.mark.parametrize("trouble", [Raw(status=500), Raw(status=400), Raw(status=302, headers={"Location": "/x"})])
def test_a_provider_that_does_not_take_it_is_neither_down_nor_asked_again(
    gate: Gatepost, browser: TestClient, op: InProcessProvider, trouble: Raw, caplog: pytest.LogCaptureFixture
) -> None:
    """And what it was asked to forget stands in no log."""
    [kept] = op.refresh_tokens
    op.tamper.raw["/revoke"] = trouble
    with caplog.at_level("INFO"):
        give_back(gate, "op", kept)

    assert op.requests["/revoke"] == 1
    assert providers_of(gate).get("op").state().up is True
    assert "a refresh token was not revoked" in caplog.text
    assert kept not in caplog.text


@pytest.mark.parametrize(
    "document",
    [
        without("revocation_endpoint"),
        with_(revocation_endpoint="http://elsewhere.example/revoke"),
        with_(revocation_endpoint=7),
    ],
    ids=["none", "in the clear", "a number"],
)
def test_without_an_address_for_it_people_sign_in_and_out_as_ever(
    open_gate: OpenGate, gate_url: str, in_process: InProcess, op: InProcessProvider, document: Any
) -> None:
    op.tamper.discovery = document
    gate = open_gate(settings_with(gate_url, op.settings(**OFFLINE)))
    browser = in_process(gate)
    sign_in(browser, op)
    assert browser.post("/logout", headers=OURS).status_code == 303
    give_back(gate, "op", "a-token")
    give_back(gate, "no-such-provider", "a-token")
    assert op.requests["/revoke"] == 0


def test_the_signed_proof_names_the_very_address_that_it_is_sent_to(
    open_gate: OpenGate, gate_url: str, op: InProcessProvider
) -> None:
    """A provider that lists another's token endpoint, and an own one here, would get a proof that is good there."""
    settings = replace(op.settings(**OFFLINE), token_endpoint_auth_method="private_key_jwt", client_secret=None)
    gate = open_gate(settings_with(gate_url, settings))
    sent: list[dict[str, str]] = []
    op.tamper.discovery = with_(token_endpoint="https://honest.example/token")
    provider = providers_of(gate).get("op")
    honest = provider.http.post

    def post(url: str, what: str, form: Any, headers: Any = None) -> Any:
        sent.append({"url": url, **form})
        return honest(url, what, form, headers)

    provider.http.post = post  # type: ignore[method-assign]
    give_back(gate, "op", "a-token")

    [form] = sent
    assert form["url"] == f"{op.issuer}/revoke"
    assert part(form["client_assertion"], 1)["aud"] == f"{op.issuer}/revoke"
