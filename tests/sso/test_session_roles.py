"""Roles that a provider vouches for at a sign-in: that session's, and nobody's afterwards (HA-10, HA-11, HA-X5, trap 6)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from gatepost.access import roles_of
from gatepost.audit.trail import Filter, read_audit
from gatepost.authn.narrowing import narrow
from gatepost.directory.groups import add_member, create_group
from gatepost.directory.pages import Wanted
from gatepost.directory.resources import NewResource, ResourceChange, change_resource, create_resource
from gatepost.directory.rights import rights_of
from gatepost.directory.roles import assign_role, change_role, create_role, delete_role, list_assignees
from gatepost.directory.sharing import NewGrant, grant_access
from gatepost.directory.users import NewUser, create_user, delete_user
from gatepost.errors import Forbidden, InvalidToken
from gatepost.gate import Gatepost
from gatepost.principal import Entity, Principal, Subject
from gatepost.settings import ClaimRule, ProviderSettings
from gatepost.store import tables
from gatepost.stores.models import write_version
from gatepost.tokens.api_tokens import WantedToken, issue_api_token
from gatepost.tokens.grants import Approval, Place, open_for
from gatepost.tokens.refresh_tokens import TokenPair, refresh
from gatepost.tokens.service_tokens import WantedServiceToken, issue_service_token
from gatepost.tokens.session_list import end_session
from gatepost.tokens.sessions import NewSession, sign_out
from tests.conftest import OpenGate
from tests.dice import FakeDice
from tests.directory.people import ADMIN, make_people
from tests.sso.corp import CORP, come, said, with_providers
from tests.stores.shop import parsed, put
from tests.tokens.signing_in import by_bearer, by_cookie
from tests.waiting import A_BUSY_SECOND, eventually

ROLES = {"roles": ClaimRule(path="$.roles")}
CLAIMED = replace(CORP, claims_map=ROLES)
CHOSEN = replace(CORP, claims_map={**ROLES, "default_role": ClaimRule(path="$.roles[0]")})
DATASET = Entity("dataset", "d")
VIEWERS_OWN = """
model
  schema 1.1
type user
type dataset
  relations
    define viewer: [user]
    define owner: [user] or viewer
    define view: viewer
"""


@pytest.fixture
def gate_url(database_url: str) -> str:
    return database_url


@pytest.fixture
def gate(open_gate: OpenGate, gate_url: str) -> Gatepost:
    gate = open_gate(with_providers(gate_url))
    create_role(gate, ADMIN, "curator", ["dataset:edit"])
    create_role(gate, ADMIN, "granter", ["role:assign", "role:view", "dataset:*"])
    return gate


def arrives(gate: Gatepost, *roles: object, settings: ProviderSettings = CLAIMED, **what: Any) -> NewSession:
    return come(gate, said(claims={"roles": list(roles)}, **what), settings)


def edits(gate: Gatepost, caller: Principal) -> bool:
    return gate.may(caller, "edit", DATASET)


def tool_of(gate: Gatepost, session: NewSession) -> TokenPair:
    """Tokens of a command-line tool that this browser's session let in."""
    approval = Approval(
        subject=session.record.subject,
        approved_in=session.record.id,
        client_id="gatepost-cli",
        scope="*:*",
        audience="",
    )
    with gate.change_unasked() as tx:
        return open_for(gate, tx, approval, Place(address=""))[1]


def test_a_claimed_role_is_that_sessions_alone(gate: Gatepost) -> None:
    with_role = by_cookie(gate, arrives(gate, "curator", "no-such-role"))
    without = by_cookie(gate, arrives(gate))

    assert (with_role.roles, with_role.provider) == (frozenset({"curator"}), "corp")
    assert edits(gate, with_role)
    assert not edits(gate, without)
    assert not gate.check("user:alice", "edit", "dataset:d").allowed
    assert list_assignees(gate, ADMIN, "curator", Wanted()).items == []


def test_it_ends_with_the_session(gate: Gatepost) -> None:
    session = arrives(gate, "curator")
    caller = by_cookie(gate, session)
    sign_out(gate, caller)

    assert gate.memory.session_roles.of(session.record.id) is None
    with pytest.raises(InvalidToken):
        by_cookie(gate, session)


def test_another_process_knows_it_at_once_and_hears_of_its_end(
    gate: Gatepost, open_gate: OpenGate, gate_url: str
) -> None:
    second_gate = open_gate(with_providers(gate_url))
    session = arrives(gate, "curator")
    eventually(lambda: second_gate.memory.session_roles.of(session.record.id) is not None, within=A_BUSY_SECOND)
    assert edits(second_gate, by_cookie(second_gate, session))
    later = open_gate(with_providers(gate_url))
    assert edits(later, by_cookie(later, session))

    end_session(gate, ADMIN, session.record.id)

    eventually(lambda: second_gate.memory.session_roles.of(session.record.id) is None, within=A_BUSY_SECOND)
    assert open_gate(with_providers(gate_url)).memory.session_roles.of(session.record.id) is None


