"""Service tokens: an issuer, one role, rotation with two, and a life that can be bounded (DH-13 to DH-17)."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from gatepost.directory.pages import Wanted
from gatepost.directory.services import delete_service, get_service
from gatepost.errors import (
    Conflict,
    Forbidden,
    InvalidCredentials,
    InvalidField,
    InvalidToken,
    NotFound,
    Unauthenticated,
)
from gatepost.gate import Gatepost
from gatepost.principal import Method, Scope
from gatepost.tokens.api_tokens import IssuedToken, WantedToken, issue_api_token
from gatepost.tokens.client_credentials import access_token_for_service
from gatepost.tokens.service_tokens import (
    WantedServiceToken,
    issue_service_token,
    list_service_tokens,
    revoke_service_token,
)
from tests.conftest import OpenGate, settings_for
from tests.dice import FakeDice
from tests.directory.people import ADMIN, NOBODY, machine, make_people, person
from tests.tokens.signing_in import HOME, by_basic, by_bearer, part

WISH = WantedServiceToken(name="etl", role="user")


@pytest.fixture
def etl(gate: Gatepost) -> IssuedToken:
    return issue_service_token(gate, ADMIN, WISH)


def trade(gate: Gatepost, secret: str, name: str = "etl", scope: Scope | None = None) -> str:
    return access_token_for_service(gate, name, secret, scope=scope, audience="", address=HOME)[0]


def test_it_has_the_role_of_its_service_and_names_its_issuer(gate: Gatepost, etl: IssuedToken) -> None:
    """DH-14, DH-15, DH-16, DH-17: Bearer as any other; no expiry is set; one role; who issued it."""
    caller = by_bearer(gate, etl.secret)
    assert (str(caller.subject), caller.method, str(caller.issuer)) == (
        "service:etl",
        Method.SERVICE_TOKEN,
        "user:admin",
    )
    assert etl.token.expires_at is None
    assert get_service(gate, ADMIN, "etl").role == "user"
    assert gate.may(caller, "dataset:create")
    assert not gate.may(caller, "user:create")


def test_who_issues_them(gate: Gatepost, etl: IssuedToken) -> None:
    """DH-13: admins, not people, and never a service, be it an admin's."""
    make_people(gate, "alice")
    root = by_bearer(gate, issue_service_token(gate, ADMIN, WantedServiceToken(name="root", role="admin")).secret)
    assert gate.may(root, "service_token:create")
    traded = by_bearer(
        gate,
        trade(gate, issue_service_token(gate, ADMIN, WantedServiceToken(name="root", role="admin")).secret, "root"),
    )
    assert traded.method is Method.ACCESS_TOKEN
    for caller in (person("alice"), machine("etl"), root, traded):
        with pytest.raises(Forbidden):
            issue_service_token(gate, caller, WISH)
    with pytest.raises(Unauthenticated):
        issue_service_token(gate, NOBODY, WISH)


def test_two_at_once_for_rotation_and_none_of_another_role(gate: Gatepost, etl: IssuedToken) -> None:
    second = issue_service_token(gate, ADMIN, WISH)
    for token in (etl, second):
        by_bearer(gate, token.secret)
    for role in ("admin", "reader"):
        with pytest.raises(Conflict, match="has the role user"):
            issue_service_token(gate, ADMIN, replace(WISH, role=role))
    revoke_service_token(gate, ADMIN, etl.token.id)
    with pytest.raises(InvalidToken):
        by_bearer(gate, etl.secret)
    by_bearer(gate, second.secret)
    assert [t.id for t in list_service_tokens(gate, ADMIN, Wanted(), "etl").items] == [second.token.id]


def test_who_sees_and_revokes_them(gate: Gatepost, etl: IssuedToken) -> None:
    make_people(gate, "alice")
    with pytest.raises(Forbidden):
        list_service_tokens(gate, person("alice"), Wanted())
    with pytest.raises(NotFound):
        revoke_service_token(gate, person("alice"), etl.token.id)
    with pytest.raises(NotFound):
        revoke_service_token(gate, ADMIN, "none")
    assert etl.secret not in repr(list_service_tokens(gate, ADMIN, Wanted()))


@pytest.mark.parametrize(
    ("wish", "field"),
    [
        (replace(WISH, role="nothing"), "role"),
        (replace(WISH, role=""), "role"),
        (replace(WISH, name=""), "name"),
        (replace(WISH, name="a b"), "name"),
        (replace(WISH, name="*"), "name"),
        (replace(WISH, scopes=()), "scopes"),
        (replace(WISH, scopes=("dataset:explode",)), "scopes"),
    ],
)
def test_a_bad_wish_is_named_and_makes_no_service(gate: Gatepost, wish: WantedServiceToken, field: str) -> None:
    with pytest.raises(InvalidField) as refused:
        issue_service_token(gate, ADMIN, wish)
    assert set(refused.value.fields) == {field}
    with pytest.raises(NotFound):
        get_service(gate, ADMIN, "etl")


