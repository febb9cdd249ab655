"""ID tokens of a configured provider on the API: as Bearer, and as the password in Basic (AG-13 to AG-17, trap 4)."""

from __future__ import annotations

from datetime import timedelta

import pytest

from gatepost.access import groups_of, roles_of
from gatepost.directory.groups import create_group
from gatepost.directory.roles import assign_role
from gatepost.directory.users import NewUser, UserChange, change_user, create_user
from gatepost.errors import Forbidden, InvalidToken
from gatepost.principal import Entity, Method, Subject
from gatepost.settings import ClaimRule
from gatepost.sso.provider_logout import end_by_back_channel
from gatepost.sso.states import providers_of
from tests.authn.conftest import OpenWith, basic, delegated, events, is_at_hand, who
from tests.conftest import ADMIN
from tests.dice import FakeDice
from tests.sso.provider_in_process import Document, InProcessProvider

BOB: Document = {"sub": "bob-1", "preferred_username": "bob", "sid": "s-1"}


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def database(request: pytest.FixtureRequest) -> str:
    name = "sqlite_url" if request.param == "sqlite" else "postgres_database"
    url: str = request.getfixturevalue(name)
    return url


def test_an_id_token_is_its_person(op: InProcessProvider, open_with: OpenWith) -> None:
    """AG-13: without a nonce, for nobody here asked for it; a person is made as at a first sign-in."""
    gate = open_with(op.settings())

    caller = who(gate, op.token(**BOB, nonce="of-another-client"))

    assert (caller.subject, caller.method, caller.scope) == (Entity("user", "bob"), Method.ID_TOKEN, None)
    assert (caller.provider, caller.actor) == ("op", None)
    token = op.token(**BOB)
    who(gate, token)
    assert is_at_hand(gate, token)


def test_in_basic_the_username_has_to_be_the_same(op: InProcessProvider, open_with: OpenWith) -> None:
    """AG-14, AG-15, trap 4: compared after lower-casing; another name is refused, on record, and makes nobody."""
    gate = open_with(op.settings())
    token = op.token(**BOB)
    for wrong in ("alice", "", "bob@corp.example", " bob", "__token__"):
        with pytest.raises(InvalidToken):
            who(gate, basic(wrong, token))
    assert events(gate, "user.created") == []

    assert who(gate, basic("Bob", token)).subject.id == "bob"

    for cached in (token, op.token(**BOB, jti="new")):
        with pytest.raises(InvalidToken):
            who(gate, basic("alice", cached))
    records = events(gate, "sign_in.failed")
    assert {record["target"] for record in records} == {"user:bob"}
    assert sum(record["count"] for record in records) == 7


def test_the_name_is_compared_as_it_is_mapped(op: InProcessProvider, open_with: OpenWith) -> None:
    """AG-5 with AG-15."""
    import re

    mapped = {
        "username_claim": "mail",
        "username_regexp": re.compile("^(.*)@corp.example"),
        "username_substitution": "\\1",
    }
    gate = open_with(op.settings(**mapped))

    assert who(gate, basic("bob", op.token(sub="b", mail="Bob@corp.example"))).subject.id == "bob"
    with pytest.raises(InvalidToken):  # a regexp that does not match is refused, whatever the provider vouches for
        who(gate, basic("bob", op.token(sub="e", mail="bob@evil.example")))


def test_a_jws_is_never_tried_as_a_password(op: InProcessProvider, open_with: OpenWith) -> None:
    """Trap 4: whatever is wrong with it, nobody's password is asked for, and no throttle counts it."""
    gate = open_with(op.settings())
    create_user(gate, ADMIN, NewUser(username="bob", password="a-bob-of-the-tests"))
    for secret in (
        op.token(**BOB, iss="https://evil.example"),
        op.token(**BOB, aud="x"),
        op.token({"alg": "none"}, **BOB),
        op.token(**BOB).rpartition(".")[0] + ".",
    ):
        with pytest.raises(InvalidToken):
            who(gate, basic("bob", secret))

    assert events(gate, "sign_in.failed") == []


@pytest.mark.parametrize(
    "claims",
    [
        pytest.param({"iss": "https://evil.example"}, id="iss"),
        pytest.param({"iss": None}, id="no iss"),
        pytest.param({"aud": "x"}, id="aud"),
        pytest.param({"aud": ["gatepost", "x"]}, id="several audiences without azp"),
        pytest.param({"azp": "x"}, id="azp"),
        pytest.param({"sub": None}, id="no sub"),
        pytest.param({"iat": None}, id="no iat"),
        pytest.param({"exp": None}, id="no exp"),
        pytest.param({"exp": 1}, id="expired"),
        pytest.param({"preferred_username": None}, id="no username"),
        pytest.param({"events": {"http://schemas.openid.net/event/backchannel-logout": {}}}, id="a logout token"),
    ],
)
def test_an_id_token_that_does_not_hold_is_refused(
    op: InProcessProvider, open_with: OpenWith, claims: Document
) -> None:
    gate = open_with(op.settings())

    for credential in (op.token(**{**BOB, **claims}), basic("bob", op.token(**{**BOB, **claims}))):
        with pytest.raises(InvalidToken):
            who(gate, credential)


@pytest.mark.parametrize("typ", ["at+jwt", "logout+jwt", "application/at+jwt"])
def test_a_token_of_another_type_is_no_id_token(op: InProcessProvider, open_with: OpenWith, typ: str) -> None:
    with pytest.raises(InvalidToken):
        who(open_with(op.settings()), op.token({"typ": typ}, **BOB))