def test_a_role_counts_as_it_is_now_and_one_that_is_made_anew_is_another(
    gate: Gatepost, dice: FakeDice, open_gate: OpenGate, gate_url: str
) -> None:
    """Trap 24: rule 4 for changes, and no old right comes back with a name."""
    session = arrives(gate, "curator")
    change_role(gate, ADMIN, "curator", permissions=["dataset:view"])
    assert not edits(gate, by_cookie(gate, session))
    change_role(gate, ADMIN, "curator", permissions=["dataset:edit"])
    assert edits(gate, by_cookie(gate, session))

    delete_role(gate, ADMIN, "curator")
    assert by_cookie(gate, session).roles == frozenset()
    dice.advance(timedelta(seconds=1))
    create_role(gate, ADMIN, "curator", ["dataset:edit"])
    for each in (gate, open_gate(with_providers(gate_url))):
        assert not edits(each, by_cookie(each, session))


def test_a_role_that_is_deleted_while_a_change_waits_does_not_carry_it(gate: Gatepost) -> None:
    caller = by_cookie(gate, arrives(gate, "curator"))
    delete_role(gate, ADMIN, "curator")
    with pytest.raises(InvalidToken):
        gate.still_holds(caller)


# -- admin, and the default role ---------------------------------------------------------------------------------------


def test_admin_is_a_word_unless_it_is_configured(gate: Gatepost) -> None:
    """HA-10, HA-11, HA-12, trap 6."""
    named = replace(CLAIMED, admin_roles=("root",))

    assert by_cookie(gate, arrives(gate, "admin")).roles == frozenset()
    assert by_cookie(gate, arrives(gate, "admin", settings=named)).roles == frozenset()
    root = by_cookie(gate, arrives(gate, "root", settings=named))
    assert root.roles == {"admin"}
    assert gate.may(root, "user:create")
    assert not gate.check("user:alice", "user:create", "platform:main").allowed


def test_hasuras_claims_where_they_stand(gate: Gatepost) -> None:
    """HA-10, HA-14, HA-X3."""
    settings = replace(CORP, claims_namespace="https://hasura.io/jwt/claims")
    claims = {"x-hasura-allowed-roles": ["curator", "user"], "x-hasura-default-role": "curator"}
    caller = by_cookie(gate, come(gate, said(claims={"https://hasura.io/jwt/claims": claims}), settings))

    assert (caller.roles, caller.role) == (frozenset({"curator", "user"}), "curator")


def test_the_default_role_narrows_a_call_that_names_none(gate: Gatepost) -> None:
    """HA-X5: and another one of the caller's can be named."""
    session = arrives(gate, "reader", "curator", settings=CHOSEN)
    for caller in (by_cookie(gate, session), by_bearer(gate, tool_of(gate, session).access_token)):
        assert caller.role == "reader"
        assert not edits(gate, caller)
        assert edits(gate, narrow(gate, caller, "curator"))
        with pytest.raises(Forbidden):
            narrow(gate, caller, "granter")


@pytest.mark.parametrize(
    ("claims", "settings"),
    [
        ({"roles": []}, CHOSEN),
        ({}, CHOSEN),
        ({"roles": ["curator", 7]}, CLAIMED),
        ({"roles": {"a": 1}}, CLAIMED),
        ({"roles": ["curator"], "d": "reader"}, replace(CORP, claims_map={**ROLES, "default_role": ClaimRule("$.d")})),
        ({"roles": ["admin"]}, CHOSEN),
        ({"d": "curator"}, replace(CORP, claims_map={"default_role": ClaimRule("$.d")})),
    ],
    ids=["out of range", "absent", "a number", "an object", "outside the roles", "admin", "not theirs"],
)
def test_roles_that_do_not_fit_let_nobody_in(
    gate: Gatepost, claims: dict[str, Any], settings: ProviderSettings
) -> None:
    """Trap 6: refused, and not `null`; nobody is made, and it is on record why."""
    with pytest.raises(Forbidden):
        come(gate, said(claims=claims), settings)

    gate.journal.flush()
    [record] = read_audit(gate, ADMIN, Wanted(), Filter(event="sign_in.refused")).items
    assert (record.target, str(record.outcome)) == ("user:alice", "refused")
    assert record.reason
    assert read_audit(gate, ADMIN, Wanted(), Filter(event="user.created")).items == []


