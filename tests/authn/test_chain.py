"""Who: each credential is recognised by one authenticator at most, and a bad one is never anonymous (trap 22)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from gatepost.authn import authenticate, chain
from gatepost.authn.pending import Pending
from gatepost.errors import GatepostError, InvalidToken, Unauthenticated
from gatepost.gate import Gatepost
from gatepost.principal import (
    ANONYMOUS,
    BasicCredential,
    BearerToken,
    Credential,
    Method,
    NoCredential,
    Principal,
    SessionCookie,
)
from gatepost.tokens.access_tokens import IDENTITY_TYPE, sign
from gatepost.tokens.api_tokens import WantedToken, issue_api_token
from gatepost.tokens.service_tokens import WantedServiceToken, issue_service_token
from tests.conftest import OpenGate, settings_for
from tests.directory.people import ADMIN, GOOD_PASSWORD, person
from tests.tokens.signing_in import HOME, by_basic, by_bearer, cookie_for, make_user, pair_for, part, who

Samples = dict[str, Credential]


@pytest.fixture
def samples(gate: Gatepost) -> Samples:
    """One of everything that is good, and everything bad that looks like it."""
    make_user(gate)
    pair = pair_for(gate)
    api = issue_api_token(gate, person("alice"), WantedToken(name="x")).secret
    service = issue_service_token(gate, ADMIN, WantedServiceToken(name="etl", role="user")).secret
    foreign = "eyJhbGciOiJSUzI1NiIsInR5cCI6ImF0K2p3dCJ9.eyJpc3MiOiJodHRwczovL2V2aWwuZXhhbXBsZSJ9.c2ln"
    none = "eyJhbGciOiJub25lIn0.e30."
    identity = sign(gate, part(pair.access_token, 1), IDENTITY_TYPE)
    bearers = [
        pair.access_token,
        api,
        service,
        pair.refresh_token,
        foreign,
        none,
        identity,
        "gp_",
        "gp_x",
        "x",
        "a.b.c",
    ]
    bearers += ["", "gps_" + "a" * 43, "..", "\0", "ä", "gp_" + "é" * 32, pair.access_token[:-3]]
    secrets = [GOOD_PASSWORD, "wrong", "", api, service, pair.access_token, foreign, none, "gp_x", "\0", "x" * 5000]
    names = ["alice", "ALICE", "__token__", "etl", "bob", "", "\0", "*"]
    return {
        "nothing": NoCredential(),
        "cookie": SessionCookie(cookie_for(gate).secret),
        "made-up cookie": SessionCookie("gps_" + "a" * 43),
        "token as a cookie": SessionCookie(api),
        **{f"bearer {n}": BearerToken(token) for n, token in enumerate(bearers)},
        **{f"basic {n} {m}": BasicCredential(a, b) for n, a in enumerate(names) for m, b in enumerate(secrets)},
    }


def test_every_sample_is_recognised_by_one_authenticator_at_most(gate: Gatepost, samples: Samples) -> None:
    """So the order in the chain is for the reader, and not for the outcome."""
    for name, credential in samples.items():
        mine = []
        for recognise in chain(gate, HOME):
            try:
                if recognise(credential, gate.now()) is not None:
                    mine.append(recognise.__module__)
            except GatepostError:
                mine.append(recognise.__module__)
        assert len(mine) <= 1, (name, mine)


def test_whatever_is_there_and_bad_is_refused_and_never_anonymous(gate: Gatepost, samples: Samples) -> None:
    good = 0
    for name, credential in samples.items():
        caller: Principal | GatepostError
        try:
            caller = who(gate, credential)
        except GatepostError as error:
            caller = error
        if isinstance(caller, GatepostError):
            assert caller.status in (401, 429), name
        else:
            good += 1
            assert (caller.subject == ANONYMOUS) is (name == "nothing"), name
    assert good > 5


def test_nothing_is_anonymous_or_refused_as_configured(open_gate: OpenGate, gate_url: str) -> None:
    """IF-17, IF-18, IF-19."""
    base = settings_for(gate_url)
    caller = who(open_gate(gate_url), NoCredential())
    assert (caller.subject, caller.method, caller.scope) == (ANONYMOUS, Method.ANONYMOUS, None)
    closed = open_gate(replace(base, main=replace(base.main, allow_anonymous_access=False)))
    with pytest.raises(Unauthenticated):
        who(closed, NoCredential())


def test_basic_takes_a_name_with_a_password_or_with_a_token_of_that_name(gate: Gatepost) -> None:
    make_user(gate)
    make_user(gate, "bob")
    api = issue_api_token(gate, person("alice"), WantedToken(name="x")).secret
    service = issue_service_token(gate, ADMIN, WantedServiceToken(name="etl", role="user")).secret
    for name, secret, subject, method in (
        ("alice", GOOD_PASSWORD, "user:alice", Method.PASSWORD),
        ("Alice", GOOD_PASSWORD, "user:alice", Method.PASSWORD),
        ("alice", api, "user:alice", Method.API_TOKEN),
        ("ALICE", api, "user:alice", Method.API_TOKEN),
        ("__token__", api, "user:alice", Method.API_TOKEN),
        ("etl", service, "service:etl", Method.SERVICE_TOKEN),
        ("__token__", service, "service:etl", Method.SERVICE_TOKEN),
    ):
        caller = by_basic(gate, name, secret)
        assert (str(caller.subject), caller.method) == (subject, method)
    for name, secret in (
        ("bob", api),
        ("", api),
        ("etl", api),
        ("alice", service),
        ("__TOKEN__", api),
        ("__token__", GOOD_PASSWORD),
        ("alice", api + "x"),
        ("alice", api[:-1]),
        ("bob", "wrong"),
    ):
        with pytest.raises(InvalidToken):
            by_basic(gate, name, secret)


def test_a_good_token_with_the_wrong_name_is_refused_though_it_was_seen_before(gate: Gatepost) -> None:
    """Trap 4: oauth2-proxy ignored the name.  What is remembered of a token must not forget to compare it."""
    make_user(gate)
    make_user(gate, "bob")
    api = issue_api_token(gate, person("alice"), WantedToken(name="x")).secret
    by_bearer(gate, api)
    for _ in range(2):
        with pytest.raises(InvalidToken):
            by_basic(gate, "bob", api)
        by_basic(gate, "alice", api)


@pytest.mark.parametrize(
    "token", [lambda gate: pair_for(gate).access_token, lambda gate: "aaaa.bbbb.cccc", lambda gate: "gp_aaaa"]
)
def test_a_token_as_a_basic_secret_is_never_tried_as_a_password(
    gate: Gatepost, token: Callable[[Gatepost], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Trap 4.  An account whose stored password is that very text must not open either."""
    make_user(gate)
    secret = token(gate)
    monkeypatch.setattr(gate.passwords, "matches", lambda *_: pytest.fail("it was tried as a password"))
    with pytest.raises(InvalidToken):
        by_basic(gate, "alice", secret)


def test_only_slow_work_is_pending_and_on_the_pool_it_belongs_to(gate: Gatepost) -> None:
    """The server answers from memory inline, and hands over what takes Argon2 or the database."""
    make_user(gate)
    api = issue_api_token(gate, person("alice"), WantedToken(name="x")).secret
    session = SessionCookie(cookie_for(gate).secret)
    access = BearerToken(pair_for(gate).access_token)

    def answer(credential: Credential) -> object:
        found = authenticate(credential, chain(gate, HOME), gate.now())
        return found.pool if isinstance(found, Pending) else "inline"

    assert answer(BasicCredential("alice", "x")) == "passwords"
    assert answer(BearerToken(api)) == "database"
    assert answer(session) == "database"
    assert answer(access) == "inline"
    assert answer(NoCredential()) == "inline"
    for credential in (BearerToken(api), session):
        who(gate, credential)
        assert answer(credential) == "inline"