def test_a_policy_bounds_their_life(open_gate: OpenGate, gate_url: str) -> None:
    base = settings_for(gate_url)
    gate = open_gate(replace(base, tokens=replace(base.tokens, service_token_max_age=timedelta(days=90))))
    for expires_at in (None, gate.now() + timedelta(days=90, seconds=1)):
        with pytest.raises(InvalidField, match="expires_at"):
            issue_service_token(gate, ADMIN, replace(WISH, expires_at=expires_at))
    issue_service_token(gate, ADMIN, replace(WISH, expires_at=gate.now() + timedelta(days=90)))


# -- client credentials ------------------------------------------------------------------------------------------------


def test_a_service_trades_its_token_for_a_short_one_that_dies_with_it(
    gate: Gatepost, etl: IssuedToken, second_gate: Gatepost
) -> None:
    token = trade(gate, etl.secret)
    caller = by_bearer(gate, token)
    assert (str(caller.subject), str(caller.issuer), caller.credential_id) == (
        "service:etl",
        "user:admin",
        etl.token.id,
    )
    by_bearer(second_gate, token)
    revoke_service_token(gate, ADMIN, etl.token.id)
    second_gate.memory.catch_up()
    for there in (gate, second_gate):
        with pytest.raises(InvalidToken):
            by_bearer(there, token)


def test_it_dies_with_its_service(gate: Gatepost, etl: IssuedToken) -> None:
    token = trade(gate, etl.secret)
    delete_service(gate, ADMIN, "etl")
    issue_service_token(gate, ADMIN, WISH)
    for secret in (token, etl.secret):
        with pytest.raises(InvalidToken):
            by_bearer(gate, secret)


def test_it_does_not_outlive_the_token_it_was_made_from(gate: Gatepost, dice: FakeDice) -> None:
    """A service token that ends in a minute must not buy another half an hour."""
    until = gate.now() + timedelta(minutes=1)
    short = issue_service_token(gate, ADMIN, replace(WISH, expires_at=until))
    token = trade(gate, short.secret)
    assert part(token, 1)["exp"] == int(until.timestamp())
    *_, life = access_token_for_service(gate, "etl", short.secret, scope=None, audience="", address=HOME)
    assert life == part(token, 1)["exp"] - part(token, 1)["iat"], "expires_in says how long it really is"
    dice.advance(timedelta(minutes=1))
    for secret in (token, short.secret):
        with pytest.raises(InvalidToken):
            by_bearer(gate, secret)


def test_the_scope_is_narrowed_and_never_widened(gate: Gatepost) -> None:
    narrow = issue_service_token(gate, ADMIN, replace(WISH, scopes=("dataset:*",)))
    assert str(by_bearer(gate, trade(gate, narrow.secret)).scope) == "dataset:*"
    assert str(by_bearer(gate, trade(gate, narrow.secret, scope=Scope.parse("dataset:view"))).scope) == "dataset:view"
    for wider in ("*:*", "*:view", "dataset:view collection:view"):
        with pytest.raises(InvalidField, match="scope"):
            trade(gate, narrow.secret, scope=Scope.parse(wider))


@pytest.mark.parametrize("name", ["ETL", "other", "", "admin", "service:etl"])
def test_the_name_has_to_be_the_services_to_the_letter(gate: Gatepost, etl: IssuedToken, name: str) -> None:
    """`Etl` and `etl` can be two services: names of services are not lower-cased."""
    with pytest.raises(InvalidCredentials):
        trade(gate, etl.secret, name)
    with pytest.raises(InvalidToken):
        by_basic(gate, name, etl.secret)
    assert str(by_basic(gate, "etl", etl.secret).subject) == "service:etl"


def test_a_persons_token_is_no_client(gate: Gatepost) -> None:
    secret = issue_api_token(gate, person("admin"), WantedToken(name="x")).secret
    for name, wrong in (("admin", secret), ("etl", "gp_" + "a" * 38), ("etl", "a password"), ("etl", "")):
        with pytest.raises(InvalidCredentials):
            trade(gate, wrong, name)


def test_an_audience_has_to_be_configured(gate: Gatepost, etl: IssuedToken) -> None:
    with pytest.raises(InvalidField, match="resource"):
        access_token_for_service(gate, "etl", etl.secret, scope=None, audience="https://x.example", address=HOME)