def test_a_default_role_may_be_one_that_is_theirs_for_good(gate: Gatepost) -> None:
    by_claim = replace(CORP, claims_map={"default_role": ClaimRule("$.d")}, role_map={"writers": "curator"})

    mapped = by_cookie(gate, come(gate, said(claims={"d": "curator"}, groups=("writers",)), by_claim))
    first = by_cookie(gate, come(gate, said("sub-bob", "bob", claims={"d": "user"}, groups=()), by_claim))

    assert (mapped.role, mapped.roles) == ("curator", frozenset())
    assert first.role == "user"
    with pytest.raises(Forbidden):  # what this very sign-in takes away is no role of theirs
        come(gate, said(claims={"d": "curator"}, groups=()), by_claim)


# -- tokens that come of the session -----------------------------------------------------------------------------------


def test_a_tools_tokens_carry_them_and_are_never_given_more(gate: Gatepost) -> None:
    session = arrives(gate, "curator")
    pair = tool_of(gate, session)
    arrives(gate, "curator", "granter")  # a later sign-in speaks for itself alone

    for _ in range(2):
        caller = by_bearer(gate, pair.access_token)
        assert (caller.roles, caller.provider) == (frozenset({"curator"}), "corp")
        pair = refresh(gate, pair.refresh_token)


def test_a_tools_tokens_end_with_the_providers_word(gate: Gatepost, dice: FakeDice) -> None:
    """Rule 11: an access token is good no longer than the session, and neither longer than `session_max_age`."""
    pair = tool_of(gate, arrives(gate, "curator"))
    dice.advance(timedelta(days=7) - timedelta(minutes=2))
    later = refresh(gate, pair.refresh_token)
    assert later.expires_in == 120
    by_bearer(gate, later.access_token)

    dice.advance(timedelta(minutes=2))

    with pytest.raises(InvalidToken):
        by_bearer(gate, later.access_token)
    with pytest.raises(InvalidToken):
        refresh(gate, later.refresh_token)


def test_an_api_token_does_not_carry_them(gate: Gatepost) -> None:
    caller = by_cookie(gate, arrives(gate, "curator"))
    token = by_bearer(gate, issue_api_token(gate, caller, WantedToken(name="mine")).secret)

    assert token.roles == frozenset()
    assert not edits(gate, token)


# -- handing out -------------------------------------------------------------------------------------------------------


def bobs_and_groups(gate: Gatepost) -> None:
    make_people(gate, "bob")
    create_group(gate, ADMIN, "curators")
    assign_role(gate, ADMIN, "curator", "group:curators#member")
    create_resource(gate, ADMIN, NewResource(type="collection", id="c"))


@pytest.mark.parametrize(
    "attack",
    [
        lambda gate, caller: assign_role(gate, caller, "granter", "user:alice"),
        lambda gate, caller: assign_role(gate, caller, "admin", "user:bob"),
        lambda gate, caller: create_role(gate, caller, "mine", ["audit:view"]),
        lambda gate, caller: change_role(gate, caller, "curator", permissions=["dataset:edit", "audit:view"]),
        lambda gate, caller: add_member(gate, caller, "curators", "user:alice"),
        lambda gate, caller: grant_access(
            gate, caller, "collection", "c", NewGrant(subject="user:alice", relation="owner")
        ),
        lambda gate, caller: issue_service_token(gate, caller, WantedServiceToken(name="robot", role="admin")),
    ],
    ids=["to oneself", "to another", "a new role", "a changed role", "by a group", "a share", "a service token"],
)
@pytest.mark.parametrize("by_tool", [False, True])
def test_what_ends_with_a_session_is_used_and_not_handed_out(
    gate: Gatepost, attack: Callable[[Gatepost, Principal], object], *, by_tool: bool
) -> None:
    """An administrator for an hour must not be one for good, under whatever name."""
    bobs_and_groups(gate)
    session = arrives(gate, "root", settings=replace(CLAIMED, admin_roles=("root",)))
    caller = by_bearer(gate, tool_of(gate, session).access_token) if by_tool else by_cookie(gate, session)

    with pytest.raises(Forbidden, match="you cannot hand out"):
        attack(gate, caller)

    create_user(gate, caller, NewUser(username="carol"))  # what is no handing out they may
    delete_user(gate, caller, "carol")
    assert not gate.check("user:alice", "audit:view", "platform:main").allowed


