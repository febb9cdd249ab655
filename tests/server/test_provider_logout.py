"""Front-channel and back-channel logout: exactly the right sessions end, in every process (AG-8, traps 14 and 15, P-12)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from starlette.testclient import TestClient

from gatepost.audit.trail import Filter, export_audit
from gatepost.gate import Gatepost
from tests.conftest import ADMIN, OpenGate
from tests.dice import FakeDice
from tests.server.conftest import InProcess
from tests.server.elsewhere import is_signed_in, settings_with, sign_in
from tests.sso.provider_in_process import (
    LOGOUT_EVENT,
    PEOPLE,
    Document,
    InProcessProvider,
    make_key,
    running_provider,
)

BACK = "/oauth/op/logout"
SUB = PEOPLE["bob"].sub


@pytest.fixture
def op(dice: FakeDice) -> Iterator[InProcessProvider]:
    with running_provider() as provider:
        provider.now = dice.clock
        yield provider


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def either_url(request: pytest.FixtureRequest) -> str:
    name = "sqlite_url" if request.param == "sqlite" else "postgres_database"
    url: str = request.getfixturevalue(name)
    return url


@pytest.fixture
def gate(open_gate: OpenGate, gate_url: str, op: InProcessProvider) -> Gatepost:
    return open_gate(settings_with(gate_url, op.settings()))


@pytest.fixture
def browser(gate: Gatepost, in_process: InProcess) -> TestClient:
    return in_process(gate)


@pytest.fixture
def provider(gate: Gatepost, in_process: InProcess) -> TestClient:
    """The provider's own machine: it has no cookie of ours, and sends no Origin."""
    return in_process(gate, ("198.51.100.9", 40_000))


def call(provider: TestClient, token: str) -> int:
    answer = provider.post(BACK, data={"logout_token": token})
    assert answer.headers["cache-control"] == "no-store"
    if answer.status_code != 200:
        assert answer.json()["error"] == "invalid_request"
    return answer.status_code


