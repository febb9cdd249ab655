"""Whose account a delegated token opens, whose key comes first, which groups count, and which service it is (CO-*)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from gatepost.access import groups_of
from gatepost.directory.groups import create_group
from gatepost.directory.services import create_service, delete_service
from gatepost.directory.users import NewUser, UserChange, change_user, create_user
from gatepost.errors import Forbidden, InvalidToken
from gatepost.gate import Gatepost
from gatepost.principal import Entity, Method, Principal, Subject
from gatepost.store.relations import relate
from gatepost.tokens.api_tokens import WantedToken, issue_api_token, revoke_api_token
from tests.authn.conftest import OpenWith, delegated, events, is_at_hand, who
from tests.conftest import ADMIN
from tests.dice import FakeDice
from tests.sso.provider_in_process import Document, InProcessProvider, without

BOB: Document = {"sub": "bob-1", "email": "bob@corp.example"}


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def gate_url(request: pytest.FixtureRequest) -> str:
    name = "sqlite_url" if request.param == "sqlite" else "postgres_database"
    url: str = request.getfixturevalue(name)
    return url


class TestLinks:
    """Rule 1 of the design: what an account that exists already is opened by."""

    @pytest.fixture
    def local(self) -> NewUser:
        return NewUser(username="bob", password="a-bob-of-the-tests", email="bob@corp.example", email_verified=True)

    def token(self, op: InProcessProvider, **claims: Any) -> str:
        given = {**BOB, "preferred_username": "bob", "email_verified": True, **claims}
        return op.token(**given)

    def test_none_opens_no_existing_account(self, op: InProcessProvider, open_with: OpenWith, local: NewUser) -> None:
        gate = open_with(delegated(op, username_claim="preferred_username"))
        create_user(gate, ADMIN, local)

        with pytest.raises(Forbidden):
            who(gate, self.token(op))

    def test_username_opens_the_account_of_that_name(
        self, op: InProcessProvider, open_with: OpenWith, local: NewUser
    ) -> None:
        gate = open_with(delegated(op, username_claim="preferred_username", link="username"))
        create_user(gate, ADMIN, local)

        assert who(gate, self.token(op)).subject.id == "bob"
        with pytest.raises(Forbidden):  # the account is bound: another subject of that name is somebody else
            who(gate, self.token(op, sub="bob-2"))

    def test_email_opens_the_account_with_the_same_verified_address(
        self, op: InProcessProvider, open_with: OpenWith, local: NewUser
    ) -> None:
        gate = open_with(delegated(op, link="email"))
        create_user(gate, ADMIN, local)

        assert who(gate, self.token(op)).subject.id == "bob"

    @pytest.mark.parametrize("claims", [{"email_verified": False}, {"email_verified": "true"}, {"email_verified": 1}])
    def test_an_unverified_address_opens_nothing_and_names_nothing(
        self, op: InProcessProvider, open_with: OpenWith, local: NewUser, claims: Document
    ) -> None:
        """Trap 1."""
        gate = open_with(delegated(op, link="email"))
        create_user(gate, ADMIN, local)

        with pytest.raises(Forbidden):
            who(gate, self.token(op, **claims))
        assert len(events(gate, "user.created")) == 1

    def test_an_absent_verification_does_not_link(
        self, op: InProcessProvider, open_with: OpenWith, local: NewUser
    ) -> None:
        gate = open_with(delegated(op, link="email"))
        create_user(gate, ADMIN, local)

        assert who(gate, self.token(op, email_verified=None)).subject.id == "bob@corp.example"

    def test_an_address_makes_nobody_an_admin(self, op: InProcessProvider, open_with: OpenWith) -> None:
        """Trap 1: never link to an admin silently."""
        gate = open_with(delegated(op, link="email"))
        change_user(gate, ADMIN, "admin", UserChange(email="root@corp.example", email_verified=True))

        caller = who(gate, self.token(op, email="root@corp.example"))

        assert caller.subject.id == "root@corp.example"


class TestApiKeyClaim:
    """CO-8, CO-9 and trap 5: a key in the token comes first."""

    @pytest.fixture
    def strict(self, request: pytest.FixtureRequest) -> bool:
        return bool(getattr(request, "param", False))

    @pytest.fixture
    def gate(self, op: InProcessProvider, open_with: OpenWith, strict: bool) -> Gatepost:
        gate = open_with(delegated(op, api_key_strict=strict))
        create_user(gate, ADMIN, NewUser(username="ann", password="an-ann-of-the-tests"))
        return gate

    def key(self, gate: Gatepost) -> tuple[str, str]:
        ann = Principal(subject=Entity("user", "ann"), method=Method.EMBEDDED, scope=None)
        issued = issue_api_token(gate, ann, WantedToken(name="key", scopes=("dataset:view",)))
        return issued.secret, issued.token.id

    def test_a_good_key_is_its_owner_with_its_scope(self, gate: Gatepost, op: InProcessProvider) -> None:
        secret, token_id = self.key(gate)
        token = op.token(**BOB, apikey=secret, client_id="gw", scope="*:*", groups=["x"])

        for caller in (who(gate, token), who(gate, token)):
            assert caller.subject == Entity("user", "ann")
            assert str(caller.scope) == "dataset:view"
            assert (caller.method, caller.credential_id) == (Method.API_TOKEN, token_id)
            assert (caller.actor, caller.groups) == (Entity("client", "gw"), frozenset())
        assert is_at_hand(gate, token)
        assert len(events(gate, "user.created")) == 1  # nobody was made for the e-mail beside the key

    @pytest.mark.parametrize("bad", ["gp_" + "x" * 38, "not a key", "", 7, ["gp_x"]], ids=repr)
    def test_a_bad_key_falls_through_to_the_user_on_record(
        self, gate: Gatepost, op: InProcessProvider, bad: object
    ) -> None:
        token = op.token(**BOB, apikey=bad)

        assert who(gate, token).subject.id == "bob@corp.example"
        assert who(gate, token).subject.id == "bob@corp.example"
        [record] = events(gate, "api_key.refused")
        assert (record["outcome"], record["count"]) == ("refused", 2)

    @pytest.mark.parametrize("strict", [True], indirect=True)
    @pytest.mark.parametrize("bad", ["gp_" + "x" * 38, "not a key", "", 7], ids=repr)
    def test_strict_refuses_a_bad_key(self, gate: Gatepost, op: InProcessProvider, strict: bool, bad: object) -> None:
        token = op.token(**BOB, apikey=bad)

        for _ in range(2):
            with pytest.raises(InvalidToken):
                who(gate, token)
        assert strict
        assert len(events(gate, "user.created")) == 1

    @pytest.mark.parametrize("strict", [True], indirect=True)
    def test_a_revoked_key_ends_the_token(self, gate: Gatepost, op: InProcessProvider, strict: bool) -> None:
        secret, token_id = self.key(gate)
        token = op.token(**BOB, apikey=secret)
        assert who(gate, token).subject.id == "ann"

        revoke_api_token(gate, ADMIN, token_id)

        assert strict
        with pytest.raises(InvalidToken):
            who(gate, token)

    def test_a_key_never_outranks_its_disabled_owner(self, gate: Gatepost, op: InProcessProvider) -> None:
        """Trap 5."""
        secret, _ = self.key(gate)
        token = op.token(**BOB, apikey=secret)
        who(gate, token)

        change_user(gate, ADMIN, "ann", UserChange(disabled=True))

        assert who(gate, token).subject.id == "bob@corp.example"

    def test_an_expired_token_does_not_carry_its_key_on(
        self, gate: Gatepost, op: InProcessProvider, dice: FakeDice
    ) -> None:
        secret, _ = self.key(gate)
        token = op.token(**BOB, apikey=secret)
        who(gate, token)

        dice.advance(timedelta(minutes=7))

        with pytest.raises(InvalidToken):
            who(gate, token)


class TestGroups:
    """Groups of the claim hold for that call only, unless they are to be stored."""

    def test_they_hold_for_the_call_alone(self, op: InProcessProvider, open_with: OpenWith) -> None:
        gate = open_with(delegated(op, group_map={"/data": "data-team"}, group_filter=None, group_limit=2))
        create_group(gate, ADMIN, "data-team")

        caller = who(gate, op.token(**BOB, groups=["/data", "unknown-here", "data-team"]))

        assert caller.groups == {"data-team"}
        assert who(gate, op.token(**BOB, jti="2")).groups == frozenset()

    def test_they_open_what_is_shared_with_the_group(self, op: InProcessProvider, open_with: OpenWith) -> None:
        gate = open_with(delegated(op))
        create_group(gate, ADMIN, "data-team")
        with gate.change_unasked() as tx:
            relate(tx, "collection:sales", "viewer", "group:data-team#member", author="test")

        def may(token: str) -> bool:
            return gate.may(who(gate, token), "view", Entity("collection", "sales"))

        assert may(op.token(**BOB, groups=["data-team"]))
        assert not may(op.token(**BOB, groups=[]))

    def test_stored_ones_are_mirrored_and_an_older_token_brings_nothing_back(
        self, op: InProcessProvider, open_with: OpenWith, dice: FakeDice
    ) -> None:
        """Trap 7, 8: an absent claim removes nothing; the token of this morning does not undo what came at noon."""

        gate = open_with(delegated(op, group_sync="mirror"))
        for name in ("one", "two"):
            create_group(gate, ADMIN, name)

        def stored(token: str) -> set[str]:
            caller = who(gate, token)
            assert caller.groups == frozenset()
            return set(groups_of(Subject("user", "bob@corp.example"), gate.memory.graph))

        morning = op.token(**BOB, groups=["one"], exp=int(dice.clock()) + 9000)
        dice.advance(timedelta(minutes=1))
        assert stored(op.token(**BOB, groups=["one", "two"])) == {"one", "two"}
        dice.advance(timedelta(minutes=1))
        assert stored(op.token(**BOB)) == {"one", "two"}
        assert stored(op.token(**BOB, groups=["two"])) == {"two"}
        assert stored(morning) == {"two"}
        dice.advance(timedelta(minutes=1))
        assert stored(op.token(**BOB, groups=[])) == set()


def test_a_service_is_whoever_has_the_required_claims(op: InProcessProvider, open_with: OpenWith) -> None:
    """Keyless CI: a job's own token is the service, without a stored secret; each claim has to be as configured."""
    gate = open_with(
        delegated(op, service="etl", required_claims={"repository": "acme/etl", "protected": True, "attempt": 1})
    )
    job: Document = {"sub": "repo:acme/etl", "repository": "acme/etl", "protected": True, "attempt": 1}
    with pytest.raises(InvalidToken):  # there is no such service yet
        who(gate, op.token(**job))
    create_service(gate, ADMIN, "etl")

    token = op.token(**job)
    caller = who(gate, token)

    assert (caller.subject, caller.method, caller.scope) == (Entity("service", "etl"), Method.DELEGATED, None)
    for wrong in ({"repository": "acme/evil"}, {"repository": ["acme/etl"]}, {"protected": 1}, {"attempt": True}):
        with pytest.raises(InvalidToken):
            who(gate, op.token(**{**job, **wrong}))
    with pytest.raises(InvalidToken):
        who(gate, op.token(**without("repository")(job)))
    delete_service(gate, ADMIN, "etl")
    with pytest.raises(InvalidToken):
        who(gate, token)


def test_two_tables_of_one_issuer_are_told_apart_by_required_claims(op: InProcessProvider, open_with: OpenWith) -> None:
    gate = open_with(
        delegated(op, name="etl", service="etl", required_claims={"repository": "acme/etl"}),
        delegated(op, name="docs", service="docs", required_claims={"repository": "acme/docs"}),
    )
    for name in ("etl", "docs"):
        create_service(gate, ADMIN, name)

    assert who(gate, op.token(repository="acme/docs")).subject.id == "docs"
    assert who(gate, op.token(repository="acme/etl")).subject.id == "etl"
    with pytest.raises(InvalidToken):
        who(gate, op.token(repository="acme/other"))
