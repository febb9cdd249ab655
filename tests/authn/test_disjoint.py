"""Recognisers are disjoint: every sample is offered to each of them, and at most one says that it is its own."""

from __future__ import annotations

import pytest

from gatepost import authn
from gatepost.authn import access_token, anonymous, api_token, delegated, id_token, password, session
from gatepost.errors import GatepostError
from gatepost.principal import BasicCredential, BearerToken, Credential, NoCredential, SessionCookie
from tests.authn.conftest import OpenWith
from tests.authn.conftest import delegated as issuer_of
from tests.sso.provider_in_process import Document, InProcessProvider

PARTS = (session, api_token, access_token, delegated, id_token, password, anonymous)


def samples(op: InProcessProvider) -> dict[str, tuple[Credential, str]]:
    """Credentials by name, each with the part that has to take it; none for what nobody knows."""
    ours: Document = {"iss": "http://127.0.0.1:8420", "aud": "http://127.0.0.1:8420"}
    id_jws, api_jws, both = op.token(), op.token(aud="api"), op.token(aud=["api", "gatepost"])
    return {
        "nothing": (NoCredential(), "anonymous"),
        "a cookie": (SessionCookie("gps_x"), "session"),
        "an API token": (BearerToken("gp_x"), "api_token"),
        "an API token in Basic": (BasicCredential("bob", "gp_x"), "api_token"),
        "our access token": (BearerToken(op.token({"typ": "at+jwt"}, **ours)), "access_token"),
        "our identity token": (BearerToken(op.token({"typ": "gatepost-identity+jwt"}, **ours)), ""),
        "a delegated token": (BearerToken(api_jws), "delegated"),
        "a delegated access token": (BearerToken(op.token({"typ": "at+jwt"}, aud="api")), "delegated"),
        "an ID token": (BearerToken(id_jws), "id_token"),
        "an ID token in Basic": (BasicCredential("bob", id_jws), "id_token"),
        "a token for both": (BearerToken(both), "delegated"),
        "a token for both in Basic": (BasicCredential("bob", both), "id_token"),
        "a delegated token in Basic": (BasicCredential("bob", api_jws), ""),
        "a stranger's token": (BearerToken(op.token(iss="https://evil.example")), ""),
        "a stranger's token in Basic": (BasicCredential("bob", op.token(iss="https://evil.example")), ""),
        "a token for a stranger": (BearerToken(op.token(aud="x")), ""),
        "a password": (BasicCredential("bob", "correct horse"), "password"),
        "junk": (BearerToken("junk"), ""),
        "a refresh token": (BearerToken("gpr_x"), ""),
    }


def test_at_most_one_recogniser_takes_a_credential(op: InProcessProvider, open_with: OpenWith) -> None:
    gate = open_with(op.settings(), issuer_of(op, audience=("api",)))
    for name, (credential, wanted) in samples(op).items():
        took = []
        for part in PARTS:
            try:
                answer = part.recogniser(gate, "")(credential, gate.now())
            except GatepostError:
                answer = authn.Pending("none", lambda: pytest.fail("refused already"))
            if answer is not None:
                took.append(part.__name__.rpartition(".")[2])
        assert took == [wanted] * bool(wanted), name
