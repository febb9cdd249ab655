"""The plan "Refresh Token": what the provider answers to a refresh token is of the same person, or nothing of it counts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from tests.certification.conftest import RelyingParty, Start, Visitor
from tests.certification.hostile_provider import HostileProvider, with_
from tests.certification.plans import REFRESH, C
from tests.certification.signing import broken
from tests.certification.test_bent_claims import VALUES, bend
from tests.server.calling import as_admin, ok

Claims = Callable[[dict[str, Any]], dict[str, Any]]
MODULES: Mapping[str, tuple[Claims, bool]] = {
    f"{C}-refresh-token": (dict, True),
    f"{C}-refresh-token-invalid-issuer": (with_(iss="https://wrong.example"), False),
    f"{C}-refresh-token-invalid-sub": (with_(sub="somebody-else"), False),
    f"{C}-refresh-token-invalid-aud": (with_(aud="another-client"), False),
    f"{C}-refresh-token-invalid-azp": (with_(aud=["rp-under-test", "x"], azp="x"), False),
}


@pytest.fixture
def rp(start: Start, op: HostileProvider) -> RelyingParty:
    op.person |= {"groups": ["staff"]}
    return start(
        groups_claim="groups", auto_create_groups=True, scopes=("openid", "offline_access"), scopes_configured=True
    )


def read_again(rp: RelyingParty) -> int:
    return rp.running.client.post("/api/v1/users/jane/sync", headers=as_admin(rp.running.client)).status_code


def groups(visitor: Visitor) -> list[str]:
    return sorted(ok(visitor.client.get("/api/v1/me"))["groups"])


@pytest.mark.parametrize("name", REFRESH)
def test_refresh(rp: RelyingParty, op: HostileProvider, name: str) -> None:
    change, good = MODULES[name]
    visitor = rp.visitor()
    with visitor.client:
        visitor.require_in(visitor.sign_in())
        assert groups(visitor) == ["staff"]
        op.person |= {"groups": ["admins-there"]}
        op.change.claims = change

        status = read_again(rp)

        assert (status, groups(visitor)) == ((200, ["admins-there"]) if good else (502, ["staff"]))
        assert len(op.asked_for("/token")) == 2
        assert "nonce" not in op.asked_for("/token")[1].form


def test_a_forged_id_token_of_a_refresh_counts_for_nothing(rp: RelyingParty, op: HostileProvider) -> None:
    visitor = rp.visitor()
    with visitor.client:
        visitor.require_in(visitor.sign_in())
        op.person |= {"groups": ["admins-there"]}
        op.change.sign = broken

        assert (read_again(rp), groups(visitor)) == (502, ["staff"])


@pytest.mark.parametrize("member", ["access_token", "id_token", "refresh_token", "token_type", "error", "expires_in"])
def test_a_bent_answer_to_a_refresh_is_never_a_bug(rp: RelyingParty, op: HostileProvider, member: str) -> None:
    wrong = []
    visitor = rp.visitor()
    with visitor.client:
        admin = as_admin(rp.running.client)
        for label, value in VALUES.items():
            op.change.instead.clear()
            visitor.require_in(visitor.sign_in())

            def answer(handler: Any, value: str = value) -> None:
                tokens = op.refresh(op.asked[-1].form["refresh_token"]) or {}
                handler.send(200, bend(tokens, member, value), "application/json")

            op.change.instead["/token"] = answer
            status = rp.running.client.post("/api/v1/users/jane/sync", headers=admin).status_code
            if status not in (200, 409, 502) or groups(visitor) != ["staff"]:
                wrong.append((label, status, groups(visitor)))
    assert wrong == []
