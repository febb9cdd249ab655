"""`private_key_jwt`: we prove which client we are with our own key (RFC 7523, OpenID Connect Core 9).

The provider here plays the strict one: it reads our JWKS, takes an assertion once, and only what is addressed to it.
"""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from joserfc import jwt
from joserfc.jwk import KeySet

from gatepost.errors import InvalidToken, ProviderFailed
from gatepost.gate import Gatepost
from gatepost.principal import Principal
from gatepost.settings import ProviderSettings, Secret, SsoSettings
from gatepost.sso.callback import finish
from gatepost.sso.http import Answer
from gatepost.sso.login import Wish, begin
from gatepost.sso.provider import Provider
from gatepost.sso.states import providers_of
from gatepost.sso.token_request import client_proof
from gatepost.tokens.access_tokens import verify
from gatepost.tokens.client_assertions import LIFE, sign_client_assertion
from gatepost.tokens.key_rotation import rotate
from tests.conftest import OpenGate, settings_for
from tests.dice import FakeDice

TOKEN = "https://idp.example/token"
KEYED = ProviderSettings(
    name="idp",
    issuer="https://idp.example",
    authorization_endpoint="https://idp.example/authorize",
    token_endpoint=TOKEN,
    jwks_uri="https://idp.example/keys",
    client_id="gatepost",
    token_endpoint_auth_method="private_key_jwt",
)


class Strict:
    """A token endpoint that judges assertions as OpenID Connect Core 9 wants it, and then has nothing to give."""

    def __init__(self, gate: Gatepost, audience: str = TOKEN) -> None:
        self.gate = gate
        self.audience = audience
        self.seen: set[str] = set()
        self.forms: list[dict[str, str]] = []
        self.urls: list[str] = []

    def get(self, url: str, what: str, headers: Any = None) -> Answer:
        raise AssertionError(url)

    def post(self, url: str, what: str, form: Any, headers: Any = None) -> Answer:
        self.urls.append(url)
        self.forms.append(dict(form))
        error = "invalid_grant" if self.judges(form, headers or {}) else "invalid_client"
        return Answer(400, "application/json", "", json.dumps({"error": error}).encode())

    def judges(self, form: dict[str, str], headers: dict[str, str]) -> bool:
        assert "Authorization" not in headers
        assert "client_secret" not in form
        keys = KeySet.import_key_set(self.gate.memory.keys.jwks())  # type: ignore[arg-type]
        token = jwt.decode(form["client_assertion"], keys, algorithms=["ES256"])
        claims, now = token.claims, self.gate.dice.clock()
        fresh = claims["jti"] not in self.seen
        self.seen.add(claims["jti"])
        return bool(
            claims["iss"] == claims["sub"] == form["client_id"] == "gatepost"
            and claims["aud"] == self.audience
            and now < claims["exp"] <= now + 300
            and fresh
        )


def redeem(gate: Gatepost, strict: Strict, settings: ProviderSettings = KEYED) -> str:
    """Redeem a code, and return how that was refused."""
    provider = Provider(settings, gate.now, strict, lambda *of: sign_client_assertion(gate, *of))
    begun = begin(provider, Wish(), redirect_uri="https://g.example/cb", now=gate.now(), random=gate.dice.urandom)
    state = dict(parse_qsl(urlsplit(begun.url).query))["state"]
    with pytest.raises(Exception, match="does not") as refused:
        finish(provider, begun.attempt, {"state": state, "code": "c"}, gate.now())
    return str(refused.value)


ACCEPTED = "idp does not take this code: begin again"
REFUSED = "idp: it does not accept Gatepost's client_id or signature (is the address of our key set registered there?)"


def test_the_client_is_known_by_our_published_key(gate: Gatepost) -> None:
    strict = Strict(gate)

    assert redeem(gate, strict) == ACCEPTED
    assert strict.forms[0]["client_assertion_type"] == "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
    assert strict.urls == [TOKEN]


def test_the_header_names_key_algorithm_and_a_type_of_its_own(gate: Gatepost) -> None:
    header = header_of(sign_client_assertion(gate, "gatepost", TOKEN))
    active = gate.memory.keys.active

    assert header == {"alg": active.algorithm, "kid": active.kid, "typ": "client-authentication+jwt"}


def header_of(token: str) -> dict[str, str]:
    part = token.split(".", maxsplit=1)[0]
    header: dict[str, str] = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    return header


def test_an_assertion_is_for_one_request(gate: Gatepost) -> None:
    """Replay: whoever saw one has nothing, for the next has another `jti`, and this one was used."""
    strict = Strict(gate)

    assert redeem(gate, strict) == ACCEPTED
    assert redeem(gate, strict) == ACCEPTED
    assert len(strict.seen) == 2
    assert not strict.judges(strict.forms[0], {})


def test_an_assertion_is_short_lived(gate: Gatepost, dice: FakeDice) -> None:
    claims = claims_of(gate, sign_client_assertion(gate, "gatepost", TOKEN))

    assert claims["exp"] - claims["iat"] == LIFE.total_seconds() <= 300
    assert isinstance(claims["aud"], str)


