"""Reading groups again at the provider, with the refresh token of a sign-in, and what else it says (P-7, P-11, P-12)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from gatepost.audit.trail import Filter, read_audit
from gatepost.directory.groups import add_member, create_group
from gatepost.directory.pages import Wanted
from gatepost.directory.roles import create_role
from gatepost.directory.users import UserChange, change_user, delete_user
from gatepost.errors import Conflict, Forbidden, InvalidToken, NotFound, ProviderFailed
from gatepost.gate import Gatepost
from gatepost.housekeeping import forget_sessions
from gatepost.settings import ClaimRule
from gatepost.sso.callback import finish
from gatepost.sso.identities import list_identities, unlink_identity
from gatepost.sso.login import Wish, begin
from gatepost.sso.provider_logout import end_by_back_channel
from gatepost.sso.provisioning import Visit, enter
from gatepost.sso.reread import Reread, sync_user
from gatepost.sso.states import providers_of
from gatepost.store import tables
from gatepost.tokens.session_list import end_session
from gatepost.tokens.sessions import NewSession, sign_out
from tests.conftest import OpenGate, settings_for
from tests.dice import FakeDice
from tests.directory.people import ADMIN, make_group, person
from tests.sso.provider_in_process import (
    InProcessProvider,
    Person,
    Raw,
    make_key,
    running_provider,
    with_,
    without,
)
from tests.sso.test_session_roles import tool_of
from tests.tokens.signing_in import by_bearer, by_cookie

Open = Callable[..., Gatepost]
LONG = timedelta(seconds=30)  # a busy machine is no provider that fails
SCOPES = ("openid", "groups", "offline_access")


@pytest.fixture
def gate_url(database_url: str) -> str:
    return database_url


@pytest.fixture
def op(dice: FakeDice) -> Iterator[InProcessProvider]:
    with running_provider() as provider:
        provider.now = dice.clock
        yield provider


@pytest.fixture
def open_with(open_gate: OpenGate, gate_url: str, op: InProcessProvider) -> Open:
    def open_one(**changes: Any) -> Gatepost:
        settings = settings_for(gate_url)
        given = {
            "scopes": SCOPES,
            "scopes_configured": True,
            "role_map": {"writers": "steward"},
            "http_timeout": LONG,
            **changes,
        }
        return open_gate(replace(settings, sso=replace(settings.sso, providers=(op.settings(**given),))))

    return open_one


@pytest.fixture
def gate(open_with: Open) -> Gatepost:
    gate = open_with()
    for name in ("analysts", "b", "c"):
        create_group(gate, ADMIN, name)
    create_role(gate, ADMIN, "steward", ["dataset:edit"])
    return gate


def arrives(gate: Gatepost, op: InProcessProvider, linking: Any = None) -> NewSession:
    """Bob signs in through the browser."""
    provider = providers_of(gate).get("op")
    uri = "http://127.0.0.1:8420/oauth/op/callback"
    asked = begin(provider, Wish(link=linking is not None), redirect_uri=uri, now=gate.now(), random=gate.dice.urandom)
    who = finish(provider, asked.attempt, op.answer_to(asked.url), gate.now())
    return enter(gate, provider.settings, who, Visit(address="192.0.2.7", agent="browser", linking=linking))


def changes(op: InProcessProvider, **claims: Any) -> None:
    """What the provider says of Bob from now on."""
    bob = op.people["bob"]
    op.people["bob"] = Person(bob.sub, {**bob.claims, **claims}, bob.userinfo)


def memberships(gate: Gatepost) -> set[str]:
    return {name for name in ("analysts", "b", "c") if gate.check("user:bob", "member", f"group:{name}").allowed}


def synced(gate: Gatepost) -> Reread:
    [done] = sync_user(gate, ADMIN, "bob")
    return done


def is_kept(gate: Gatepost, session: NewSession) -> bool:
    s = tables.sessions
    with gate.database.read() as connection:
        sealed = connection.execute(select(s.c.provider_token).where(s.c.id == session.record.id)).scalar_one_or_none()
    return sealed is not None


def test_what_the_provider_says_now_is_done_and_told(gate: Gatepost, op: InProcessProvider) -> None:
    arrives(gate, op)
    add_member(gate, ADMIN, "c", "user:bob")
    changes(op, groups=["b", "writers", "unknown"])

    done = synced(gate)

    assert memberships(gate) == {"b", "c"}
    assert (done.groups.added, done.groups.removed, done.groups.left_out) == (
        ("b",),
        ("analysts",),
        ("unknown", "writers"),
    )
    assert done.groups.why == {"b": "op lists b", "analysts": "op does not list it any more"}
    assert done.roles.added == ("steward",)
    assert gate.check("user:bob", "edit", "dataset:d").allowed
    [record] = read_audit(gate, ADMIN, Wanted(), Filter(event="user.synchronised")).items
    assert (record.target, record.subject, str(record.outcome)) == ("user:bob", "user:admin", "done")
    assert record.detail["groups"]["added"] == ["b"]  # type: ignore[index]


def test_it_can_be_asked_again_and_again_with_what_was_rotated(gate: Gatepost, op: InProcessProvider) -> None:
    session = arrives(gate, op)
    for groups in (["b"], ["c"], []):
        changes(op, groups=groups)
        synced(gate)
        assert memberships(gate) == set(groups)
        assert is_kept(gate, session)
    op.tamper.token = without("refresh_token")  # one that stays good is not sent again
    changes(op, groups=["b"])
    synced(gate)
    assert is_kept(gate, session)


def test_silence_takes_nothing_away_and_says_so(gate: Gatepost, op: InProcessProvider) -> None:
    """Trap 8."""
    arrives(gate, op)
    bob = op.people["bob"]
    op.people["bob"] = Person(bob.sub, {k: v for k, v in bob.claims.items() if k != "groups"})

    done = synced(gate)

    assert memberships(gate) == {"analysts"}
    assert (done.groups.kept, done.groups.removed) == (("analysts",), ())
    assert "missing" in done.groups.notes[0]


def test_the_refresh_token_is_sealed(gate: Gatepost, op: InProcessProvider) -> None:
    """Rule 5, trap 20."""
    session = arrives(gate, op)
    [secret] = op.refresh_tokens
    with gate.database.read() as connection:
        for table in (tables.sessions, tables.audit, tables.changelog):
            assert secret not in repr(connection.execute(select(table)).all())
    assert secret not in repr(session)


# -- attacks: an answer that is not about Bob, or not the provider's ---------------------------------------------------


def nothing_changes(gate: Gatepost, op: InProcessProvider) -> None:
    changes(op, groups=["c", "writers"])
    with pytest.raises(ProviderFailed):
        sync_user(gate, ADMIN, "bob")
    assert memberships(gate) == {"analysts"}
    assert not gate.check("user:bob", "edit", "dataset:d").allowed
    gate.journal.flush()
    [record] = read_audit(gate, ADMIN, Wanted(), Filter(event="user.synchronised")).items
    assert (str(record.outcome), record.target) == ("failed", "user:bob")


@pytest.mark.parametrize(
    "claims",
    [
        {"sub": "somebody-else"},
        {"iss": "https://evil.example"},
        {"aud": "another-client"},
        {"exp": 1},
        {"at_hash": "AAAAAAAAAAAAAAAAAAAAAA"},
        {"events": {}},
    ],
    ids=str,
)
def test_a_refreshed_id_token_that_does_not_hold_counts_for_nothing(
    gate: Gatepost, op: InProcessProvider, claims: Mapping[str, Any]
) -> None:
    """P-12: refreshed token wrong iss or sub.  Its refresh token is not kept either: it may be of whoever that is."""
    session = arrives(gate, op)
    op.tamper.claims = with_(**claims)
    nothing_changes(gate, op)
    assert not is_kept(gate, session)
    by_cookie(gate, session)


def test_a_refreshed_id_token_by_another_key_counts_for_nothing(gate: Gatepost, op: InProcessProvider) -> None:
    arrives(gate, op)
    honest = op.jwks()
    op.keys = [make_key("stranger")]
    op.tamper.jwks = lambda _: honest
    nothing_changes(gate, op)


def test_userinfo_about_somebody_else_counts_for_nothing(gate: Gatepost, op: InProcessProvider) -> None:
    """Trap 17; and where no ID token comes, which is allowed, it is all there is."""
    arrives(gate, op)
    op.tamper.token = without("id_token")
    op.tamper.userinfo = with_(sub="somebody-else")
    nothing_changes(gate, op)


def test_without_an_id_token_userinfo_speaks(gate: Gatepost, op: InProcessProvider) -> None:
    """OpenID Connect Core 12.2."""
    arrives(gate, op)
    op.tamper.token = without("id_token")
    changes(op, groups=["b"])
    synced(gate)
    assert memberships(gate) == {"b"}


@pytest.mark.parametrize(
    ("path", "raw"),
    [
        ("/token", Raw(status=500)),
        ("/token", Raw(status=200, pieces=(b"<html>",))),
        ("/token", Raw(status=200)),
        ("/token", Raw(status=400, pieces=(b'{"error": "invalid_client"}',))),
        ("/userinfo", Raw(status=503)),
    ],
    ids=["500", "no JSON", "empty", "invalid_client", "userinfo"],
)
def test_a_provider_that_fails_changes_nothing_and_can_be_asked_again(
    gate: Gatepost, op: InProcessProvider, path: str, raw: Raw
) -> None:
    session = arrives(gate, op)
    if path == "/userinfo":
        op.tamper.token = without("id_token")
    op.tamper.raw[path] = raw
    nothing_changes(gate, op)
    assert is_kept(gate, session)

    op.tamper.raw.clear()
    synced(gate)
    assert memberships(gate) == {"c"}


def test_a_provider_that_takes_its_word_back_ends_what_rests_on_it(gate: Gatepost, op: InProcessProvider) -> None:
    """P-7: a fatal refresh error ends the session; P-11: the person signs in again.  Other sign-ins go on."""
    other = arrives(gate, op)
    op.refresh_tokens.clear()
    session = arrives(gate, op)
    tool = tool_of(gate, session)
    op.refresh_tokens.clear()

    with pytest.raises(Conflict, match="2 sessions that rested on it have ended"):
        sync_user(gate, ADMIN, "bob")

    with pytest.raises(InvalidToken):
        by_cookie(gate, session)
    with pytest.raises(InvalidToken):
        by_bearer(gate, tool.access_token)
    by_cookie(gate, other)
    assert memberships(gate) == {"analysts"}


def test_whoever_may_not_enter_any_more_does_not_stay(open_with: Open, gate: Gatepost, op: InProcessProvider) -> None:
    """P-7: group rules that were tightened, there or here, end sessions; what the groups gave ends too."""
    gated = open_with(allowed_groups=("analysts",))
    sessions = [arrives(gated, op), arrives(gated, op)]
    changes(op, groups=["b"])

    done = synced(gated)

    assert done.sessions_ended == 2
    assert "no group that may enter" in done.refused
    assert memberships(gated) == {"b"}
    for session in sessions:
        with pytest.raises(InvalidToken):
            by_cookie(gated, session)
    with pytest.raises(Conflict, match="at the next sign-in"):
        sync_user(gated, ADMIN, "bob")


def test_session_roles_are_narrowed_and_never_widened(open_with: Open, gate: Gatepost, op: InProcessProvider) -> None:
    claimed = open_with(claims_map={"roles": ClaimRule(path="$.roles")})
    create_role(claimed, ADMIN, "curator", ["dataset:delete"])
    changes(op, roles=["steward", "curator"])
    session = arrives(claimed, op)
    tool = tool_of(claimed, session)
    changes(op, roles=["curator", "admin", "user"])

    assert synced(claimed).sessions_narrowed == 2

    for caller in (by_cookie(claimed, session), by_bearer(claimed, tool.access_token)):
        assert caller.roles == {"curator"}


# -- who may, and when there is nothing to ask with --------------------------------------------------------------------


def test_it_takes_a_permission_and_somebody_to_ask_about(gate: Gatepost, op: InProcessProvider) -> None:
    bob = by_cookie(gate, arrives(gate, op))
    with pytest.raises(NotFound):
        sync_user(gate, person("nobody"), "bob")
    with pytest.raises((Forbidden, NotFound)):
        sync_user(gate, bob, "bob")
    with pytest.raises(NotFound):
        sync_user(gate, ADMIN, "no-one")
    with pytest.raises(Conflict, match="does not sign in at a provider"):
        sync_user(gate, ADMIN, "admin")


@pytest.mark.parametrize(
    "ending",
    [
        lambda gate, op, session: sign_out(gate, by_cookie(gate, session)),
        lambda gate, op, session: end_session(gate, ADMIN, session.record.id),
        lambda gate, op, session: end_by_back_channel(
            gate, providers_of(gate).get("op"), op.logout_token(sub=op.people["bob"].sub)
        ),
        lambda gate, op, session: change_user(gate, ADMIN, "bob", UserChange(disabled=True)),
        lambda gate, op, session: delete_user(gate, ADMIN, "bob"),
    ],
    ids=["logout", "ended", "back-channel", "disabled", "deleted"],
)
def test_the_refresh_token_goes_with_its_session(
    gate: Gatepost, op: InProcessProvider, ending: Callable[[Gatepost, InProcessProvider, NewSession], object]
) -> None:
    session = arrives(gate, op)
    assert is_kept(gate, session)
    ending(gate, op, session)
    assert not is_kept(gate, session)
    with pytest.raises((Conflict, NotFound)):
        sync_user(gate, ADMIN, "bob")


def test_it_goes_when_the_session_runs_out(gate: Gatepost, op: InProcessProvider, dice: FakeDice) -> None:
    session = arrives(gate, op)
    dice.advance(timedelta(days=7))
    with pytest.raises(Conflict, match="next sign-in"):
        sync_user(gate, ADMIN, "bob")
    forget_sessions(gate)
    assert not is_kept(gate, session)


def test_unlinking_takes_back_what_it_brought(gate: Gatepost, op: InProcessProvider) -> None:
    """The caller goes on, with a way in of their own; nobody could ever bring these memberships in line again."""
    make_group(gate, "own", "user:admin")
    linked = arrives(gate, op, linking=ADMIN)
    assert gate.check("user:admin", "member", "group:analysts").allowed
    caller = by_cookie(gate, linked)

    unlink_identity(gate, caller, list_identities(gate, caller)[0].id)

    assert not is_kept(gate, linked)
    assert not gate.check("user:admin", "member", "group:analysts").allowed
    assert gate.check("user:admin", "member", "group:own").allowed
    assert by_cookie(gate, linked).subject.id == "admin"


def test_a_session_that_ends_while_the_provider_answers_keeps_nothing(gate: Gatepost, op: InProcessProvider) -> None:
    session = arrives(gate, op)

    def ends(document: dict[str, Any]) -> dict[str, Any]:
        end_session(gate, ADMIN, session.record.id)
        return document

    op.tamper.token = ends
    synced(gate)
    assert not is_kept(gate, session)
    assert op.refresh_tokens == {}, "what nobody keeps is given back (RFC 7009)"


def test_what_is_unlinked_while_the_provider_answers_is_not_kept_either(gate: Gatepost, op: InProcessProvider) -> None:
    """The caller's own session goes on, without the provider's word."""
    linked = arrives(gate, op, linking=ADMIN)
    caller = by_cookie(gate, linked)

    def unlinks(document: dict[str, Any]) -> dict[str, Any]:
        unlink_identity(gate, caller, list_identities(gate, caller)[0].id)
        return document

    op.tamper.token = unlinks
    with pytest.raises(Conflict, match="unlinked"):
        sync_user(gate, ADMIN, "admin")
    assert not is_kept(gate, linked)
    assert by_cookie(gate, linked).subject.id == "admin"
    assert op.refresh_tokens == {}


def test_two_at_once_do_not_use_it_twice(gate: Gatepost, op: InProcessProvider) -> None:
    """A provider that rotates would take the second use for theft, and end the grant."""
    session = arrives(gate, op)

    def outcome(_: int) -> str:
        try:
            sync_user(gate, ADMIN, "bob")
        except Conflict as error:
            return str(error)
        return "done"

    with ThreadPoolExecutor(4) as pool:
        outcomes = list(pool.map(outcome, range(4)))

    assert "done" in outcomes
    assert not any("ended" in each for each in outcomes)
    assert is_kept(gate, session)
    by_cookie(gate, session)
