"""The 25 traps of single sign-on and access, and the further ones (a) to (g): each is named by a test that shows it.

Those that no other file shows over HTTP are here.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from gatepost.settings import Settings, SsoSettings
from tests.certification.conftest import RelyingParty, Visitor
from tests.certification.hostile_provider import HostileProvider, with_
from tests.conftest import ADMIN_PASSWORD, OpenGate
from tests.dice import FakeDice
from tests.house.source import ROOT
from tests.server.calling import bearer, sign_in
from tests.server.conftest import InProcess, in_process

__all__ = ["in_process"]  # a fixture, passed on

TRAPS = {
    "1": "an e-mail match takes an account over",
    "2": "rewriting a username merges people",
    "3": "issuer or audience silently optional",
    "4": "Basic with an ID token ignores the username",
    "5": "an API-key claim falls through",
    "6": "the first group becomes the role",
    "7": "group synchronisation deletes memberships by hand, or never removes any",
    "8": "a missing groups claim read as no groups",
    "9": "groups by mutable name or loose comparison",
    "10": "a refresh race between tabs signs everybody out",
    "11": "an access token outlives sign-out, disabling, role change",
    "12": "a storm of key-set fetches",
    "13": "stale or unusable keys",
    "14": "back-channel logout half done",
    "15": "RP-initiated and front-channel logout",
    "16": "state not bound to the browser; an open redirect",
    "17": "userinfo and ID token mixed",
    "18": "a wrong public URL",
    "19": "forward-auth bypassed",
    "20": "tokens in cookies or local storage",
    "21": "API tokens: expiry, comparison, minting",
    "22": "a bad credential becomes anonymous",
    "23": "evaluation and cache errors of relationships",
    "24": "the life-cycle of relationships",
    "25": "SCIM between systems",
    "a": "clocks that differ, both ways",
    "b": "bcrypt's 72 bytes, NUL, and who there is told by an error",
    "c": "a signing secret made anew at each start",
    "d": "discovery at the start is fatal, or never tried again",
    "e": "sockets outlive their credential",
    "f": "SAML: wrapping and replay",
    "g": "a provider that is taken out leaves its sessions",
}
# What is not built yet has no test that shows it.  Whoever builds it takes it out of here.
LATER = {
    "25": "SCIM",
    "f": "SAML comes through Dex, which `make test-peers` asks",
}
NAMED = re.compile(r"\btraps?\s+((?:(?:\d+|\([a-g]\))(?:\s*(?:,|and)\s*)?)+)", re.IGNORECASE)


def texts_of(tree: ast.Module) -> Iterator[str]:
    """What tests say of themselves: docstrings, and the names of their cases."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            if node.name.lower().startswith("test"):
                yield ast.get_docstring(node) or ""
            for decorator in node.decorator_list:
                yield from (
                    c.value for c in ast.walk(decorator) if isinstance(c, ast.Constant) and isinstance(c.value, str)
                )
    yield ast.get_docstring(tree) or ""


def traps_in(text: str) -> set[str]:
    return {trap for found in NAMED.finditer(text) for trap in re.findall(r"\d+|\b[a-g]\b", found[1])}


def named_by_tests() -> set[str]:
    files = sorted(Path(ROOT / "tests").rglob("test_*.py"))
    trees = [ast.parse(path.read_text(encoding="utf-8")) for path in files if path != Path(__file__)]
    own = [ast.parse(Path(__file__).read_text(encoding="utf-8"))]
    own[0].body = [node for node in own[0].body if isinstance(node, ast.FunctionDef)]  # not the sentence at the top
    return {trap for tree in [*trees, *own] for text in texts_of(tree) for trap in traps_in(text)}


def test_each_is_named_by_a_test_or_is_said_to_come_later() -> None:
    assert set(TRAPS) - named_by_tests() - set(LATER) == set()


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Trap 12: a storm.", {"12"}),
        ("Rotations (traps 12 and 13, P-12).", {"12", "13"}),
        ("Trap (d): nothing.", {"d"}),
        ("no aud (CO-X1, trap 3)", {"3"}),
        ("trap a caller", set()),
        ("a trapdoor 7", set()),
    ],
)
def test_a_name_is_read(text: str, found: set[str]) -> None:
    assert traps_in(text) == found


@pytest.mark.parametrize(
    ("claim", "seconds", "good"),
    [
        ("iat", 59, True),
        ("iat", 61, False),
        ("nbf", 59, True),
        ("nbf", 61, False),
        ("exp", -59, True),
        ("exp", -61, False),
    ],
)
def test_clocks_may_differ_by_the_leeway_and_no_more(
    visitor: Visitor, op: HostileProvider, dice: FakeDice, claim: str, seconds: int, good: bool
) -> None:
    """Trap (a): in both directions, and bounded."""
    op.change.claims = with_(**{claim: int(dice.clock()) + seconds})

    answer = visitor.sign_in()

    (visitor.require_in if good else visitor.require_nobody)(answer)


def test_who_there_is_cannot_be_told_by_the_door(rp: RelyingParty) -> None:
    """Trap (b): an unknown name, a wrong password, one that only begins as the right one, and one with a NUL in it."""
    tries = (
        ("nobody-of-that-name", ADMIN_PASSWORD),
        ("admin", "wrong"),
        ("admin", ADMIN_PASSWORD + "x" * 60),
        ("admin", ADMIN_PASSWORD + "\0"),
    )
    client = rp.running.client
    answers = [client.post("/api/v1/auth/login", json={"username": u, "password": p}) for u, p in tries]

    assert {(answer.status_code, answer.text) for answer in answers} == {(401, answers[0].text)}


def test_a_restart_and_another_replica_sign_nobody_out(
    rp: RelyingParty,
    open_gate: OpenGate,
    in_process: InProcess,
) -> None:
    """Trap (c): the signing key is in the database, sealed, and not made at the start."""
    visitor = rp.visitor()
    with visitor.client:
        visitor.require_in(visitor.sign_in())
        token = sign_in(rp.running.client, "admin", ADMIN_PASSWORD)["access_token"]
        another = in_process(open_gate(rp.running.gate.settings))
        another.cookies.update(dict(visitor.client.cookies))

        assert another.get("/api/v1/me").json()["username"] == "jane"
        another.cookies.clear()
        assert another.get("/api/v1/me", headers=bearer(token)).json()["username"] == "admin"


def test_there_is_no_socket_that_could_outlive_its_credential(rp: RelyingParty) -> None:
    """Trap (e): a WebSocket is refused at every path, whoever asks."""
    upgrade = {
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    }
    for path in ("/", "/graphql", "/api/v1/me", "/oauth/op/login"):
        assert rp.running.client.get(path, headers=upgrade, follow_redirects=False).status_code != 101


def test_a_provider_that_is_taken_out_takes_its_sessions_along(
    rp: RelyingParty,
    open_gate: OpenGate,
    in_process: InProcess,
    dice: FakeDice,
) -> None:
    """Trap (g): nobody is left who could end them, so they end."""
    visitor = rp.visitor()
    with visitor.client:
        visitor.require_in(visitor.sign_in())
        settings: Settings = replace(rp.running.gate.settings, sso=SsoSettings())
        dice.advance(timedelta(seconds=1))
        without = in_process(open_gate(settings))
        without.cookies.update(dict(visitor.client.cookies))

        assert without.get("/api/v1/me").status_code == 401