def claims_of(gate: Gatepost, token: str) -> dict[str, Any]:
    keys = KeySet.import_key_set(gate.memory.keys.jwks())  # type: ignore[arg-type]
    return dict(jwt.decode(token, keys, algorithms=["ES256"]).claims)


def test_an_assertion_is_for_one_provider(gate: Gatepost) -> None:
    """The audience is the address that it is sent to: another provider that gets it can use it nowhere."""
    assert redeem(gate, Strict(gate, audience="https://other.example/token")) == REFUSED


def test_it_is_addressed_to_the_issuer_where_the_provider_wants_that(gate: Gatepost) -> None:
    """draft-ietf-oauth-rfc7523bis, after the audience attacks of 2025 (CVE-2025-27370)."""
    strict = Strict(gate, audience="https://idp.example")

    assert redeem(gate, strict, replace(KEYED, client_assertion_audience="issuer")) == ACCEPTED
    assert redeem(gate, strict) == REFUSED


def test_no_assertion_is_ever_an_access_token_of_ours(gate: Gatepost) -> None:
    """Design rule 10: even a client that is called as we are, talking to somebody who is called as we are."""
    ours = gate.settings.main.public_url

    with pytest.raises(InvalidToken):
        verify(gate, sign_client_assertion(gate, ours, ours))


def test_a_rotation_between_two_requests_is_no_trouble(gate: Gatepost, admin: Principal, dice: FakeDice) -> None:
    strict = Strict(gate)
    before = sign_client_assertion(gate, "gatepost", TOKEN)
    known = {key["kid"] for key in gate.memory.keys.jwks()["keys"]}
    rotate(gate, admin)

    assert redeem(gate, strict) == ACCEPTED
    assert header_of(strict.forms[0]["client_assertion"])["kid"] in known - {header_of(before)["kid"]}
    assert strict.judges({**strict.forms[0], "client_assertion": before}, {})


def test_a_retired_key_is_published_as_long_as_an_assertion_of_it_may_count(
    open_gate: OpenGate, sqlite_url: str, dice: FakeDice, admin: Principal
) -> None:
    """Even where access tokens are good for a second, and keys are rotated again and again."""
    settings = settings_for(sqlite_url)
    gate = open_gate(replace(settings, tokens=replace(settings.tokens, access_token_ttl=timedelta(seconds=1))))
    assertion = sign_client_assertion(gate, "gatepost", TOKEN)
    for _ in range(2):
        rotate(gate, admin)
        dice.advance(LIFE - timedelta(seconds=1))

    assert claims_of(gate, assertion)["sub"] == "gatepost"
    dice.advance(timedelta(days=1))
    rotate(gate, admin)
    assert gate.memory.keys.by_kid(header_of(assertion)["kid"]) is None


def test_the_configured_gate_signs(open_gate: OpenGate, sqlite_url: str) -> None:
    """The providers of a gate are made with its key."""
    with_provider = open_gate(replace(settings_for(sqlite_url), sso=SsoSettings(providers=(KEYED,))))
    form = client_proof(providers_of(with_provider).get("idp")).form

    assert claims_of(with_provider, form["client_assertion"])["aud"] == TOKEN


# The other methods


@pytest.mark.parametrize(
    ("client_id", "secret", "pair"),
    [
        ("gatepost", "plain", "gatepost:plain"),
        ("a:b", "c:d/e+f g%&", "a%3Ab:c%3Ad%2Fe%2Bf+g%25%26"),
        ("ümlaut", "ß", "%C3%BCmlaut:%C3%9F"),
    ],
)
def test_rfc_6749_2_3_1_basic_is_form_encoded_before_it_is_joined(
    gate: Gatepost, client_id: str, secret: str, pair: str
) -> None:
    proof = client_proof(provider(gate, "client_secret_basic", client_id, Secret(secret)))

    assert base64.b64decode(proof.headers["Authorization"].removeprefix("Basic ")).decode() == pair
    assert proof.form == {}


def test_post_and_none_stand_in_the_form_as_they_are(gate: Gatepost) -> None:
    post = client_proof(provider(gate, "client_secret_post", "a:b", Secret("c d")))
    none = client_proof(provider(gate, "none", "a:b", None))

    assert (post.form, post.headers) == ({"client_id": "a:b", "client_secret": "c d"}, {})
    assert (none.form, none.headers) == ({"client_id": "a:b"}, {})


def provider(gate: Gatepost, method: Any, client_id: str, secret: Secret | None) -> Provider:
    settings = replace(KEYED, token_endpoint_auth_method=method, client_id=client_id, client_secret=secret)
    return Provider(settings, gate.now)


def test_a_public_client_with_a_method_of_a_secret_sends_none(gate: Gatepost) -> None:
    assert client_proof(provider(gate, "client_secret_basic", "a", None)).headers == {}


def test_without_a_key_nothing_is_sent(gate: Gatepost) -> None:
    with pytest.raises(ProviderFailed, match="no key to sign with"):
        client_proof(Provider(KEYED, gate.now))


def test_no_secret_is_in_a_repr(gate: Gatepost) -> None:
    proof = client_proof(Provider(KEYED, gate.now, None, lambda *of: sign_client_assertion(gate, *of)))

    assert "client_assertion" not in repr(proof)
    assert timedelta() < LIFE