def test_a_share_that_the_role_has_is_not_passed_on_either(gate: Gatepost) -> None:
    bobs_and_groups(gate)
    grant_access(gate, ADMIN, "collection", "c", NewGrant(subject="role:curator#assignee", relation="owner"))
    caller = by_cookie(gate, arrives(gate, "curator"))
    assert gate.may(caller, "manage_access", Entity("collection", "c"))

    with pytest.raises(Forbidden, match="you cannot hand out"):
        grant_access(gate, caller, "collection", "c", NewGrant(subject="user:alice", relation="owner"))

    assign_role(gate, ADMIN, "curator", "user:alice")  # for good: then it is theirs to pass on
    grant_access(gate, caller, "collection", "c", NewGrant(subject="user:bob", relation="viewer"))


def test_nothing_is_moved_below_what_is_ones_own_for_good(gate: Gatepost) -> None:
    """Whoever owns the collection would own the dataset, when the provider has long taken its word back."""
    create_role(gate, ADMIN, "minder", ["dataset:*"])
    create_resource(gate, ADMIN, NewResource(type="dataset", id="d"))
    caller = by_cookie(gate, arrives(gate, "minder"))
    create_resource(gate, caller, NewResource(type="collection", id="mine"))
    assert gate.may(caller, "manage_access", DATASET)

    with pytest.raises(Forbidden):
        change_resource(gate, caller, "dataset", "d", ResourceChange(parent="collection:mine"))
    create_role(gate, ADMIN, "writer", ["store:write"])
    assign_role(gate, ADMIN, "writer", "user:alice")
    with pytest.raises(Forbidden):
        put(gate, "main", "dataset:d#parent@collection:mine", caller=caller)
    assert not gate.check("user:alice", "owner", "dataset:d").allowed

    assign_role(gate, ADMIN, "minder", "user:alice")
    change_resource(gate, caller, "dataset", "d", ResourceChange(parent="collection:mine"))


def test_no_model_stays_of_a_right_that_ends_with_the_session(gate: Gatepost) -> None:
    """It says what every tuple gives: one in which viewers are owners would make one of whoever posted it."""
    create_role(gate, ADMIN, "modeller", ["store:write"])
    for role, settings in (("modeller", CLAIMED), ("root", replace(CLAIMED, admin_roles=("root",)))):
        caller = by_cookie(gate, arrives(gate, role, settings=settings))
        assert gate.may(caller, "store:write")
        with pytest.raises(Forbidden, match="for a time only"):
            write_version(gate, caller, "main", parsed(VIEWERS_OWN))


def test_who_holds_it_for_good_too_hands_it_out_as_ever(gate: Gatepost) -> None:
    bobs_and_groups(gate)
    session = arrives(gate, "curator")
    assign_role(gate, ADMIN, "granter", "user:alice")
    assign_role(gate, by_cookie(gate, session), "granter", "user:bob")
    assert gate.check("user:bob", "edit", "dataset:d").allowed


def test_what_was_done_by_such_a_role_is_on_record_as_that(gate: Gatepost) -> None:
    caller = by_cookie(gate, arrives(gate, "root", settings=replace(CLAIMED, admin_roles=("root",))))
    create_user(gate, caller, NewUser(username="carol"))

    record = next(r for r in read_audit(gate, ADMIN, Wanted(), Filter(target="user:carol")).items)
    assert record.detail["vouched_roles"] == ["admin"]
    opened = read_audit(gate, ADMIN, Wanted(), Filter(event="session.opened", subject="user:alice")).items
    assert opened[0].detail == {"provider": "corp", "roles": ["admin"]}


# -- rights ------------------------------------------------------------------------------------------------------------


def test_rights_tell_where_such_a_role_comes_from(gate: Gatepost) -> None:
    session = arrives(gate, "curator")
    for caller in (ADMIN, by_cookie(gate, session)):
        rights = rights_of(gate, caller, "alice")
        [vouched] = rights.vouched
        [edit] = [right for right in rights.permissions if right.right == "dataset:edit"]
        assert (vouched.role, vouched.provider, vouched.session) == ("curator", "corp", session.record.id)
        assert vouched.expires_at == session.record.expires_at
        assert "curator" in rights.roles
        assert edit.source == f"session:{session.record.id}"
        assert "corp says so" in edit.sentence

    end_session(gate, ADMIN, session.record.id)
    assert rights_of(gate, ADMIN, "alice").vouched == ()
    assert "curator" not in roles_of(Subject("user", "alice"), gate.memory.graph)


def test_a_refresh_token_beyond_all_measure_is_not_kept_and_lets_in_all_the_same(gate: Gatepost) -> None:
    s = tables.sessions
    for size, kept in ((100, True), (20_000, False)):
        session = come(gate, said(refresh_token="r" * size))
        with gate.database.read() as connection:
            query = select(s.c.provider_token).where(s.c.id == session.record.id)
            assert (connection.execute(query).scalar_one() is not None) is kept