class TestBackChannel:
    """OpenID Connect Back-Channel Logout 1.0."""

    def test_sid_ends_that_session_in_every_process(
        self, either_url: str, open_gate: OpenGate, in_process: InProcess, op: InProcessProvider
    ) -> None:
        """`oidcc-client-test-rp-backchannel-rpinitlogout`, by `sid`."""
        settings = settings_with(either_url, op.settings())
        gate, second = open_gate(settings), open_gate(settings)
        one, other, carol = in_process(gate), in_process(gate), in_process(gate)
        sign_in(one, op, sid="s-1")
        sign_in(other, op, sid="s-2")
        sign_in(carol, op, "carol", sid="s-3")
        elsewhere = in_process(second)
        elsewhere.cookies.update(one.cookies)
        assert is_signed_in(elsewhere)

        assert call(in_process(second), op.logout_token(sid="s-1")) == 200

        gate.memory.catch_up()
        assert [is_signed_in(browser) for browser in (one, elsewhere, other, carol)] == [False, False, True, True]
        [record] = export_audit(gate, ADMIN, Filter(event="session.ended"))
        assert (record.subject, record.reason) == ("user:bob", "back-channel logout by op")

    def test_sub_alone_ends_every_session_of_that_person(
        self, gate: Gatepost, provider: TestClient, in_process: InProcess, op: InProcessProvider
    ) -> None:
        """Trap 14: no `sid` is not ignored, and ends all of issuer and subject."""
        bobs, carol = [in_process(gate) for _ in range(2)], in_process(gate)
        for number, browser in enumerate(bobs):
            sign_in(browser, op, sid=f"s-{number}")
        sign_in(carol, op, "carol")

        assert call(provider, op.logout_token(sub=SUB)) == 200

        assert [is_signed_in(browser) for browser in (*bobs, carol)] == [False, False, True]

    def test_sid_and_sub_have_to_fit_together(
        self, provider: TestClient, browser: TestClient, op: InProcessProvider
    ) -> None:
        sign_in(browser, op, sid="s-1")

        assert call(provider, op.logout_token(sid="s-1", sub="somebody-else")) == 200
        assert is_signed_in(browser)
        assert call(provider, op.logout_token(sid="s-1", sub=SUB)) == 200
        assert not is_signed_in(browser)

    def test_a_session_that_is_gone_is_no_error(self, provider: TestClient, op: InProcessProvider) -> None:
        assert call(provider, op.logout_token(sid="unknown")) == 200
        assert call(provider, op.logout_token(sub="unknown")) == 200

    @pytest.mark.parametrize(
        "claims",
        [
            pytest.param({"events": None}, id="no events (rp-backchannel-...-no-event)"),
            pytest.param({"events": {}}, id="empty events"),
            pytest.param({"events": {"http://example.org/other": {}}}, id="wrong event (...-wrong-event)"),
            pytest.param({"events": {LOGOUT_EVENT: True}}, id="an event that is no object"),
            pytest.param({"events": [LOGOUT_EVENT]}, id="events as a list"),
            pytest.param({"nonce": "n"}, id="a nonce (...-with-nonce)"),
            pytest.param({"nonce": ""}, id="an empty nonce"),
            pytest.param({"iss": "https://evil.example"}, id="wrong iss (...-wrong-issuer)"),
            pytest.param({"iss": None}, id="no iss"),
            pytest.param({"aud": "x"}, id="wrong aud (...-wrong-aud)"),
            pytest.param({"aud": None}, id="no aud"),
            pytest.param({"iat": None}, id="no iat"),
            pytest.param({"iat": 1}, id="iat long ago"),
            pytest.param({"iat": 4_000_000_000}, id="iat in the future"),
            pytest.param({"exp": 1}, id="expired"),
            pytest.param({"exp": "soon"}, id="exp as text"),
            pytest.param({"jti": None}, id="no jti"),
            pytest.param({"jti": 7}, id="jti as a number"),
            pytest.param({"sid": None}, id="neither sub nor sid (...-no-sub-no-sid)"),
            pytest.param({"sid": ["s-1"]}, id="sid as a list"),
            pytest.param({"sid": ""}, id="empty sid"),
            pytest.param({"sub": 7}, id="sub as a number"),
        ],
    )
    def test_a_token_that_does_not_hold_is_400_and_ends_nothing(
        self, provider: TestClient, browser: TestClient, op: InProcessProvider, claims: Document
    ) -> None:
        sign_in(browser, op, sid="s-1")

        assert call(provider, op.logout_token(**{"sid": "s-1", **claims})) == 400
        assert is_signed_in(browser)

    @pytest.mark.parametrize(
        "header",
        [{"alg": "none"}, {"alg": "HS256"}, {"alg": "RS384"}, {"typ": "at+jwt"}, {"kid": "x"}, {"jku": "https://e"}],
        ids=str,
    )
    def test_a_token_with_a_wrong_header_is_400(
        self, provider: TestClient, browser: TestClient, op: InProcessProvider, header: Document
    ) -> None:
        """`...-wrong-alg`, `...-alg-none`."""
        sign_in(browser, op, sid="s-1")

        assert call(provider, op.logout_token(header, sid="s-1")) == 400
        assert is_signed_in(browser)

    def test_the_type_may_be_absent(self, provider: TestClient, browser: TestClient, op: InProcessProvider) -> None:
        sign_in(browser, op, sid="s-1")

        assert call(provider, op.logout_token({"typ": "JWT"}, sid="s-1")) == 200
        assert not is_signed_in(browser)

    def test_a_token_serves_once(self, provider: TestClient, browser: TestClient, op: InProcessProvider) -> None:
        """A replayed logout token."""
        token = op.logout_token(sub=SUB)
        assert call(provider, token) == 200
        sign_in(browser, op)

        assert call(provider, token) == 400
        assert is_signed_in(browser)

    def test_a_token_that_is_too_old_to_be_remembered_is_refused(
        self, provider: TestClient, browser: TestClient, op: InProcessProvider, dice: FakeDice
    ) -> None:
        token = op.logout_token(sub=SUB, exp=int(dice.clock()) + 100_000)
        dice.advance(timedelta(hours=2))
        sign_in(browser, op)

        assert call(provider, token) == 400
        assert is_signed_in(browser)

    def test_a_token_of_another_provider_ends_nothing(
        self, open_gate: OpenGate, gate_url: str, in_process: InProcess, op: InProcessProvider, dice: FakeDice
    ) -> None:
        """A cross-issuer logout token: neither at its own address nor at the other one's."""
        with running_provider(host="localhost") as evil:
            evil.now, evil.keys = dice.clock, [make_key("second")]
            gate = open_gate(settings_with(gate_url, op.settings(), evil.settings(name="evil")))
            browser, caller = in_process(gate), in_process(gate)
            sign_in(browser, op, sid="s-1")

            assert call(caller, evil.logout_token(sid="s-1")) == 400
            assert call(caller, evil.logout_token(sid="s-1", iss=op.issuer)) == 400
            own = caller.post("/oauth/evil/logout", data={"logout_token": evil.logout_token(sid="s-1", sub=SUB)})
            assert own.status_code == 200
            assert is_signed_in(browser)

    def test_an_id_token_is_no_logout_token_and_the_other_way_round(
        self, provider: TestClient, browser: TestClient, op: InProcessProvider
    ) -> None:
        sign_in(browser, op, sid="s-1")

        assert call(provider, op.token(sub=SUB, sid="s-1", jti="x")) == 400
        for typ in ("JWT", "logout+jwt"):
            token = op.logout_token({"typ": typ}, sub=SUB, preferred_username="bob")
            assert provider.get("/api/v1/me", headers={"Authorization": f"Bearer {token}"}).status_code == 401

    @pytest.mark.parametrize(
        ("content", "kind"),
        [
            (b"", "application/x-www-form-urlencoded"),
            (b"logout_token=", "application/x-www-form-urlencoded"),
            (b"logout_token=a&logout_token=b", "application/x-www-form-urlencoded"),
            (b"logout_token=junk", "application/x-www-form-urlencoded"),
            (b'{"logout_token": "x"}', "application/json"),
            (b"logout_token=x", ""),
        ],
    )
    def test_a_body_that_is_none_is_400(self, provider: TestClient, content: bytes, kind: str) -> None:
        answer = provider.post(BACK, content=content, headers={"Content-Type": kind})

        assert answer.status_code == 400
        assert answer.json()["error"] == "invalid_request"
        assert answer.headers["cache-control"] == "no-store"

    def test_tokens_of_the_session_die_with_it(
        self, gate: Gatepost, provider: TestClient, op: InProcessProvider
    ) -> None:
        from gatepost.principal import Entity
        from gatepost.tokens.refresh_tokens import first_pair
        from gatepost.tokens.sessions import Arrival, open_session

        with gate.change_unasked() as tx:
            arrival = Arrival(
                method="sso", address="", provider="op", issuer=op.issuer, provider_subject="x", provider_sid="s-9"
            )
            session = open_session(gate, tx, Entity("user", "admin"), arrival, cookie=False)
            pair = first_pair(gate, tx, Entity("user", "admin"), session.record.id)
        headers = {"Authorization": f"Bearer {pair.access_token}"}
        assert provider.get("/api/v1/me", headers=headers).status_code == 200

        assert call(provider, op.logout_token(sid="s-9")) == 200

        assert provider.get("/api/v1/me", headers=headers).status_code == 401
        again = provider.post("/api/v1/auth/refresh", json={"refresh_token": pair.refresh_token})
        assert again.status_code == 401