def test_the_account_rules_are_those_of_a_sign_in(op: InProcessProvider, open_with: OpenWith) -> None:
    gate = open_with(op.settings(auto_create_users=False))
    with pytest.raises(Forbidden):
        who(gate, op.token(**BOB))
    create_user(gate, ADMIN, NewUser(username="bob", password="a-bob-of-the-tests"))
    with pytest.raises(Forbidden):  # rule 1: a name opens no local account
        who(gate, op.token(**BOB))

    create_user(gate, ADMIN, NewUser(username="carol", external="op"))

    assert who(gate, op.token(sub="carol-1", preferred_username="carol")).subject.id == "carol"


def test_who_may_not_enter_may_not_call(op: InProcessProvider, open_with: OpenWith) -> None:
    gate = open_with(op.settings(allowed_groups=("staff",)))

    with pytest.raises(Forbidden):
        who(gate, op.token(**BOB, groups=["guests"]))
    assert who(gate, op.token(**BOB, groups=["staff"])).subject.id == "bob"


def test_a_token_of_this_morning_brings_no_group_back(op: InProcessProvider, open_with: OpenWith) -> None:
    """Groups come with the first token, which makes the account; later ones change nothing that is stored."""
    gate = open_with(op.settings())
    for name in ("one", "two"):
        create_group(gate, ADMIN, name)

    who(gate, op.token(**BOB, groups=["one"]))
    caller = who(gate, op.token(**BOB, groups=["two"]))

    assert groups_of(Subject("user", "bob"), gate.memory.graph) == {"one"}
    assert caller.groups == frozenset()


def test_a_disabled_person_is_refused_at_once(op: InProcessProvider, open_with: OpenWith) -> None:
    gate = open_with(op.settings())
    token = op.token(**BOB)
    who(gate, token)

    change_user(gate, ADMIN, "bob", UserChange(disabled=True))

    with pytest.raises(InvalidToken):
        who(gate, token)


def test_the_provider_is_asked_again_after_session_max_age(
    op: InProcessProvider, open_with: OpenWith, dice: FakeDice
) -> None:
    gate = open_with(op.settings(session_max_age=timedelta(hours=1)))
    token = op.token(**BOB, exp=int(dice.clock()) + 100_000)
    who(gate, token)

    dice.advance(timedelta(hours=1))

    with pytest.raises(InvalidToken):
        who(gate, token)


class TestLogout:
    """ID tokens die with the provider's back-channel logout, in every process and after a restart."""

    @pytest.fixture
    def gate_url(self, database: str) -> str:
        return database

    def test_by_sid_that_session_alone(self, op: InProcessProvider, open_with: OpenWith) -> None:
        gate, second = open_with(op.settings()), open_with(op.settings())
        ended, other = op.token(**BOB), op.token(**{**BOB, "sid": "s-2"})
        for process in (gate, second):
            for token in (ended, ended, other):
                who(process, token)

        end_by_back_channel(gate, providers_of(gate).get("op"), op.logout_token(sid="s-1"))
        second.memory.catch_up()

        for process in (gate, second, open_with(op.settings())):
            with pytest.raises(InvalidToken):
                who(process, ended)
            assert who(process, other).subject.id == "bob"

    def test_by_sub_every_earlier_token_of_that_person(
        self, op: InProcessProvider, open_with: OpenWith, dice: FakeDice
    ) -> None:
        gate = open_with(op.settings())
        tokens = [op.token(**BOB), op.token(**{**BOB, "sid": "s-2"}), op.token(sub="bob-1", preferred_username="bob")]
        carol = op.token(sub="carol-1", preferred_username="carol")

        end_by_back_channel(gate, providers_of(gate).get("op"), op.logout_token(sub="bob-1"))

        for token in tokens:
            with pytest.raises(InvalidToken):
                who(gate, token)
        assert who(gate, carol).subject.id == "carol"
        dice.advance(timedelta(seconds=1))
        assert who(gate, op.token(**{**BOB, "sid": "s-3"})).subject.id == "bob"


def test_the_same_issuer_as_provider_and_delegated_is_told_apart_by_audience(
    op: InProcessProvider, open_with: OpenWith
) -> None:
    """A token whose `aud` fits both is 401, as Bearer and in Basic."""
    gate = open_with(op.settings(), delegated(op, audience=("api",), username_claim="preferred_username"))

    assert who(gate, op.token(**BOB)).method is Method.ID_TOKEN
    assert who(gate, op.token(**{**BOB, "aud": "api"})).method is Method.DELEGATED
    both = op.token(**BOB, aud=["gatepost", "api"], azp="gatepost")
    for credential in (both, basic("bob", both)):
        with pytest.raises(InvalidToken):
            who(gate, credential)
    with pytest.raises(InvalidToken):  # a delegated token is no password
        who(gate, basic("bob", op.token(**{**BOB, "aud": "api"})))


def test_roles_of_its_claims_hold_for_the_call_and_are_not_handed_out(
    op: InProcessProvider, open_with: OpenWith
) -> None:
    """Section 0: `claims_map.roles` holds for that token; `role_map` stores, at the first sign-in."""
    claims_map = {"roles": ClaimRule("$.roles", ())}
    gate = open_with(op.settings(claims_map=claims_map, admin_roles=("root",), role_map={"staff": "reader"}))

    caller = who(gate, op.token(**BOB, roles=["root"], groups=["staff"]))

    assert caller.roles == {"admin"}
    assert gate.may(caller, "user:create")
    with pytest.raises(Forbidden, match="you cannot hand out"):
        assign_role(gate, caller, "admin", "user:bob")
    assert roles_of(Subject("user", "bob"), gate.memory.graph) == {"user", "reader"}
    assert who(gate, op.token(**BOB)).roles == frozenset()