class TestFrontChannel:
    """OpenID Connect Front-Channel Logout 1.0."""

    def test_it_ends_the_session_without_a_cookie_and_lets_the_provider_alone_frame_it(
        self, provider: TestClient, browser: TestClient, in_process: InProcess, gate: Gatepost, op: InProcessProvider
    ) -> None:
        other = in_process(gate)
        sign_in(browser, op, sid="s-1")
        sign_in(other, op, sid="s-2")

        answer = provider.get(BACK, params={"iss": op.issuer, "sid": "s-1"})

        assert answer.status_code == 200
        assert answer.headers["cache-control"] == "no-store"
        assert f"frame-ancestors {op.issuer}" in answer.headers["content-security-policy"]
        assert "x-frame-options" not in answer.headers
        assert "set-cookie" not in answer.headers
        assert [is_signed_in(browser), is_signed_in(other)] == [False, True]

    @pytest.mark.parametrize("left_out", ["iss", "sid"])
    def test_both_are_needed(
        self, provider: TestClient, browser: TestClient, op: InProcessProvider, left_out: str
    ) -> None:
        sign_in(browser, op, sid="s-1")
        both = {"iss": op.issuer, "sid": "s-1"}

        assert provider.get(BACK, params={k: v for k, v in both.items() if k != left_out}).status_code == 400
        assert provider.get(BACK, params={**both, left_out: ""}).status_code == 400
        assert provider.get(BACK, params=[*both.items(), (left_out, "x")]).status_code == 400
        assert is_signed_in(browser)

    def test_another_issuer_is_400_and_another_sid_ends_nothing(
        self, provider: TestClient, browser: TestClient, op: InProcessProvider
    ) -> None:
        sign_in(browser, op, sid="s-1")

        assert provider.get(BACK, params={"iss": "https://evil.example", "sid": "s-1"}).status_code == 400
        assert provider.get(BACK, params={"iss": op.issuer, "sid": "S-1"}).status_code == 200
        assert provider.get(BACK, params={"iss": op.issuer, "sid": "%"}).status_code == 200
        assert is_signed_in(browser)

    def test_a_guess_writes_nothing(self, gate: Gatepost, provider: TestClient, op: InProcessProvider) -> None:
        before = gate.memory.revision
        for number in range(5):
            assert provider.get(BACK, params={"iss": op.issuer, "sid": f"guess-{number}"}).status_code == 200

        gate.memory.catch_up()
        assert gate.memory.revision == before


def test_what_is_switched_off_is_404(
    open_gate: OpenGate, gate_url: str, in_process: InProcess, op: InProcessProvider
) -> None:
    """AG-3: both are on by default."""
    off = op.settings(front_channel_logout=False, back_channel_logout=False)
    caller = in_process(open_gate(settings_with(gate_url, off)))

    assert caller.get(BACK, params={"iss": op.issuer, "sid": "s"}).status_code == 404
    assert caller.post(BACK, data={"logout_token": op.logout_token(sub=SUB)}).status_code == 404
    assert caller.get("/oauth/unknown/logout", params={"iss": op.issuer, "sid": "s"}).status_code == 404


def test_a_credential_of_ours_counts_for_nothing_there(
    provider: TestClient, op: InProcessProvider, browser: TestClient
) -> None:
    """A bad one is not even read, and somebody else's page gets no further with the visitor's cookie."""
    headers = {"Authorization": "Bearer junk", "Origin": "https://evil.example"}

    assert provider.post(BACK, data={"logout_token": op.logout_token(sid="x")}, headers=headers).status_code == 200
    sign_in(browser, op, sid="s-1")
    assert browser.post(BACK, data={}, headers=headers).status_code == 400
    assert is_signed_in(browser)
